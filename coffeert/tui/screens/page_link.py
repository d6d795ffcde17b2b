"""A QR code that opens the page on a phone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from coffeert.errors import CoffeertError
from coffeert.tui.render.page_link import page_address, qr_lines
from coffeert.tui.screens.modal import Modal
from coffeert.wire.login import LoginLink

_LOOPBACK_ONLY = """\
This server listens on its own machine only, where no phone can reach it. There, the page is
{page}

To open it on a phone, start the server for the network, with a token of your own for orders and \
one for reading:

COFFEERT_TOKEN=... COFFEERT_READ_TOKEN=... coffeert serve --host 0.0.0.0"""
_SCAN = "Scan it with a phone in the same network."
_ONCE = f"{_SCAN} It works once, for {{minutes:.0f}} minutes, and only reads."


class PageLink(Modal[None]):
    """Asks for a link to the page of the server at `url`, and shows it; `blocks`: it can be drawn."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,q,Q", "close", "close", show=False, id="page.close", tooltip="Close"),
    ]

    def __init__(
        self, url: str, link: Callable[[], Awaitable[LoginLink]], *, blocks: bool = True
    ) -> None:
        super().__init__()
        self._url = url
        self._link = link
        self._blocks = blocks

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="box") as box:
            box.border_title = "On a phone"
            yield Static("Asking the server for a link ...", id="page-link", markup=False)

    def on_mount(self) -> None:
        self.run_worker(self._ask(), name="page link")

    async def _ask(self) -> None:
        try:
            link = await self._link()
        except CoffeertError as error:
            self._show(Text(str(error)))
            return
        address = page_address(self._url, link)
        if address is None:
            self._show(Text(_LOOPBACK_ONLY.format(page=f"{self._url.rstrip('/')}/")))
            return
        said = Text()
        if self._blocks:
            # In these colours whatever the theme: phones read dark on light.
            said.append("\n".join(qr_lines(address)), style="#000000 on #ffffff")
            said.append("\n")
        hint = _SCAN if link.code is None else _ONCE.format(minutes=link.expires_in / 60)
        said.append(f"{hint}\n{address}")
        self._show(said)

    def _show(self, text: Text) -> None:
        self.query_one("#page-link", Static).update(text)
