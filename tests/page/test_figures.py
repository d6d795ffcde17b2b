"""The page shows what SQL says, through all that happens to servers, networks and laptops."""

from __future__ import annotations

import asyncio
import random
import re
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.async_api import expect
from redis.asyncio import Redis

from coffeert.client import Draft, OrderClient
from coffeert.domain.orders import Void, new_order_id
from tests.end_to_end.processes import Shell
from tests.page.screen import Screen, Screens
from tests.page.truth import Truth, truth
from tests.ports import free_port

pytestmark = [pytest.mark.long, pytest.mark.asyncio(loop_scope="module")]

PERIODS = ("today", "60m", "24h", "7d", "30d")
ZONES = {
    "central": "Asia/Kolkata", "uptown": "Asia/Kolkata", "downtown": "Asia/Kolkata",
    "southend": "America/New_York",
}  # fmt: skip
FILTERS: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    ((), ()),
    (("southend",), ()),
    ((), ("latte", "tea")),
    (("central", "southend"), ("latte",)),
)


def orders(rng: random.Random, count: int) -> Iterator[Draft | Void]:
    """Make up sales, refunds, amounts of their own and voids, in the last minutes, hours and days."""
    stores, placed = list(ZONES), []
    for _ in range(count):
        ago = rng.choice((3_000, 80_000, 700_000, 2_500_000)) * rng.random()
        made = Draft(
            rng.choice(stores),
            rng.choice(("latte", "tea", "mocha", "espresso")),
            quantity=rng.choice((1, 1, 1, 2, 5, -1)),
            placed_at=datetime.now(UTC) - timedelta(seconds=ago),
            order_id=new_order_id(),
        )
        yield made
        assert made.order_id is not None
        placed.append(made.order_id)
        if rng.random() < 0.15:
            yield Void(placed.pop(rng.randrange(len(placed))))


async def place(url: str, rng: random.Random, count: int) -> None:
    async with OrderClient(url) as client:

        async def some() -> AsyncIterator[Draft | Void]:
            for each in orders(rng, count):
                yield each

        result = await client.batch(some())
        assert result.rejected == 0


async def equal(screen: Screen, url: str, expected: Truth, *, within: float = 20.0) -> None:
    """Wait until the page shows what SQL says of now, as live figures that are checked."""
    query = parse_qs(urlsplit(screen.page.url).query)
    (period,) = query.get("period", ["today"])
    stores, drinks = tuple(query.get("store", ())), tuple(query.get("drink", ()))
    deadline = time.monotonic() + within
    async with OrderClient(url) as client:
        while True:
            before = (await client.dashboard()).view.as_of
            shown = await screen.shown()
            wanted = await expected.of(before, period, stores, drinks)
            after = (await client.dashboard()).view.as_of
            live = shown.state == "live" and shown.checked.startswith("figures checked")
            if before == after and live and (shown.total, shown.stores, shown.drinks) == wanted:
                return
            assert time.monotonic() < deadline, (wanted, vars(shown))
            await asyncio.sleep(0.1)


@asynccontextmanager
async def shop(
    shell: Shell, database_url: str, *, port: int = 0
) -> AsyncIterator[tuple[str, Truth]]:
    """A server of two time zones with orders, and what is true of them."""
    zone = await shell.run("menu", "calendar", "southend", "--timezone", ZONES["southend"])
    default = await shell.run("menu", "calendar", "--timezone", ZONES["central"])
    assert zone.code == default.code == 0, zone.err + default.err
    _, url = await shell.serve(port=port)
    async with OrderClient(url) as client:
        menu = await client.menu()
    names = {store.code: store.name for store in menu.stores}
    names |= {drink.code: drink.name for drink in menu.drinks}
    async with truth(database_url, ZONES, names) as found:
        yield url, found


@pytest.mark.parametrize("seed", range(2))
async def test_every_period_and_filter_equals_sql(
    shell: Shell, database_url: str, screens: Screens, seed: int
) -> None:
    rng = random.Random(seed)
    async with shop(shell, database_url) as (url, expected):
        screen = await screens.open(url)
        for _ in range(3):
            await place(url, rng, 120)
            await equal(screen, url, expected)
        async with OrderClient(url) as client:
            today = (await client.dashboard()).view.totals.today
        assert (await screen.shown()).total == (today.orders, today.cents)
        for period in PERIODS:
            for stores, drinks in FILTERS:
                chosen = [f"store={code}" for code in stores] + [f"drink={code}" for code in drinks]
                await screen.page.goto(f"{url}/?{'&'.join([f'period={period}', *chosen])}")
                await equal(screen, url, expected)
        assert screen.errors == []


async def test_through_a_killed_server_and_a_flushed_redis(
    shell: Shell, database_url: str, redis_url: str, screens: Screens
) -> None:
    rng, port = random.Random(1), free_port()
    async with shop(shell, database_url, port=port) as (url, expected):
        screen = await screens.open(url)
        await place(url, rng, 80)
        await equal(screen, url, expected)
        async with Redis.from_url(redis_url) as redis:
            await redis.flushall()
        await place(url, rng, 80)
        await equal(screen, url, expected)
        assert screen.errors == []
        await shell.commands[-1].killed()
        lost = await screen.shows(lambda at: at.state == "lost")
        assert lost.old
        assert lost.status.startswith("not connected since")
        await expect(screen.page.locator("rect.unknown")).to_have_count(1)
        _, url = await shell.serve(port=port)
        await place(url, rng, 80)
        await equal(screen, url, expected)
        await expect(screen.page.locator("rect.unknown")).to_have_count(0)


async def test_through_the_sleep_of_a_laptop(
    shell: Shell, database_url: str, screens: Screens
) -> None:
    rng, port = random.Random(2), free_port()
    async with shop(shell, database_url, port=port) as (url, expected):
        screen = await screens.open(f"{url}/?period=60m")
        await place(url, rng, 80)
        await equal(screen, url, expected)
        for restarted in (False, True):
            await screen.freeze(frozen=True)
            await place(url, rng, 80)
            if restarted:
                await shell.commands[-1].killed()
                _, url = await shell.serve(port=port)
                await place(url, rng, 20)
            await asyncio.sleep(1)  # of sleep
            await screen.freeze(frozen=False)
            await equal(screen, url, expected)


async def test_it_says_when_figures_are_old(
    shell: Shell, database_url: str, screens: Screens
) -> None:
    async with shop(shell, database_url) as (url, expected):
        screen = await screens.open(url)
        await place(url, random.Random(3), 40)
        await equal(screen, url, expected)
        server = shell.commands[-1]
        server.signal(signal.SIGSTOP)
        try:
            stale = await screen.shows(lambda at: at.state == "stale")
            assert stale.old
            assert stale.status.startswith("no news for")
        finally:
            server.signal(signal.SIGCONT)
        await equal(screen, url, expected)
        assert screen.errors == []


async def test_a_wrong_clock_of_the_device_changes_nothing(
    shell: Shell, database_url: str, screens: Screens
) -> None:
    async with shop(shell, database_url) as (url, expected):
        await place(url, random.Random(4), 40)
        context = await screens.context()
        await context.add_init_script("const now = Date.now; Date.now = () => now() + 7_000_000")
        screen = await screens.open(f"{url}/?period=60m", context=context)
        await screen.shows(lambda at: at.total is not None)
        for _ in range(20):
            assert (await screen.shown()).state == "live"
            await asyncio.sleep(0.1)
        await equal(screen, url, expected)


async def test_an_unknown_code_is_said_and_not_shown_as_nothing_sold(
    shell: Shell, database_url: str, screens: Screens
) -> None:
    async with shop(shell, database_url) as (url, _):
        screen = await screens.open(f"{url}/?store=moon")
        assert "No store is called moon." in (await screen.shows(lambda at: at.fault)).fault
        assert screen.errors == []


async def test_orders_beyond_the_live_view_are_listed_page_by_page(
    shell: Shell, database_url: str, screens: Screens
) -> None:
    _, url = await shell.serve()
    begin = datetime.now(UTC) - timedelta(hours=30)

    async def some() -> AsyncIterator[Draft | Void]:
        ids = [new_order_id() for _ in range(150)]
        for number, order_id in enumerate(ids):
            moment = begin + timedelta(seconds=number)
            yield Draft("uptown", "tea", placed_at=moment, order_id=order_id)
        yield Void(ids[7])
        for _ in range(60):  # as many as the live view has, and more
            yield Draft("central", "latte", order_id=new_order_id())

    async with OrderClient(url) as client:
        result = await client.batch(some())
    assert result.rejected == 0
    screen = await screens.open(f"{url}/?store=uptown&drink=tea")
    rows = screen.page.locator("#orders tr")
    title, older = screen.page.locator("#orders-title"), screen.page.locator("#older")
    await expect(title).to_have_text("Last orders (20 of 150)")
    await expect(rows).to_have_count(20)
    for count in (120, 150):
        await older.click()
        await expect(rows).to_have_count(count)
    await expect(title).to_have_text("Last orders (150 of 150)")
    await expect(older).to_be_hidden()
    await expect(screen.page.locator("#orders tr.cancelled")).to_have_count(1)
    shown = await screen.shown()
    assert {row[2] for row in shown.recent} == {"Uptown"}
    times = [row[0] for row in shown.recent]
    assert all(re.fullmatch(r"\d+ \w{3} \d\d:\d\d", text) for text in times), times[0]
    # What arrives now stands above, and is counted.
    async with OrderClient(url) as client:
        await client.place(Draft("uptown", "tea", order_id=new_order_id()))
    await expect(title).to_have_text("Last orders (151 of 151)")
    await screen.page.get_by_role("link", name="Show more than Uptown").click()
    await screen.page.get_by_role("link", name="Show more than Tea").click()
    await expect(title).to_have_text("Last orders")
    await older.click()
    await expect(rows).to_have_count(100)
    assert screen.errors == []
