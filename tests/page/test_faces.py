"""Phone, desk and wall: what each shows, how it is reached by keyboard, and how often it is painted."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import Literal

import aiohttp
import pytest
from playwright.async_api import Route, ViewportSize, expect

from coffeert.client import Draft, OrderClient
from tests.end_to_end.processes import Shell
from tests.page.screen import DESK, PHONE, WALL, Screen, Screens

pytestmark = [pytest.mark.long, pytest.mark.asyncio(loop_scope="module")]

LATTE = {"store": "uptown", "drink": "latte"}
TABLET: ViewportSize = {"width": 820, "height": 1180}


async def order(url: str) -> None:
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{url}/api/orders", json=LATTE) as answer,
    ):
        assert answer.status == 201


async def live(screen: Screen) -> None:
    await screen.shows(lambda at: at.state == "live" and at.total is not None)


async def test_every_width_shows_all_without_scrolling_sideways(
    shell: Shell, screens: Screens
) -> None:
    _, url = await shell.serve()
    await order(url)
    screen = await screens.open(url)
    for size in (PHONE, TABLET, DESK, WALL):
        await screen.page.set_viewport_size(size)
        for query in ("", "?wall", "?period=30d&store=uptown"):
            await screen.page.goto(f"{url}/{query}")
            await live(screen)
            wide, high = await screen.page.evaluate(
                "[document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
            )
            assert wide <= size["width"]
            if query == "?wall":
                assert high <= size["height"]
            await expect(screen.page.locator("#takings")).to_be_in_viewport(ratio=1)
    assert screen.errors == []


_CUT_OFF = """() => {
  const range = document.createRange()
  const width = node => (range.selectNodeContents(node), range.getBoundingClientRect().width)
  return [...document.querySelectorAll('.value')]
    .filter(node => width(node) > node.clientWidth + 0.5)
    .map(node => `${node.textContent}: ${width(node)} of ${node.clientWidth}`)
}"""
_COLUMNS = """() => ['stores', 'drinks'].flatMap(id => {
  const right = row => [...row.cells].map(cell => Math.round(cell.getBoundingClientRect().right))
  const table = document.getElementById(id)
  return [[right(table.parentNode.tHead.rows[0]), right(table.rows[0])]]
})"""


async def test_long_amounts_and_names_are_not_cut_off(shell: Shell, screens: Screens) -> None:
    assert (await shell.run("menu", "currency", "KWD")).code == 0
    name = "Coffee House on the Corner of Main Street"
    assert (await shell.run("menu", "add", "store", "corner", "--name", name)).code == 0
    _, url = await shell.serve()
    async with OrderClient(url) as client:
        await client.place(Draft("corner", "latte", 2_000, 123_456))
        await client.place(Draft("corner", "tea", 1, 500))
    screen = await screens.open(url)
    small: ViewportSize = {"width": 1024, "height": 768}
    for size in (PHONE, TABLET, small, DESK):
        await screen.page.set_viewport_size(size)
        await screen.page.goto(f"{url}/?period=30d")
        await live(screen)
        await screen.shows(lambda at: len(at.recent) == 2)
        assert await screen.page.evaluate(_CUT_OFF) == [], size
        assert await screen.page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        drink = await screen.page.locator("#orders .drink").first.bounding_box()
        assert drink is not None
        assert drink["width"] > 40
        for head, row in await screen.page.evaluate(_COLUMNS):
            assert head == row, "a heading stands over its column"


async def test_it_says_what_leads_and_how_many_stores_sell(shell: Shell, screens: Screens) -> None:
    _, url = await shell.serve()
    async with OrderClient(url) as client:
        for quantity in (1, 1, 1):
            await client.place(Draft("uptown", "espresso", quantity))
        await client.place(Draft("uptown", "latte", 9))
        three_hours_ago = datetime.now(UTC) - timedelta(hours=3)
        await client.place(Draft("central", "tea", 1, placed_at=three_hours_ago))
    screen = await screens.open(url)
    await screen.shows(lambda at: "Latte leads." in at.sentence)
    selling = screen.page.locator("#selling")
    await expect(selling).to_have_text(re.compile(r"1 of \d+"))
    await screen.page.goto(f"{url}/?store=central")
    await expect(selling).to_have_text("0 of 1")


_ON_TOP = """node => {
  const { left, top, width, height } = node.getBoundingClientRect()
  return document.elementFromPoint(left + width / 2, top + height / 2) === node
}"""


async def test_a_wall_has_the_figures_and_no_controls(shell: Shell, screens: Screens) -> None:
    _, url = await shell.serve()
    screen = await screens.open(f"{url}/?wall", viewport=WALL)
    await live(screen)
    digits = await screen.page.locator("#takings").bounding_box()
    assert digits is not None
    assert digits["height"] > WALL["height"] / 5
    assert await screen.page.locator("a:visible, button:visible").count() == 0
    for name in ("#status", "#clock"):
        assert await screen.page.locator(name).evaluate(_ON_TOP), f"{name} is covered"


def zone_where_it_is(hour: int) -> str:
    """The name of a zone in which it is about this hour now; its sign is the other way round."""
    ahead = (hour - datetime.now(UTC).hour + 12) % 24 - 12
    return f"Etc/GMT{-ahead:+d}" if ahead else "Etc/GMT"


@pytest.mark.parametrize(("hour", "dims"), [(2, True), (12, False)])
async def test_a_wall_is_dim_at_night_until_somebody_orders(
    shell: Shell, screens: Screens, hour: int, dims: bool
) -> None:
    zone = zone_where_it_is(hour)
    _, url = await shell.serve("--timezone", zone)
    assert (await shell.run("menu", "calendar", "--timezone", zone)).code == 0
    screen = await screens.open(f"{url}/?wall")
    await screen.shows(lambda at: at.state == "live" and f"{hour:02}:" in at.sentence)
    night = screen.page.locator("html.night")
    await expect(night).to_have_count(int(dims))
    await order(url)
    await expect(night).to_have_count(0)


async def test_all_is_reached_by_keyboard(shell: Shell, screens: Screens) -> None:
    _, url = await shell.serve()
    await order(url)
    screen = await screens.open(url)
    await live(screen)
    page = screen.page
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to the figures")).to_be_focused()
    await page.get_by_role("link", name="24 h").focus()
    await page.keyboard.press("Enter")
    assert page.url == f"{url}/?period=24h"
    await page.get_by_role("link", name="Uptown").focus()
    await page.keyboard.press("Enter")
    assert page.url == f"{url}/?period=24h&store=uptown"
    chart = page.get_by_role("img")
    await chart.focus()
    await page.keyboard.press("End")
    await expect(page.locator(".readout")).to_contain_text("4.80 so far")
    await page.get_by_text("As a table").click()
    await expect(page.locator("details td").filter(has_text="4.80")).to_have_count(1)
    await page.go_back()
    assert page.url == f"{url}/?period=24h"
    await page.get_by_role("link", name="Latte", exact=True).click()
    await page.get_by_role("link", name="Show more than Latte").click()
    assert page.url == f"{url}/?period=24h"


async def test_it_has_landmarks_and_names(shell: Shell, screens: Screens) -> None:
    _, url = await shell.serve()
    screen = await screens.open(url)
    await live(screen)
    page = screen.page
    roles: tuple[Literal["banner", "main", "navigation", "contentinfo", "status"], ...] = (
        "banner", "main", "navigation", "contentinfo", "status",
    )  # fmt: skip
    for role in roles:
        await expect(page.get_by_role(role)).to_have_count(1)
    await expect(page.get_by_role("heading", level=1)).to_contain_text("0 orders")
    for table in ("Stores", "Drinks", "Last orders"):
        await expect(page.get_by_role("region", name=table)).to_be_visible()
    chart = page.get_by_role("img")
    await expect(chart).to_have_attribute("aria-label", re.compile("Takings by .* Highest "))


async def test_it_is_painted_four_times_a_second_at_most(shell: Shell, screens: Screens) -> None:
    _, url = await shell.serve()
    screen = await screens.open(url)
    await live(screen)
    injector = shell.start("inject", "--url", url, "--rate", "400", "--duration", "6s")
    await screen.shows(lambda at: at.total and at.total[0] > 100)
    await screen.page.evaluate("""() => {
      window.paints = 0
      const changes = { attributes: true, attributeFilter: ['data-version'] }
      new MutationObserver(() => window.paints++).observe(document.documentElement, changes)
    }""")
    await asyncio.sleep(3)
    paints = await screen.page.evaluate("window.paints")
    assert 2 <= paints <= 13
    assert (await injector.ended()).code == 0


async def test_numbers_are_the_readers_and_amounts_the_shops(
    shell: Shell, screens: Screens
) -> None:
    assert (await shell.run("menu", "currency", "EUR")).code == 0
    _, url = await shell.serve()
    for _ in range(3):
        await order(url)
    german = await screens.open(url, locale="de-DE")
    await expect(german.page.locator("#takings")).to_have_text("14,40\u00a0€")
    english = await screens.open(url, locale="en-US")
    await expect(english.page.locator("#takings")).to_have_text("€14.40")


async def test_yesterday_is_told_with_its_closing_and_what_came_after(
    shell: Shell, screens: Screens
) -> None:
    _, url = await shell.serve()
    noon = datetime.now(UTC).replace(hour=12) - timedelta(days=1)
    async with OrderClient(url) as client:
        for key in ("1", "2"):
            await client.place(Draft("uptown", "latte", 1, 480, noon, key=key, receipt=key))
        await client.place(Draft("uptown", "tea", 1, 290, noon, key="3"))
        await client.close_day()
        await client.void("2")
        screen = await screens.open(url)
        await live(screen)
        await expect(screen.page.locator("#yesterday")).to_have_text(
            "Yesterday 2 orders, 7.70. 1 receipt, for 50 % of the orders. "
            "Closing 1: 1 order came since (-4.80)."
        )
        await client.place(Draft("uptown", "latte", 2, 480, noon, key="4"))
        again = await screens.open(url)
        await expect(again.page.locator("#yesterday")).to_contain_text(
            "Closing 1: 2 orders came since (+4.80)."
        )


async def test_a_currency_without_decimals(shell: Shell, screens: Screens) -> None:
    assert (await shell.run("menu", "currency", "JPY")).code == 0
    _, url = await shell.serve()
    await order(url)
    screen = await screens.open(url)
    await expect(screen.page.locator("#takings")).to_have_text("¥480")


_PAGES_OF_A_FILTER = """async () => {
  const { Orders } = await import(new URL('page/reports.js', document.baseURI))
  let clock = performance.now()
  performance.now = () => clock
  const answer = await new Promise(resolve => {
    let pages = 0
    const orders = new Orders({ store: ['uptown'], drink: [] }, () => {
      const shown = orders.list([], [])
      if (++pages === 40) return resolve({ more: shown.more, voided: shown.voided.size })
      clock += 10_000
      orders.refresh()
    })
    orders.refresh()
  })
  return answer
}"""


async def test_what_is_no_longer_on_the_first_page_of_a_filter_is_not_kept(
    shell: Shell, screens: Screens
) -> None:
    """Each page has one order that the one before lacks, and nobody asks for older ones."""
    _, url = await shell.serve()
    screen = await screens.open(url)
    asked = 0

    async def scripted(route: Route) -> None:
        nonlocal asked
        asked += 1
        orders = [
            {"order_id": f"{n}", "placed_at": f"2026-11-01T12:00:{n:02}Z", "voided_by": "x"}
            for n in range(asked + 15, asked, -1)
        ]
        await route.fulfill(json={"orders": orders, "next": None, "total": len(orders)})

    await screen.page.route(re.compile("/api/orders"), scripted)
    shown = await screen.page.evaluate(_PAGES_OF_A_FILTER)
    assert shown == {"more": False, "voided": 15}
