"""The example of `docs/feed.md` for a browser: orders appear as they come, also after a lost connection."""

from __future__ import annotations

import aiohttp
import pytest
from playwright.async_api import Browser, Route

from tests.end_to_end.processes import Shell
from tests.integration.feed.test_examples import example
from tests.ports import free_port


@pytest.mark.long
@pytest.mark.asyncio(loop_scope="module")
async def test_orders_appear_and_none_is_missed(browser: Browser, shell: Shell) -> None:
    port = free_port()
    server, url = await shell.serve(port=port)
    page = await browser.new_page()

    async def answer(route: Route) -> None:
        await route.fulfill(body=example("browser"), content_type="text/html")

    await page.route(f"{url}/example", answer)
    async with aiohttp.ClientSession() as http:
        await page.goto(f"{url}/example")
        await page.wait_for_function("feed.readyState === EventSource.OPEN")
        await _place(http, url, 2)
        await page.wait_for_function("document.querySelectorAll('li').length === 2")
        await server.killed()
        await shell.serve(port=port)
        await _place(http, url, 3)
        await page.wait_for_function("document.querySelectorAll('li').length === 5")
    assert await page.locator("li").first.inner_text() == "placed 1 latte uptown"


async def _place(http: aiohttp.ClientSession, url: str, count: int) -> None:
    for _ in range(count):
        order = {"store": "uptown", "drink": "latte"}
        async with http.post(f"{url}/api/orders", json=order) as response:
            assert response.status == 201
