"""The page in a real Chromium, if there is one; all of these tests are left to CI.

A browser serves all tests of a module, which share an event loop: starting it costs more than most of them.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from tests.end_to_end.conftest import directory, shell
from tests.page.screen import Screens

__all__ = ["directory", "shell"]  # fixtures

_NAMES = (
    "chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable",
)  # fmt: skip
# The first is Chromium without windows: a page begins in a tenth of the CPU.
_MACOS = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")


def chromium() -> str | None:
    """The path of a Chromium or Chrome, if there is one."""
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    return found or (str(_MACOS) if _MACOS.exists() else None)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    path = chromium()
    if path is None:
        pytest.skip("there is no Chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def screens(browser: Browser) -> AsyncIterator[Screens]:
    """Opens pages; at the end none may have asked another host for anything."""
    screens = Screens(browser)
    yield screens
    await screens.close()
    assert {host for screen in screens.opened for host in screen.hosts} <= screens.allowed_hosts
