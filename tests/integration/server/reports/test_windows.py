"""Windows equal the orders, whenever these arrived: from every single order, in Python."""

from __future__ import annotations

import asyncio
import random
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coffeert.aggregator.aggregation_pass import LeaderLease, run_pass
from coffeert.domain.menu import Menu
from coffeert.domain.orders import Order
from coffeert.errors import Invalid
from coffeert.postgres.menu import load_menu
from coffeert.postgres.pool import Connection, close, connect
from coffeert.postgres.reports import report_transaction
from coffeert.postgres.state import locked_state
from coffeert.postgres.verification import rebuild, verify
from coffeert.server.reports.windows import WindowSpan, read_sessions, read_sliding
from coffeert.wire.windows import SalesSessions, SlidingSums
from tests.integration.postgres.passing import run_pass as one_pass
from tests.order_book import insert, order, stored_orders, void

MINUTE = timedelta(minutes=1)
START = datetime(2026, 3, 28, 6, 0, tzinfo=UTC)
STORES = ("uptown", "downtown", "central", "southend")
SOURCES = (None, "till", "web")
GAPS = tuple(timedelta(seconds=seconds) for seconds in (60, 60.5, 61, 90, 300, 900, 1800, 7200))
WIDTHS = tuple(MINUTE * minutes for minutes in (1, 2, 5, 10, 60, 240))

ACTIVITY = "SELECT * FROM activity ORDER BY store, minute, source"
DAMAGE = """
    DELETE FROM activity WHERE orders % 4 = 1;
    UPDATE activity SET orders = orders + 1, last_at = first_at WHERE orders % 4 = 2;
    UPDATE activity SET minute = minute + interval '3 years' WHERE orders % 4 = 3;
"""

Sessions = list[tuple[str, datetime, datetime, int]]


def sessions_of(orders: Iterable[Order], gap: timedelta, sources: set[str] | None) -> Sessions:
    """Find the sessions of each store among all orders that are not voided."""
    everything = list(orders)
    voided: set[UUID | None] = {one.voids for one in everything}
    placed: dict[str, list[datetime]] = {}
    for one in everything:
        is_sale = one.voids is None and one.quantity > 0 and one.order_id not in voided
        if is_sale and (sources is None or (one.source or "") in sources):
            placed.setdefault(one.store, []).append(one.placed_at)
    found: Sessions = []
    for store, moments in placed.items():
        moments.sort()
        begins = [0, *(n for n, (a, b) in enumerate(pairwise(moments), 1) if b - a > gap)]
        found += [
            (store, moments[first], moments[end - 1], end - first)
            for first, end in pairwise([*begins, len(moments)])
        ]
    return sorted(found)


def sums_of(
    orders: Sequence[Order], store: str, ends: Iterable[datetime], width: timedelta
) -> list[tuple[int, int, int]]:
    """Add up what was placed at a store in the time before each end."""
    own = sorted((one for one in orders if one.store == store), key=_placed_at)
    found = []
    for end in ends:
        first, behind = (bisect_left(own, at, key=_placed_at) for at in (end - width, end))
        inside = own[first:behind]
        found.append(
            (
                sum(one.count for one in inside),
                sum(one.quantity for one in inside),
                sum(one.total_cents for one in inside),
            )
        )
    return found


def _placed_at(one: Order) -> datetime:
    return one.placed_at


async def ask_sessions(
    connection: Connection, menu: Menu, gap: timedelta, span: WindowSpan, sources: set[str] | None
) -> SalesSessions:
    chosen = None if sources is None else frozenset(sources)
    async with report_transaction(connection, 30):
        return await read_sessions(connection, span, gap, chosen, menu)


async def ask_sliding(
    connection: Connection, menu: Menu, width: timedelta, step: timedelta, span: WindowSpan
) -> SlidingSums:
    async with report_transaction(connection, 30):
        return await read_sliding(connection, span, width, step, menu)


async def compare(
    connection: Connection, gaps: Sequence[timedelta], widths: Sequence[timedelta], hours: int
) -> int:
    """Compare windows of many sizes with the orders; return how many there were."""
    orders, menu = await stored_orders(connection), await load_menu(connection)
    span = WindowSpan(first=START, last=START + timedelta(hours=hours))
    compared = 0
    for gap in gaps:
        for sources in (None, {"till"}, {"", "web"}):
            answer = await ask_sessions(connection, menu, gap, span, sources)
            found = [(one.store, one.first_at, one.last_at, one.orders) for one in answer.sessions]
            assert sorted(found) == sessions_of(orders, gap, sources), gap
            assert answer.stale_minutes == 0
            compared += len(found)
    for width in widths:
        sliding = await ask_sliding(connection, menu, width, MINUTE, span)
        assert {series.store for series in sliding.series} >= {one.store for one in orders}
        for series in sliding.series:
            ends = [START + MINUTE * n for n in range(1, hours * 60 + 1)]
            expected = sums_of(orders, series.store, ends, width)
            takings = [f"{cents / 100:.2f}" for _, _, cents in expected]
            assert list(series.takings) == takings
            assert list(zip(series.orders, series.pieces, strict=True)) == [
                row[:2] for row in expected
            ]
            compared += len(expected)
    return compared


def made_orders(chance: random.Random, count: int) -> list[Order]:
    """Make bursts with silences between, and refunds among the sales."""
    at = dict.fromkeys(STORES, START)
    orders = []
    for _ in range(count):
        store = chance.choice(STORES)
        pause = chance.expovariate(1 / 20) if chance.random() < 0.97 else chance.uniform(50, 1500)
        at[store] += timedelta(seconds=round(pause, chance.choice((0, 6))))
        quantity = chance.randint(1, 3) if chance.random() < 0.95 else -1
        made = order(at[store], store, chance.choice(("latte", "tea")), quantity=quantity)
        orders.append(msgspec.structs.replace(made, source=chance.choice(SOURCES)))
    chance.shuffle(orders)
    return orders


@pytest.mark.long
@pytest.mark.parametrize("seed", [1, 2])
async def test_windows_are_exact_beside_writers_whose_orders_are_late(
    database_url: str, connection: Connection, seed: int
) -> None:
    """Shuffled, nearly every order is late; a tenth is voided while passes and rebuilds go on."""
    chance = random.Random(seed)
    orders = made_orders(chance, 3000)
    done = asyncio.Event()

    async def aggregate() -> None:
        passer = await connect(database_url, application_name="passer")
        while not done.is_set():
            await run_pass(passer, None, LeaderLease())
        await close(passer)

    async def mend() -> int:
        corrected = 0
        mender = await connect(database_url, application_name="mender")
        while not done.is_set():
            async with locked_state(mender):
                await mender.execute(DAMAGE)
            await rebuild(mender)
            corrected += 1
        await close(mender)
        return corrected

    async def write(part: list[Order]) -> None:
        writer = await connect(database_url, application_name="writer")
        own = random.Random(len(part))
        for first in range(0, len(part), 25):
            some = part[first : first + 25]
            async with writer.transaction():
                await insert(writer, *some)
                await asyncio.sleep(own.choice((0, 0, 0.01)))
            voided = [one for one in some if own.random() < 0.1]
            await insert(writer, *map(void, voided))
        await close(writer)

    async with asyncio.TaskGroup() as group:
        group.create_task(aggregate())
        rebuilds = group.create_task(mend())
        await asyncio.gather(*(write(orders[number::6]) for number in range(6)))
        done.set()
    await one_pass(connection)
    assert rebuilds.result() >= 1
    assert (await verify(connection)).exact
    assert await compare(connection, GAPS, WIDTHS, hours=14) >= 20_000
    before = await connection.fetch(ACTIVITY)
    await connection.execute(DAMAGE)
    assert not (await verify(connection)).exact
    await rebuild(connection)
    assert await connection.fetch(ACTIVITY) == before


moments = st.one_of(
    st.integers(0, 20 * 60).map(lambda second: START + timedelta(seconds=second)),
    st.sampled_from([START + n * MINUTE for n in range(20)]),
    st.sampled_from([START + n * MINUTE - timedelta(microseconds=1) for n in range(1, 20)]),
)
sales = st.builds(
    lambda moment, source, quantity: msgspec.structs.replace(
        order(moment, quantity=quantity), source=source
    ),
    moments,
    st.sampled_from(SOURCES),
    st.sampled_from((1, 2, -1)),
)
steps = st.lists(
    st.one_of(st.lists(sales, min_size=1, max_size=6), st.integers(0, 99), st.just("pass")),
    min_size=1,
    max_size=10,
)


@pytest.mark.long
def test_windows_are_exact_after_any_orders_voids_and_passes(database_url: str) -> None:
    with asyncio.Runner() as runner:
        connection = runner.run(connect(database_url, application_name="test"))

        async def play(plan: list[list[Order] | int | str]) -> None:
            await connection.execute(
                "SET session_replication_role = replica; TRUNCATE orders, activity, activity_source,"
                " rollup_minute, rollup_quarter, rollup_day; SET session_replication_role = origin;"
                "UPDATE aggregator_state SET watermark = '1:1:'"
            )
            left: list[Order] = []
            for step in plan:
                if isinstance(step, list):
                    left += step
                    await insert(connection, *step)
                elif isinstance(step, int) and left:
                    await insert(connection, void(left.pop(step % len(left))))
                elif step == "pass":
                    await one_pass(connection)
                    assert (await verify(connection)).exact
            await one_pass(connection)
            assert (await verify(connection)).exact
            await compare(connection, (MINUTE, MINUTE * 2), (MINUTE * 2,), hours=1)

        @settings(max_examples=60)
        @given(steps)
        def check(plan: list[list[Order] | int | str]) -> None:
            runner.run(play(plan))

        check()
        runner.run(close(connection))


async def sold(connection: Connection, *seconds: float) -> list[Order]:
    orders = [order(START + timedelta(seconds=second)) for second in seconds]
    await insert(connection, *orders)
    return orders


async def spans_of(connection: Connection, gap: float) -> list[tuple[float, float, int]]:
    """Return the sessions of the first two hours in seconds since their start."""
    span = WindowSpan(first=START, last=START + timedelta(hours=2))
    menu = await load_menu(connection)
    found = await ask_sessions(connection, menu, timedelta(seconds=gap), span, None)
    return [
        (
            (one.first_at - START).total_seconds(),
            (one.last_at - START).total_seconds(),
            one.orders,
        )
        for one in found.sessions
    ]


async def test_a_gap_as_long_as_asked_for_does_not_end_a_session(connection: Connection) -> None:
    await sold(connection, 0, 300, 600.000001)
    await one_pass(connection)
    assert await spans_of(connection, 300) == [(0, 300, 2), (600.000001, 600.000001, 1)]
    assert await spans_of(connection, 300.000001) == [(0, 600.000001, 3)]


async def test_a_void_splits_shrinks_and_removes_sessions(connection: Connection) -> None:
    first, bridge, last, alone = await sold(connection, 5, 119.999999, 200, 3600)
    await one_pass(connection)
    assert await spans_of(connection, 120) == [(5, 200, 3), (3600, 3600, 1)]
    await insert(connection, void(bridge))
    await one_pass(connection)
    assert await spans_of(connection, 120) == [(5, 5, 1), (200, 200, 1), (3600, 3600, 1)]
    await insert(connection, void(alone), void(first))
    await one_pass(connection)
    assert await spans_of(connection, 120) == [(200, 200, 1)]
    await sold(connection, 210)  # late, and in a minute of which something was voided
    await insert(connection, void(last))
    await one_pass(connection)
    assert await spans_of(connection, 120) == [(210, 210, 1)]


async def test_more_voids_than_one_pass_reads_again_wait_and_are_marked(
    connection: Connection,
) -> None:
    firsts = await sold(connection, *(60 * minute for minute in range(1100)))
    await sold(connection, *(60 * minute + 30 for minute in range(1100)))
    assert (await one_pass(connection)).stale_minutes == 0
    await insert(connection, *map(void, firsts))
    assert (await one_pass(connection)).stale_minutes == 100
    result = await verify(connection)
    assert (result.exact, result.activity.stale, result.activity.minutes) == (True, 100, 1100)
    menu = await load_menu(connection)
    span = WindowSpan(first=START, last=START + timedelta(hours=20))
    assert (await ask_sessions(connection, menu, MINUTE, span, None)).stale_minutes == 100
    await sold(connection, 60 * 1099 + 40)  # in a minute that waits
    assert (await one_pass(connection)).stale_minutes == 0
    result = await verify(connection)
    assert (result.exact, result.activity.stale) == (True, 0)
    assert await spans_of(connection, 60) == [(30, 60 * 119 + 30, 120)]


async def test_a_store_has_rows_for_two_hundred_sources(connection: Connection) -> None:
    def sale(source: str, minute: int = 0) -> Order:
        return msgspec.structs.replace(order(START + minute * MINUTE), source=source)

    await insert(connection, *(sale(f"till {number:03}") for number in range(150)))
    await one_pass(connection)
    late = [sale(f"web {number:03}") for number in range(60)]
    await insert(connection, *late, order(START))
    await one_pass(connection)
    count = "SELECT count(*) FROM activity_source"
    assert await connection.fetchval(count) == 200
    assert await connection.fetchval("SELECT orders FROM activity WHERE source = ''") == 11
    assert (await verify(connection)).exact
    await insert(connection, *map(void, late), sale("web 059", 1), sale("web 059", 2))
    await one_pass(connection)
    assert await connection.fetchval("SELECT sum(orders) FROM activity WHERE source = ''") == 3
    assert (await verify(connection)).exact
    await rebuild(connection)
    assert await connection.fetchval("SELECT sum(orders) FROM activity WHERE source = ''") == 3
    assert (await verify(connection)).exact


async def test_windows_before_the_minutes_that_are_kept_are_read_from_the_orders(
    connection: Connection,
) -> None:
    chance = random.Random(3)
    orders = made_orders(chance, 400)
    await insert(connection, *orders)
    await insert(connection, *map(void, orders[:40]))
    await one_pass(connection)
    kept_from = START + timedelta(minutes=47)
    await connection.execute("DELETE FROM rollup_minute WHERE bucket < $1", kept_from)
    await connection.execute("DELETE FROM activity WHERE minute < $1", kept_from)
    await connection.execute("UPDATE aggregator_state SET minutes_from = $1", kept_from)
    await compare(connection, GAPS[:4], WIDTHS[:3], hours=2)
    await insert(connection, *map(void, orders[40:80]))
    await one_pass(connection)
    assert (await verify(connection)).exact
    await compare(connection, GAPS[:4], WIDTHS[:3], hours=2)


async def test_a_session_runs_as_long_as_its_next_sale_may_come(connection: Connection) -> None:
    await sold(connection, 0, 600)
    await one_pass(connection)
    menu = await load_menu(connection)
    for second, running in ((630, True), (660, True), (661, False)):
        await connection.execute(
            "UPDATE aggregator_state SET passed_at = $1", START + timedelta(seconds=second)
        )
        found = await ask_sessions(connection, menu, MINUTE, WindowSpan(first=START), None)
        assert [one.running for one in found.sessions] == [False, running]


async def test_windows_end_with_the_last_whole_minute_and_begin_with_the_stores_day(
    connection: Connection,
) -> None:
    await sold(connection, 0, 59.999999, 60)
    await connection.execute("INSERT INTO calendar VALUES (2, 'UTC', 360)")
    await connection.execute("UPDATE menu_store SET calendar = 2 WHERE code = 'uptown'")
    await one_pass(connection)
    await connection.execute(
        "UPDATE aggregator_state SET passed_at = $1", START + timedelta(seconds=150)
    )
    menu = await load_menu(connection)
    found = await ask_sliding(connection, menu, MINUTE, MINUTE, WindowSpan())
    by_store = {series.store: series for series in found.series}
    assert by_store["uptown"].begins == START
    assert by_store["uptown"].orders == (2, 1)
    assert len(by_store["central"].orders) == 6 * 60 + 2


@pytest.mark.parametrize("second", [-1, 0, 1, 59, 60])
async def test_the_minutes_around_a_new_day_can_be_asked_for(
    connection: Connection, second: int
) -> None:
    await sold(connection, -1)
    await connection.execute("UPDATE calendar SET starts = 360 WHERE id = 1")  # as START is
    await one_pass(connection)
    await connection.execute(
        "UPDATE aggregator_state SET passed_at = $1", START + timedelta(seconds=second)
    )
    menu = await load_menu(connection)
    found = await ask_sessions(connection, menu, MINUTE, WindowSpan(), None)
    assert [one.orders for one in found.sessions] == ([1] if second < 0 else [])
    sums = await ask_sliding(connection, menu, MINUTE, MINUTE, WindowSpan())
    windows = {-1: 24 * 60 - 1, 60: 1}.get(second, 0)
    assert sum(len(series.orders) for series in sums.series) == windows * len(STORES)
    today = WindowSpan(first=START if second >= 0 else START - timedelta(days=1))
    assert await ask_sliding(connection, menu, MINUTE, MINUTE, today) == sums


async def test_what_is_too_much_or_makes_no_sense_is_refused(connection: Connection) -> None:
    menu = await load_menu(connection)
    day = START.date()
    with pytest.raises(Invalid, match="step gives more than 100,000 windows"):
        await ask_sliding(
            connection, menu, MINUTE, MINUTE, WindowSpan(first=day - timedelta(days=90))
        )
    for span in (
        WindowSpan(first=START, last=START),
        WindowSpan(first=day, last=day - timedelta(days=1)),
    ):
        with pytest.raises(Invalid, match="to must be later than from"):
            await ask_sessions(connection, menu, MINUTE, span, None)
