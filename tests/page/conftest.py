"""The page in a real Chromium, where there is one; all of these tests are left to CI."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright

from tests.end_to_end.conftest import books, directory, shell
from tests.page.screen import Screens

__all__ = ["books", "directory", "shell"]  # fixtures

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_MACOS = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")


def chromium() -> str | None:
    """The path of a Chromium or Chrome, if there is one."""
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    return found or (str(_MACOS) if _MACOS.exists() else None)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    path = chromium()
    if path is None:
        pytest.skip("there is no Chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path)
        yield browser
        await browser.close()


@pytest.fixture
async def screens(browser: Browser) -> AsyncIterator[Screens]:
    """Opens pages; at the end none may have asked another host for anything."""
    screens = Screens(browser)
    yield screens
    await screens.close()
    assert {host for screen in screens.opened for host in screen.hosts} <= screens.allowed_hosts
