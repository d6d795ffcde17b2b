"""What somebody in front of the page sees, and what its console and its requests say."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import (
    Browser,
    BrowserContext,
    CDPSession,
    ConsoleMessage,
    Error,
    Page,
    Request,
    ViewportSize,
)

from tests.waiting import WITHIN

DESK: ViewportSize = {"width": 1440, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 760}
WALL: ViewportSize = {"width": 3840, "height": 2160}

_READ = """() => {
  const text = id => document.getElementById(id).textContent
  const rows = id => [...document.getElementById(id).rows].map(row =>
    [row.cells[0].textContent, row.cells[2].textContent, row.cells[3].textContent])
  return {
    state: document.documentElement.dataset.state, old: document.documentElement.classList.contains('old'),
    takings: text('takings'), orders: text('orders-sum'), stores: rows('stores'), drinks: rows('drinks'),
    checked: text('checked'), sentence: text('sentence'), status: text('status'), fault: text('fault'),
    recent: [...document.getElementById('orders').rows].map(row =>
      [...row.cells].map(cell => cell.textContent)),
  }
}"""


def number(text: str) -> int:
    """Read a displayed number without its separators, money in its smallest unit."""
    return int(re.sub(r"[^0-9-]", "", text))


class Shown:
    """The figures of a page at one moment."""

    def __init__(self, read: dict[str, Any]) -> None:
        self.state: str = read["state"]
        self.old: bool = read["old"]
        self.status: str = read["status"]
        self.fault: str = read["fault"]
        self.checked: str = read["checked"]
        self.sentence: str = read["sentence"]
        self.recent: list[list[str]] = read["recent"]
        self.total = _figures(read["orders"], read["takings"])
        self.stores = _rows(read["stores"])
        self.drinks = _rows(read["drinks"])


def _figures(count: str, money: str) -> tuple[int, int] | None:
    """Orders or pieces, and cents; `None` before the first picture."""
    return None if money == "–" else (number(count), number(money))


def _rows(rows: list[list[str]]) -> dict[str, tuple[int, int]]:
    sums = {name: (number(count), number(money)) for name, money, count in rows}
    return {name: figures for name, figures in sums.items() if figures != (0, 0)}


class Screen:
    """One page of a browser."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.errors: list[str] = []
        self.hosts: set[str] = set()
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.errors.append(f"{message.text} ({message.location['url']})")

    def _request(self, request: Request) -> None:
        if not request.url.startswith("data:"):
            self.hosts.add(urlsplit(request.url).netloc)

    async def shown(self) -> Shown:
        return Shown(await self.page.evaluate(_READ))

    async def shows(self, condition: Callable[[Shown], object], *, within: float = WITHIN) -> Shown:
        """Wait until what is shown meets a condition, and return it."""
        deadline = time.monotonic() + within
        shown = None
        while time.monotonic() < deadline:
            with suppress(Error):  # another page is being loaded
                shown = await self.shown()
                if condition(shown):
                    return shown
            await asyncio.sleep(0.05)
        raise AssertionError(f"still waiting after {within} s: {shown and vars(shown)}")

    async def session(self) -> CDPSession:
        """The protocol of Chromium's developer tools."""
        return await self.page.context.new_cdp_session(self.page)

    async def freeze(self, *, frozen: bool) -> None:
        """Stop the page, as the sleep of a laptop or the background of a phone does, or wake it."""
        session = await self.session()
        state = "frozen" if frozen else "active"
        await session.send("Page.setWebLifecycleState", {"state": state})


class Screens:
    """Opens pages in contexts of their own, each with its own cookies."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self.opened: list[Screen] = []
        self.allowed_hosts: set[str] = set()
        self._contexts: list[BrowserContext] = []

    async def context(self, **options: Any) -> BrowserContext:
        context = await self._browser.new_context(**{"locale": "en-US", "viewport": DESK} | options)
        self._contexts.append(context)
        return context

    async def open(
        self, url: str, *, context: BrowserContext | None = None, **options: Any
    ) -> Screen:
        """Open an address, whose host alone may then be asked for anything."""
        self.allowed_hosts.add(urlsplit(url).netloc)
        page = await (context or await self.context(**options)).new_page()
        screen = Screen(page)
        self.opened.append(screen)
        await page.goto(url)
        return screen

    async def close(self) -> None:
        for context in self._contexts:
            await context.close()
