"""Closings of business days: made, marked when the day changes, corrected, and proved."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta

import aiohttp
import asyncpg
import pytest

from coffeert.client import OrderClient
from coffeert.domain.orders import Draft
from coffeert.errors import ClusterMismatch, Forbidden, Invalid, NotFound
from coffeert.postgres.calendars import set_default_calendar, set_store_calendar
from coffeert.postgres.closings import load_closings, load_late_orders, verify_closings
from coffeert.postgres.pool import Connection, connect, open_pool
from coffeert.postgres.verification import rebuild
from coffeert.server.reports.day_closer import DayCloser
from coffeert.wire.closings import Closing, ClosingSummary
from tests.integration.postgres.passing import run_pass
from tests.integration.server.conftest import RunServer
from tests.order_book import insert, order, void

NOW = datetime.now(UTC)
YESTERDAY = NOW.replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=1)
DAY = YESTERDAY.date()


async def sell(
    client: OrderClient, key: str, store: str = "uptown", quantity: int = 1, **more: object
) -> None:
    draft = Draft(store, "latte", quantity, 480, YESTERDAY, key=key, **more)  # type: ignore[arg-type]  # fields by name
    await client.place(draft)


async def test_a_closing_keeps_its_figures_and_says_what_changed_the_day(server_url: str) -> None:
    async with OrderClient(server_url) as client:
        await sell(client, "1", receipt="17")
        await sell(client, "2", receipt="17")
        await sell(client, "3", "central")
        closing, new = await client.close_day(DAY)
        assert (closing.number, new, closing.changed, closing.late) == (1, True, None, ())
        assert (closing.figures.orders, closing.figures.takings) == (3, "14.40")
        assert (closing.figures.receipts, closing.figures.orders_with_receipt) == (1, 2)
        assert [(store.store, store.figures.takings) for store in closing.stores] == [
            ("central", "4.80"),
            ("uptown", "9.60"),
        ]
        assert await client.close_day() == (closing, False)  # nothing has changed

        await client.void("2")
        await sell(client, "4", quantity=-1)
        await sell(client, "5", "downtown", receipt="3")
        changed = await client.closing(1)
        assert changed.figures == closing.figures
        assert changed.changed is not None
        difference = changed.changed.difference
        assert (changed.changed.late_orders, difference.orders, difference.takings) == (
            3,
            0,
            "-4.80",
        )
        assert (difference.voids, difference.voided, difference.refunded) == (1, "4.80", "4.80")
        assert (difference.receipts, changed.changed.now.receipts) == (1, 2)
        assert changed.changed.now.takings == "9.60"
        assert [(late.kind, late.amount) for late in changed.late] == [
            ("void", "-4.80"),
            ("refund", "-4.80"),
            ("sale", "4.80"),
        ]
        of_store = {store.store: store.difference for store in changed.stores}
        assert of_store["central"] is None
        assert of_store["downtown"] is not None
        assert of_store["downtown"].takings == "4.80"

        corrected, new = await client.close_day(DAY)
        assert (corrected.number, new, corrected.corrects, corrected.changed) == (2, True, 1, None)
        assert corrected.figures == changed.changed.now
        page = await client.closings()
        assert [(one.number, one.corrected_by) for one in page.closings] == [(2, None), (1, 2)]
        assert page.closings[1] == summary_of(await client.closing(1))


def summary_of(closing: Closing) -> ClosingSummary:
    return ClosingSummary(
        **{name: getattr(closing, name) for name in ClosingSummary.__struct_fields__}
    )


async def test_what_cannot_be_closed_or_found_is_refused_with_the_field_at_fault(
    server_url: str,
) -> None:
    async with OrderClient(server_url) as client:
        await client.place(Draft("uptown", "latte", 1))
        for day, reason in (
            (NOW.date() + timedelta(days=1), "must be over at every store"),
            (DAY - timedelta(days=9), "on which something was sold"),
            (date(1999, 12, 31), "must lie between"),
            (date(2150, 1, 1), "must lie between"),
        ):
            with pytest.raises(Invalid, match=reason) as refused:
                await client.close_day(day)
            assert [error.field for error in refused.value.errors] == ["day"]
        assert (await client.closings()).closings == ()
        with pytest.raises(NotFound, match="There is no closing 1"):
            await client.closing(1)


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/api/closings?limit=0", "limit"),
        ("/api/closings?limit=101", "limit"),
        ("/api/closings?before=x", "before"),
        ("/api/closings?day=20261126", "day"),
        ("/api/closings?day=2026-02-30", "day"),
        ("/api/closings?store=uptown", "store"),
        ("/api/closings?limit=1&limit=2", "limit"),
        ("/api/closings/1?day=2026-11-26", "day"),
        ("/api/closings/01", "number"),
        ("/api/closings/9999999999999999999", "number"),
    ],
)
async def test_a_parameter_that_cannot_be_read_is_named(
    http: aiohttp.ClientSession, path: str, field: str
) -> None:
    async with http.get(path) as answer:
        problem = await answer.json()
    assert answer.content_type == "application/problem+json"
    assert [error["field"] for error in problem["errors"]] == [field]


async def test_pages_of_closings_go_on_to_the_first(
    run_server: RunServer, database_url: str, connection: Connection
) -> None:
    for days in range(5):
        await insert(connection, order(YESTERDAY - timedelta(days=days)))
    async with run_server() as url, OrderClient(url) as client:
        for days in reversed(range(5)):
            await client.close_day(DAY - timedelta(days=days))
        page = await client.closings(limit=2)
        numbers = [one.number for one in page.closings]
        while page.next is not None:
            page = await client.closings(limit=2, before=page.next)
            numbers += [one.number for one in page.closings]
        of_day = await client.closings(day=DAY - timedelta(days=1))
    assert numbers == [5, 4, 3, 2, 1]
    assert [one.number for one in of_day.closings] == [4]


async def test_reading_takes_the_token_that_reads_and_closing_the_one_that_orders(
    run_server: RunServer, connection: Connection
) -> None:
    await insert(connection, order(YESTERDAY))
    async with (
        run_server(token="writes-and-reads", read_token="reads-only") as url,
        OrderClient(url, "reads-only") as reader,
        OrderClient(url, "writes-and-reads") as client,
    ):
        with pytest.raises(Forbidden):
            await reader.close_day()
        assert (await reader.closings()).closings == ()
        await client.close_day()
        assert (await reader.closing(1)).figures.orders == 1


async def test_late_orders_have_the_times_of_their_stores(
    run_server: RunServer, connection: Connection
) -> None:
    await set_store_calendar(connection, "central", "Asia/Kolkata", 0)
    async with run_server() as url, OrderClient(url) as client:
        await sell(client, "1")
        await client.close_day(DAY)
        await sell(client, "2")
        await sell(client, "3", "central")
        closing = await client.closing(1)
    ahead = {late.store: late.placed_at.utcoffset() for late in closing.late}
    assert ahead == {"uptown": timedelta(0), "central": timedelta(hours=5, minutes=30)}
    assert {late.received_at.utcoffset() for late in closing.late} == set(ahead.values())


async def test_a_day_whose_hours_have_changed_says_so_and_is_closed_again(
    run_server: RunServer, connection: Connection
) -> None:
    evening = YESTERDAY.replace(hour=23)
    await insert(connection, order(YESTERDAY), order(evening, "central"))
    async with run_server() as url, OrderClient(url) as client:
        await client.close_day(DAY)
        await set_store_calendar(connection, "downtown", "Asia/Kolkata", 0)  # has sold nothing
        assert not (await client.closing(1)).recut
        await set_store_calendar(connection, "central", "Asia/Kolkata", 0)  # there it is tomorrow
        closing = await client.closing(1)
        assert (closing.recut, closing.changed, closing.figures.orders) == (True, None, 2)
        corrected, new = await client.close_day(DAY)
        assert (new, corrected.corrects, corrected.figures.orders) == (True, 1, 1)
        assert not corrected.recut
        assert await client.close_day(DAY) == (corrected, False)


async def test_the_report_of_a_closed_day_says_how_it_was_closed(server_url: str) -> None:
    async with OrderClient(server_url) as client:
        await sell(client, "1")
        await client.close_day(DAY)
        await client.void("1")
        report = await client.report(str(DAY), details=True, by=("store",))
        filtered = await client.report(str(DAY), details=True, stores=("uptown",))
        page = await client.closings()
    assert report.details is not None
    assert report.details.closing == page.closings[0]
    assert page.closings[0].changed is not None
    assert filtered.details is not None
    assert filtered.details.closing is None


async def sell_on_two_dates(connection: Connection) -> tuple[date, datetime]:
    """Sell at stores that are never on one date; return the last date over at both, and its noon."""
    await set_default_calendar(connection, "Pacific/Kiritimati")  # 14 hours ahead of UTC
    await set_store_calendar(connection, "uptown", "Pacific/Pago_Pago")  # 11 hours behind
    ended = (NOW - timedelta(hours=11)).date() - timedelta(days=1)
    noon = datetime(ended.year, ended.month, ended.day, 12, tzinfo=UTC)
    await insert(connection, order(noon + timedelta(hours=11)), order(noon, "central"))
    return ended, noon


async def test_a_report_of_two_dates_cites_no_closing(
    run_server: RunServer, connection: Connection
) -> None:
    ended, _ = await sell_on_two_dates(connection)
    async with run_server() as url, OrderClient(url) as client:
        await client.close_day(ended)
        yesterday = await client.report("yesterday", details=True)
        of_the_day = await client.report(str(ended), details=True)
    assert yesterday.details is not None
    assert yesterday.period.first == ended < yesterday.period.last
    assert yesterday.details.closing is None
    assert of_the_day.details is not None
    assert of_the_day.details.closing is not None


@pytest.fixture
async def closer(database_url: str) -> object:
    pool = await open_pool(database_url, size=8, application_name="test")
    yield DayCloser(pool, 0)
    pool.terminate()


async def test_closings_at_once_have_numbers_without_a_gap(
    connection: Connection, closer: DayCloser
) -> None:
    days = [DAY - timedelta(days=number) for number in range(6)]
    for day in range(6):
        await insert(connection, order(YESTERDAY - timedelta(days=day)))
    made = await asyncio.gather(*(closer.close(day) for day in days * 2))
    assert sorted(closed.number for closed in made if closed.new) == [1, 2, 3, 4, 5, 6]
    assert [closed.number for closed in made[:6]] == [closed.number for closed in made[6:]]
    assert (await verify_closings(connection)).exact


async def test_a_day_closes_once_it_is_over_at_the_last_store(
    connection: Connection, closer: DayCloser
) -> None:
    ended, noon = await sell_on_two_dates(connection)
    await insert(connection, order(noon - timedelta(hours=14), "central"))
    with pytest.raises(Invalid, match="must be over at every store"):
        await closer.close(ended + timedelta(days=1))
    await closer.close()
    (closing,) = await load_closings(connection, [1])
    assert (closing.date, closing.counts.orders) == (ended, 2)


async def test_days_close_on_their_own_and_none_is_left_out(
    connection: Connection, closer: DayCloser
) -> None:
    assert not await closer.close_next(0)  # nothing was ever sold
    for days in (0, 2, 3, 9):
        await insert(connection, order(YESTERDAY - timedelta(days=days)))
    assert await closer.close_next(0)
    assert not await closer.close_next(0)
    (last,) = await load_closings(connection, [1, 2])
    assert last.date == DAY  # of the days before it nobody has asked for a closing
    await closer.close(DAY - timedelta(days=9))
    assert not await closer.close_next(0)


async def test_after_an_outage_every_day_that_ended_is_closed(
    connection: Connection, closer: DayCloser
) -> None:
    for days in (0, 2, 3, 9):
        await insert(connection, order(YESTERDAY - timedelta(days=days)))
    await closer.close(DAY - timedelta(days=9))
    while await closer.close_next(0):
        pass
    found = await load_closings(connection, list(range(9)))
    assert [DAY - one.date for one in found] == [timedelta(days=days) for days in (0, 2, 3, 9)]
    assert [one.number for one in found] == [4, 3, 2, 1]


async def test_a_day_stays_open_for_as_long_as_is_set(
    connection: Connection, closer: DayCloser
) -> None:
    await insert(connection, order(YESTERDAY))
    assert not await closer.close_next(7 * 86400)
    assert await closer.close_next(0)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE closing SET closed_at = now()",
        "UPDATE closing_line SET takings = 0",
        "UPDATE closing_store SET receipts = 9",
        "UPDATE closing_span SET ends = ends + interval '1 day'",
        "DELETE FROM closing_line",
        "DELETE FROM closing",
        "TRUNCATE closing CASCADE",
        "INSERT INTO closing SELECT 3, date - 1, NULL, now(), NULL, watermark, 1 FROM closing",
        "INSERT INTO closing SELECT 2, date, NULL, now(), NULL, watermark, 1 FROM closing",
    ],
)
async def test_a_closing_is_never_changed(
    connection: Connection, closer: DayCloser, statement: str
) -> None:
    await insert(connection, order(YESTERDAY))
    await closer.close()
    with pytest.raises((asyncpg.RestrictViolationError, asyncpg.UniqueViolationError)):
        await connection.execute(statement)


@pytest.mark.parametrize(
    ("damage", "differing"),
    [
        ("UPDATE closing_line SET takings = takings + 1", (2,)),
        ("UPDATE closing_line SET voids = 1", (2,)),
        ("UPDATE closing_line SET takings_with_receipt = 1", (2,)),
        ("DELETE FROM closing_line", (2,)),
        ("UPDATE closing_store SET receipts = 1", (2,)),
        ("UPDATE closing SET watermark = '1:1:'", (1, 2)),
    ],
)
async def test_verify_finds_a_closing_that_differs(
    connection: Connection, closer: DayCloser, damage: str, differing: tuple[int, ...]
) -> None:
    await insert(connection, order(YESTERDAY), order(YESTERDAY - timedelta(days=1)))
    await closer.close(DAY - timedelta(days=1))
    await closer.close(DAY)
    await insert(connection, order(YESTERDAY))
    assert (await verify_closings(connection)).exact
    await connection.execute("SET session_replication_role = replica")  # without triggers
    await connection.execute(f"{damage} WHERE number >= {differing[0]}")
    assert (await verify_closings(connection)).differing == differing


async def test_a_number_that_is_missing_is_found(connection: Connection, closer: DayCloser) -> None:
    await insert(connection, order(YESTERDAY), order(YESTERDAY - timedelta(days=1)))
    await closer.close(DAY - timedelta(days=1))
    await closer.close(DAY)
    await connection.execute("SET session_replication_role = replica")
    for table in ("closing_line", "closing_store", "closing_span", "closing"):
        await connection.execute(f"DELETE FROM {table} WHERE number = 1")
    checked = await verify_closings(connection)
    assert (checked.gaps, checked.exact) == (1, False)


async def test_closings_survive_a_restore_on_another_cluster(
    connection: Connection, closer: DayCloser
) -> None:
    """What a restored dump looks like: transaction ids, snapshots and the cluster's name are another's."""
    first, second, late = (order(YESTERDAY) for _ in range(3))
    await insert(connection, first, second)
    await closer.close()
    await insert(connection, late, void(first))
    await connection.execute(
        "SET session_replication_role = replica;"
        "UPDATE orders SET xid = (xid::text::bigint + 1000000000)::text::xid8;"
        "UPDATE closing SET system_identifier = 1, watermark = format('%1$s:%1$s:', "
        "(SELECT min(xid::text::bigint) + 1 FROM orders))::pg_snapshot;"
        "UPDATE aggregator_state SET system_identifier = 1;"
        "SET session_replication_role = origin"
    )
    with pytest.raises(ClusterMismatch):
        await load_closings(connection, [1])
    with pytest.raises(ClusterMismatch):
        await closer.close()
    arrived = order(YESTERDAY)
    await insert(connection, arrived)  # before the rebuild
    await rebuild(connection)
    found = {one.order_id for one in await load_late_orders(connection, 1, 9)}
    assert found >= {late.order_id, arrived.order_id}
    assert len(found) == 3
    assert (await verify_closings(connection)).exact
    await insert(connection, order(YESTERDAY))
    (closing,) = await load_closings(connection, [1])
    assert (closing.late, closing.counts.orders) == (4, 2)
    assert (await closer.close()).number == 2
    await run_pass(connection)
    assert (await verify_closings(connection)).exact


@pytest.fixture
async def connection(database_url: str) -> object:
    connection = await connect(database_url, application_name="test")
    yield connection
    connection.terminate()
