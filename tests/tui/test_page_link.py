"""`Q`: the figures on a phone."""

from __future__ import annotations

import pytest
from textual.widgets import Static

from coffeert.errors import CoffeertError, NotFound
from coffeert.tui.render.page_link import qr_lines
from coffeert.tui.screens.dashboard import Dashboard
from coffeert.tui.screens.page_link import PageLink
from coffeert.wire.login import LoginLink
from tests.tui.conftest import Harness, Launch

CODE = "AbCdEfGhIjKlMnOp"
REACHED = LoginLink(code=CODE, url="http://192.0.2.7:8765/", expires_in=300)
LOOPBACK_ONLY = LoginLink(code=None, url=None, expires_in=300)


async def asked(s: Harness, link: LoginLink | CoffeertError) -> str:
    """Press Q, and return what is shown once the server has answered."""
    s.archive.link = link
    await s.pilot.press("Q")
    while True:
        await s.pilot.pause(0.02)
        assert isinstance(s.app.screen, PageLink)
        shown = str(s.app.screen.query_one("#page-link", Static).render())
        if "Asking" not in shown:
            return shown


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
async def test_it_shows_a_code_and_the_address(launch: Launch, size: tuple[int, int]) -> None:
    async with launch(size) as s:
        shown = await asked(s, REACHED)
        address = f"http://192.0.2.7:8765/#code={CODE}"
        assert "\n".join(qr_lines(address)) in shown
        assert address in shown
        assert "works once, for 5 minutes" in shown
        await s.pilot.press("escape")
        assert isinstance(s.app.screen, Dashboard)


@pytest.mark.parametrize(
    ("link", "words"),
    [
        (LOOPBACK_ONLY, "coffeert serve --host 0.0.0.0"),
        (NotFound("Nothing lies at this address."), "Nothing lies at this address."),
    ],
)
async def test_or_why_there_is_none(
    launch: Launch, link: LoginLink | CoffeertError, words: str
) -> None:
    async with launch() as s:
        assert words in await asked(s, link)


async def test_without_blocks_there_is_only_the_address(launch: Launch) -> None:
    async with launch(glyphs="ascii") as s:
        shown = await asked(s, REACHED)
        assert CODE in shown
        assert shown.isascii()
