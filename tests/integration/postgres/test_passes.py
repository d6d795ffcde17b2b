"""One pass: what it counts, what it hands back, and when it refuses."""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import pytest

from coffeert.domain.rollups import ZERO, CellKey, Totals
from coffeert.errors import ClusterMismatch, DatabaseUnavailable, Fenced
from coffeert.postgres.leadership import try_lead
from coffeert.postgres.pool import Connection, close, connect
from coffeert.postgres.state import locked_state
from coffeert.postgres.verification import verify
from tests.integration.postgres.passing import run_pass
from tests.order_book import NOON, counted_cells, insert, kept_cells, order, void

STATE = "SELECT * FROM aggregator_state"


def now() -> datetime:
    return datetime.now(UTC)


async def test_the_first_pass_of_an_empty_shop(connection: Connection) -> None:
    result = await run_pass(connection)
    assert (result.number, result.rows, result.cells, result.recent) == (1, 0, {}, ())
    assert (await verify(connection)).exact


async def test_orders_are_counted_once_and_handed_back_as_absolute_values(
    connection: Connection,
) -> None:
    placed = now()
    minute = int(placed.timestamp()) // 60 * 60
    await insert(connection, order(placed, quantity=2), order(placed, quantity=3))
    first = await run_pass(connection)
    key = CellKey("minute", minute, "uptown", "latte")
    assert first.rows == 2
    assert first.cells == {
        key: Totals(2, 5, 2400),
        key._replace(grain="hour", bucket=minute // 3600 * 3600): Totals(2, 5, 2400),
        key._replace(grain="day", bucket=minute // 86400 * 86400): Totals(2, 5, 2400),
    }
    await insert(connection, order(placed, quantity=1))
    second = await run_pass(connection)
    assert second.rows == 1
    assert second.cells[key] == Totals(3, 6, 2880)
    third = await run_pass(connection)
    assert (third.number, third.rows, third.cells) == (3, 0, {})
    assert third.watermark.xmax >= second.watermark.xmax


async def test_a_void_brings_its_cells_back_to_zero(connection: Connection) -> None:
    made = order(now(), quantity=7)
    await insert(connection, made)
    await run_pass(connection)
    await insert(connection, void(made))
    result = await run_pass(connection)
    assert len(result.cells) == 3
    assert set(result.cells.values()) == {ZERO}
    assert (await verify(connection)).exact


async def test_only_the_horizon_comes_back_and_everything_is_kept(connection: Connection) -> None:
    orders = [
        order(now() - timedelta(days=days, minutes=minutes), drink=f"d{days}-{minutes}")
        for days in (0, 2, 29, 31, 9000)
        for minutes in (0, 61)
    ]
    await insert(connection, *orders)
    result = await run_pass(connection)
    assert result.rows == len(orders)
    assert {key.drink for key in result.cells if key.grain == "minute"} == {"d0-0"}
    assert {key.drink for key in result.cells if key.grain == "hour"} == {"d0-0", "d0-61"}
    days = {key.drink for key in result.cells if key.grain == "day"}
    assert days >= {"d0-0", "d0-61", "d2-0", "d29-0"}
    assert not days & {"d31-0", "d31-61", "d9000-0", "d9000-61"}
    assert await kept_cells(connection) == await counted_cells(connection)


async def test_the_newest_of_the_new_orders_come_back(connection: Connection) -> None:
    old = [order(NOON + timedelta(seconds=n)) for n in range(60)]
    await insert(connection, *old)
    result = await run_pass(connection)
    assert result.recent == tuple(sorted(old, key=lambda o: o.recency, reverse=True)[:50])
    late = order(NOON - timedelta(days=400), quantity=9, price_cents=100_000_000)
    await insert(connection, late)
    assert (await run_pass(connection)).recent == (late,)


@pytest.mark.parametrize("zone", ["Asia/Kathmandu", "America/St_Johns", "Australia/Lord_Howe"])
async def test_buckets_do_not_depend_on_the_sessions_time_zone(
    connection: Connection, zone: str
) -> None:
    await connection.execute(f"SET timezone = '{zone}'")
    for moment in (
        datetime(2026, 3, 28, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(2026, 3, 29, tzinfo=UTC),
        datetime(2000, 1, 1, tzinfo=UTC),
        datetime(2025, 10, 4, 15, 30, tzinfo=UTC),  # Lord Howe puts its clocks on by half an hour
    ):
        await insert(connection, order(moment))
    await run_pass(connection)
    assert await kept_cells(connection) == await counted_cells(connection)
    assert (await verify(connection)).exact


async def test_a_long_transaction_stalls_nothing_and_is_counted_when_it_ends(
    connection: Connection, other: Connection
) -> None:
    transaction = other.transaction()
    await transaction.start()
    await insert(other, order(drink="tea"))
    for number in range(1, 4):
        await insert(connection, order())
        result = await run_pass(connection)
        assert (result.number, result.rows) == (number, 1)
        assert len(result.watermark.xip) == 1
    await transaction.commit()
    assert (await run_pass(connection)).rows == 1
    assert await kept_cells(connection) == await counted_cells(connection)


async def test_a_stale_token_writes_nothing(connection: Connection, other: Connection) -> None:
    stale = await try_lead(other, name="first", interval=1)
    assert stale is not None
    await run_pass(other, token=stale)
    await other.close()
    fresh = await _lead_when_free(connection)
    assert fresh == stale + 1
    await insert(connection, order())
    before = await kept_cells(connection), await connection.fetchrow(STATE)
    with pytest.raises(Fenced, match=f"token {fresh} has followed {stale}"):
        await run_pass(connection, token=stale)
    assert (await kept_cells(connection), await connection.fetchrow(STATE)) == before
    assert (await run_pass(connection, token=fresh)).rows == 1


async def _lead_when_free(connection: Connection) -> int:
    while (token := await try_lead(connection, name="second", interval=1)) is None:
        pass  # PostgreSQL takes a moment to notice that a session has ended
    return token


async def test_another_clusters_watermark_is_refused(connection: Connection) -> None:
    await insert(connection, order())
    await connection.execute("UPDATE aggregator_state SET system_identifier = 1")
    for refused in (
        run_pass(connection),
        verify(connection),
        try_lead(connection, name="test", interval=1),
    ):
        with pytest.raises(ClusterMismatch, match="coffeert rebuild"):
            await refused
    assert await kept_cells(connection) == {}


async def test_a_watermark_from_the_future_is_refused(connection: Connection) -> None:
    """A dump from a cluster whose files this one's were copied from: the identifiers are equal."""
    await insert(connection, order())
    await connection.execute("UPDATE aggregator_state SET watermark = '900000000:900000000:'")
    for refused in (run_pass(connection), verify(connection)):
        with pytest.raises(ClusterMismatch, match="coffeert rebuild"):
            await refused
    assert await kept_cells(connection) == {}


async def test_a_database_that_cannot_be_written_is_refused(connection: Connection) -> None:
    await connection.execute("SET default_transaction_read_only = on")
    with pytest.raises(DatabaseUnavailable, match="standby or read-only"):
        await run_pass(connection)


async def test_the_databases_default_isolation_does_not_matter(
    connection: Connection, database_url: str, opened: AsyncExitStack
) -> None:
    name = await connection.fetchval("SELECT current_database()")
    await connection.execute(
        f"ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'"
    )
    passer = await connect(database_url, application_name="passer")
    opened.push_async_callback(close, passer)
    async with locked_state(passer):
        await insert(connection, order())  # after the passer's first statement
        assert await passer.fetchval("SELECT count(*) FROM orders") == 1


async def test_the_state_row_is_not_waited_for_forever(
    connection: Connection, other: Connection
) -> None:
    async with locked_state(other):
        with pytest.raises(DatabaseUnavailable, match="busy"):
            async with locked_state(connection, lock_timeout=0.05):
                pass
