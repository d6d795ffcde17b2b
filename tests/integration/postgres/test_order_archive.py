"""Every order in pages, against the plain table."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from coffeert.domain.order_query import ListPlace, OrderQuery
from coffeert.domain.orders import Order
from coffeert.errors import Invalid, Unavailable
from coffeert.postgres import order_archive
from coffeert.postgres.calendars import set_default_calendar, set_store_calendar
from coffeert.postgres.order_archive import FoundOrder, OrderArchive
from coffeert.postgres.pool import Connection, Pool, connect, open_pool
from tests.order_book import insert, order, void

STORES = ("uptown", "central", "southend", "stray")
DRINKS = ("latte", "tea", "mocha")
FIRST = datetime(2026, 3, 28, 3, 0, tzinfo=UTC)
PLAIN = """
    SELECT o.order_id, o.store, o.drink, o.quantity, o.price_cents, o.placed_at, o.received_at, o.voids,
           o.amount, o.source, o.receipt, void.order_id, void.received_at,
           business_day(coalesce(menu_store.calendar, 1::smallint), o.placed_at)
    FROM orders AS o LEFT JOIN orders AS void ON void.voids = o.order_id
    LEFT JOIN menu_store ON code = o.store
    ORDER BY o.placed_at DESC, o.order_id DESC
"""
Archive = tuple[asyncio.Runner, Connection, OrderArchive]


def some_orders(count: int, chance: random.Random) -> list[Order]:
    """Orders of four days, many of them at the same moments, some refunds and some void."""
    made = [
        msgspec.structs.replace(
            order(
                FIRST + timedelta(minutes=chance.choice((1, 15, 60)) * chance.randint(0, 90)),
                chance.choice(STORES),
                chance.choice(DRINKS),
                quantity=chance.choice((1, 1, 2, -1)),
                price_cents=chance.choice((0, 290, 480, 650)),
            ),
            source=chance.choice((None, "till", "web")),
            receipt=chance.choice((None, "17", "18")),
        )
        for _ in range(count)
    ]
    return made + [void(one) for one in made if chance.random() < 0.1]


async def plain(connection: Connection) -> list[tuple[FoundOrder, date]]:
    """Every row of the table, newest first, with its business day."""
    rows = await connection.fetch(PLAIN)
    return [(FoundOrder(Order(*row[:11]), row[11], row[12]), row[13]) for row in rows]


def matches(found: Order, day: date, wanted: OrderQuery) -> bool:
    first, last = wanted.first, wanted.last
    return (
        (first is None or (found.placed_at if isinstance(first, datetime) else day) >= first)
        and (
            last is None or (found.placed_at < last if isinstance(last, datetime) else day <= last)
        )
        and (not wanted.stores or found.store in wanted.stores)
        and (not wanted.drinks or found.drink in wanted.drinks)
        and (not wanted.sources or found.source in wanted.sources)
        and wanted.receipt in (None, found.receipt)
        and (wanted.min_price is None or found.price_cents >= wanted.min_price)
        and (wanted.max_price is None or found.price_cents <= wanted.max_price)
    )


moments = st.one_of(
    st.none(),
    st.sampled_from([date(2026, 3, 27) + timedelta(days=n) for n in range(6)]),
    st.integers(-5, 100).map(lambda hour: FIRST + timedelta(hours=hour)),
)
prices = st.sampled_from((None, 0, 290, 300, 480, 650, 700))
queries = st.builds(
    OrderQuery,
    stores=st.sets(st.sampled_from((*STORES, "none"))).map(tuple),
    drinks=st.sets(st.sampled_from(DRINKS)).map(tuple),
    sources=st.sets(st.sampled_from(("till", "web"))).map(tuple),
    receipt=st.sampled_from((None, None, "17")),
    first=moments,
    last=moments,
    min_price=prices,
    max_price=prices,
)


@pytest.fixture
def archive(database_url: str) -> Iterator[Archive]:
    """A database with orders of stores with several calendars, and an archive that reads it."""
    with asyncio.Runner() as runner:
        connection = runner.run(connect(database_url, application_name="test"))
        pool = runner.run(open_pool(database_url, size=2, application_name="test"))
        runner.run(set_default_calendar(connection, "America/New_York", 240))
        runner.run(set_store_calendar(connection, "central", "Asia/Kathmandu", 60))
        runner.run(insert(connection, *some_orders(400, random.Random(3))))
        yield runner, connection, OrderArchive(pool)
        connection.terminate()
        runner.run(pool.close())


async def all_pages(
    archive: OrderArchive, wanted: OrderQuery, limit: int
) -> tuple[list[FoundOrder], list[int | None]]:
    found: list[FoundOrder] = []
    totals: list[int | None] = []
    place: ListPlace | None = None
    while True:
        page = await archive.page(wanted, place, limit=limit, counted=place is None)
        assert len(page.orders) <= limit
        found += page.orders
        totals.append(page.total)
        if page.next is None:
            return found, totals
        assert page.orders
        place = ListPlace.from_text(page.next.text())


@pytest.mark.long
def test_the_pages_together_are_what_the_table_says(archive: Archive) -> None:
    runner, connection, reader = archive
    rows = runner.run(plain(connection))

    @settings(max_examples=120, deadline=None)
    @given(queries, st.integers(1, 60))
    @example(OrderQuery(), 500)
    @example(OrderQuery(first=date(2026, 3, 28), last=date(2026, 3, 28)), 7)
    @example(OrderQuery(stores=("central",), first=date(2026, 3, 29)), 7)
    def compare(wanted: OrderQuery, limit: int) -> None:
        expected = [
            found
            for found, day in rows
            if found.order.voids is None and matches(found.order, day, wanted)
        ]
        found, totals = runner.run(all_pages(reader, wanted, limit))
        assert found == expected
        assert totals == [len(expected), *[None] * (len(totals) - 1)]

    compare()


@pytest.mark.long
def test_an_export_has_the_voids_of_what_matches_too(archive: Archive) -> None:
    runner, connection, reader = archive
    rows = runner.run(plain(connection))

    @settings(max_examples=40, deadline=None)
    @given(queries)
    @example(OrderQuery())
    def compare(wanted: OrderQuery) -> None:
        async def read() -> list[Order]:
            return [order for chunk in [c async for c in reader.rows(wanted)] for order in chunk]

        assert runner.run(read()) == [
            found.order for found, day in rows if matches(found.order, day, wanted)
        ]

    compare()


@pytest.mark.long
def test_nothing_is_listed_twice_or_left_out_while_orders_arrive(archive: Archive) -> None:
    runner, connection, reader = archive

    @settings(max_examples=20, deadline=None)
    @given(queries, st.integers(1, 40), st.integers())
    def read_beside_writers(wanted: OrderQuery, limit: int, seed: int) -> None:
        chance = random.Random(seed)

        async def read() -> None:
            before = await plain(connection)
            listed: list[UUID] = []
            place: ListPlace | None = None
            while True:
                page = await reader.page(wanted, place, limit=limit)
                listed += [found.order.order_id for found in page.orders]
                if page.next is None:
                    break
                place = page.next
                if len(listed) < 100:  # or they would come faster than they are read
                    await insert(connection, *some_orders(3, chance))
            after = {
                found.order.order_id: (found.order, day) for found, day in await plain(connection)
            }
            assert len(set(listed)) == len(listed)
            assert all(matches(*after[order_id], wanted) for order_id in listed)
            assert set(listed) >= {
                found.order.order_id
                for found, day in before
                if found.order.voids is None and matches(found.order, day, wanted)
            }

        runner.run(read())

    read_beside_writers()


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    """A pool of one connection."""
    pool = await open_pool(database_url, size=1, application_name="test", min_size=0)
    yield pool
    await pool.close()


async def slow(connection: Connection) -> None:
    """Make every look at an order take 20 ms."""
    await connection.execute(
        "CREATE OR REPLACE FUNCTION is_countable(placed_at timestamptz, store text, drink text) "
        "RETURNS boolean LANGUAGE sql VOLATILE AS 'SELECT pg_sleep(0.02) IS NOT NULL'"
    )


async def test_what_takes_too_long_is_refused_and_holds_nothing(
    connection: Connection, pool: Pool
) -> None:
    await insert(connection, *some_orders(50, random.Random(1)))
    archive = OrderArchive(pool)
    await slow(connection)
    with pytest.raises(Invalid, match="Narrow") as refused:
        await archive.page(OrderQuery(), limit=50, within=0.1)
    assert refused.value.errors[0].field == "from"
    assert pool.get_idle_size() == 1
    running = await connection.fetchval(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'test' AND state <> 'idle' "
        "AND pid <> pg_backend_pid()"
    )
    assert running == 0


async def test_what_cannot_be_counted_in_time_has_no_total(
    connection: Connection, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await insert(connection, *some_orders(50, random.Random(1)))
    monkeypatch.setattr(order_archive, "COUNT_SECONDS", 0.1)
    await slow(connection)
    page = await OrderArchive(pool).page(OrderQuery(), limit=5)
    assert (len(page.orders), page.total) == (5, None)


async def test_no_more_searches_run_than_there_are_connections(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(order_archive, "_WAIT_SECONDS", 0.05)
    async with pool.acquire():
        with pytest.raises(Unavailable):
            await OrderArchive(pool).page(OrderQuery(), limit=5)


async def test_orders_of_an_import_come_with_voids_by_hand(
    connection: Connection, pool: Pool
) -> None:
    imported, other = order(FIRST), order(FIRST)
    await insert(connection, imported, other)
    await connection.execute("ALTER TABLE orders DISABLE TRIGGER orders_append_only")
    await connection.execute(
        "UPDATE orders SET import_id = 7 WHERE order_id = $1", imported.order_id
    )
    correction = void(imported)
    await insert(connection, correction)
    archive, wanted = OrderArchive(pool), OrderQuery(import_number=7)
    page = await archive.page(wanted, limit=5)
    assert [(one.order, one.voided_by) for one in page.orders] == [(imported, correction.order_id)]
    assert page.total == 1
    exported = [order for chunk in [c async for c in archive.rows(wanted)] for order in chunk]
    assert ids(exported) == {imported.order_id, correction.order_id}


def ids(orders: Sequence[Order]) -> set[UUID]:
    return {order.order_id for order in orders}


@pytest.mark.parametrize("day", [date(1999, 12, 29), date(2101, 1, 1), date(9999, 12, 31)])
async def test_days_without_a_calendar_are_refused(pool: Pool, day: date) -> None:
    with pytest.raises(Invalid):
        await OrderArchive(pool).page(OrderQuery(first=day), limit=5)
    with pytest.raises(Invalid):
        await OrderArchive(pool).page(OrderQuery(last=day), limit=5)
