"""The address of the page as a QR code, or why there is none."""

from __future__ import annotations

from typing import Final

import segno
from yarl import URL

from coffeert.net import is_local_host
from coffeert.wire.login import LoginLink

QUIET_MODULES: Final = 2
"""Light modules around the code: half of what the standard asks for, and enough for every phone."""

_HALVES: Final = {(0, 0): " ", (0, 1): "▄", (1, 0): "▀", (1, 1): "█"}


def page_address(server: str, link: LoginLink) -> str | None:
    """Return the address that opens the page on another device; `None` if none can reach the server.

    A terminal that reached it over the network knows a name by which others do, too; the server only
    knows its address in the local network.
    """
    reached = URL(server)
    page = link.url if is_local_host(reached.host or "") else f"{server.rstrip('/')}/"
    if page is None or link.code is None:
        return page
    return f"{page}#code={link.code}"


def qr_lines(text: str) -> list[str]:
    """Draw a text as a QR code, to be shown dark on light; a character is two modules, one above the other.

    ISO/IEC 18004; error correction L, since a screen is not scratched and a small code is read faster.
    """
    code = segno.make_qr(text, error="l")
    rows = [list(row) for row in code.matrix_iter(border=QUIET_MODULES)]
    if len(rows) % 2:
        rows.append([0] * len(rows[0]))
    return [
        "".join(_HALVES[upper, lower] for upper, lower in zip(above, below, strict=True))
        for above, below in zip(rows[::2], rows[1::2], strict=True)
    ]
