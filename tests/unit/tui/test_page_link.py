"""The address that a phone opens, and the code that it scans."""

from __future__ import annotations

import pytest
import segno
from hypothesis import given
from hypothesis import strategies as st

from coffeert.tui.render.page_link import QUIET_MODULES, page_address, qr_lines
from coffeert.wire.login import LoginLink

CODE, LAN = "AbCdEfGhIjKlMnOp", "http://192.0.2.7:8765/"


@pytest.mark.parametrize(
    ("server", "code", "url", "address"),
    [
        ("http://127.0.0.1:8765", CODE, LAN, f"{LAN}#code={CODE}"),
        ("http://localhost:8765/", CODE, LAN, f"{LAN}#code={CODE}"),
        ("http://127.0.0.1:8765", CODE, None, None),
        ("http://127.0.0.1:8765", None, None, None),
        # A name that works from another machine works for phones, too; the server knows less.
        ("https://shop.example/coffee", CODE, None, f"https://shop.example/coffee/#code={CODE}"),
        ("http://till.lan:8765", CODE, LAN, f"http://till.lan:8765/#code={CODE}"),
        ("https://shop.example", None, None, "https://shop.example/"),
    ],
)
def test_the_address_is_one_that_other_devices_reach(
    server: str, code: str | None, url: str | None, address: str | None
) -> None:
    assert page_address(server, LoginLink(code=code, url=url, expires_in=300)) == address


@given(st.text(min_size=1, max_size=80, alphabet=st.characters(codec="ascii", min_codepoint=33)))
def test_the_drawing_has_every_module(text: str) -> None:
    modules = {" ": (0, 0), "▄": (0, 1), "▀": (1, 0), "█": (1, 1)}
    rows: list[list[int]] = []
    for line in qr_lines(text):
        upper, lower = zip(*(modules[half] for half in line), strict=True)
        rows += [list(upper), list(lower)]
    drawn = segno.make_qr(text, error="l").matrix_iter(border=QUIET_MODULES)
    expected = [list(row) for row in drawn]
    assert rows[: len(expected)] == expected
    assert not any(map(any, rows[len(expected) :]))


def test_it_fits_a_small_terminal() -> None:
    lines = qr_lines(f"http://192.168.100.100:8765/#code={CODE}")
    assert len(lines) <= 17
    assert max(map(len, lines)) <= 36
