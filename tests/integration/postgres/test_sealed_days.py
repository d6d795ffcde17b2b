"""Sealed days: their orders need not be read again, and whatever changes there is noticed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coffeert.aggregator.sealing import seal_ended_days
from coffeert.cli import cli, run
from coffeert.domain.orders import Order
from coffeert.errors import Fenced
from coffeert.postgres.calendars import set_default_calendar
from coffeert.postgres.minute_retention import prune_minutes
from coffeert.postgres.pool import Connection, close, connect
from coffeert.postgres.sealed_days import begin_sealing, days_to_seal, seal_day
from coffeert.postgres.verification import Verification, rebuild, verify
from tests.integration.postgres.passing import run_pass
from tests.order_book import insert, order, void

TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
LONG_AGO = TODAY - timedelta(days=20)


async def seal(connection: Connection) -> list[date]:
    days = await days_to_seal(connection)
    await begin_sealing(connection, days, None)
    return [day for day in days if await seal_day(connection, day)]


async def unsealed(connection: Connection) -> Verification:
    return await verify(connection, unread_before=date.max)


async def test_the_orders_of_sealed_days_are_not_read(connection: Connection) -> None:
    await insert(
        connection,
        order(LONG_AGO),
        order(LONG_AGO + timedelta(hours=23, minutes=59)),
        order(LONG_AGO + timedelta(days=3)),
        order(TODAY),
    )
    await run_pass(connection)
    assert await seal(connection) == [LONG_AGO.date(), LONG_AGO.date() + timedelta(days=3)]
    assert await seal(connection) == []
    result = await unsealed(connection)
    assert (result.exact, result.orders, result.unread_orders, result.unread_days) == (
        True,
        1,
        3,
        2,
    )
    since = await verify(connection, unread_before=LONG_AGO.date() + timedelta(days=1))
    assert (since.exact, since.orders, since.unread_orders) == (True, 2, 2)
    full = await verify(connection)
    assert (full.exact, full.orders, full.unread_days, full.seals) == (True, 4, 0, 2)
    assert [(grain.grain, grain.cells) for grain in result.grains] == [
        (grain.grain, grain.cells) for grain in full.grains
    ]


async def test_a_late_order_or_void_unseals_its_day_in_the_pass_that_counts_it(
    connection: Connection,
) -> None:
    first, second = order(LONG_AGO), order(LONG_AGO + timedelta(days=1))
    await insert(connection, first, second)
    await run_pass(connection)
    await seal(connection)
    await insert(connection, void(first))
    assert (await unsealed(connection)).unread_days == 2  # no rollup has changed yet
    await run_pass(connection)
    result = await unsealed(connection)
    assert (result.exact, result.orders, result.unread_days) == (True, 2, 1)
    await insert(connection, order(second.placed_at, drink="tea"))
    await run_pass(connection)
    assert (await unsealed(connection)).unread_days == 0
    assert await seal(connection) == [LONG_AGO.date(), LONG_AGO.date() + timedelta(days=1)]
    result = await unsealed(connection)
    assert (result.exact, result.orders, result.unread_orders) == (True, 0, 4)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE rollup_minute SET quantity = quantity + 1",
        "UPDATE rollup_quarter SET revenue_cents = 0",
        "DELETE FROM rollup_day",
        "DELETE FROM rollup_quarter",
        "DELETE FROM rollup_minute",
        "UPDATE rollup_minute SET bucket = bucket + interval '1 minute'",
        "UPDATE rollup_quarter SET drink = 'tea'",
        "UPDATE rollup_quarter SET bucket = bucket - interval '1 day'",
        "UPDATE rollup_day SET store = 'central'",
        "UPDATE sealed_day SET quarters_hash = quarters_hash + 1",
        "UPDATE sealed_day SET date = date + 1",
    ],
)
async def test_any_changed_figure_of_a_sealed_day_is_found(
    connection: Connection, damage: str
) -> None:
    await insert(connection, order(LONG_AGO), order(TODAY))
    await run_pass(connection)
    await seal(connection)
    await connection.execute(damage)
    assert not (await unsealed(connection)).exact
    assert not (await verify(connection)).exact


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE orders SET source = 'till'",
        "UPDATE orders SET received_at = received_at + interval '1 microsecond'",
        "UPDATE orders SET price_cents = price_cents + 20, amount = quantity * price_cents",
        "UPDATE orders SET placed_at = placed_at + interval '1 second'",
        "UPDATE orders SET order_id = gen_random_uuid()",
    ],
)
async def test_a_full_verification_also_finds_changes_that_no_figure_shows(
    connection: Connection, change: str
) -> None:
    await insert(connection, order(LONG_AGO))
    await run_pass(connection)
    await seal(connection)
    await connection.execute(
        f"ALTER TABLE orders DISABLE TRIGGER orders_append_only; {change};"
        "ALTER TABLE orders ENABLE TRIGGER orders_append_only"
    )
    result = await verify(connection)
    assert [grain.differing for grain in result.grains] == [0, 0, 0]
    assert (result.exact, result.broken_seals) == (False, (LONG_AGO.date(),))
    assert (await unsealed(connection)).exact  # which is what it takes from before
    await rebuild(connection)
    await seal(connection)
    assert (await verify(connection)).exact


@pytest.mark.parametrize(("day", "found"), [(LONG_AGO, False), (TODAY, True)])
async def test_activity_is_compared_where_orders_are_read(
    connection: Connection, day: datetime, found: bool
) -> None:
    await insert(connection, order(LONG_AGO), order(TODAY))
    await run_pass(connection)
    await seal(connection)
    await connection.execute("UPDATE activity SET orders = 2 WHERE minute = $1", day)
    assert (await unsealed(connection)).exact is not found
    assert not (await verify(connection)).exact


async def test_orders_between_sealed_days_that_no_rollup_has_are_found(
    connection: Connection,
) -> None:
    await insert(connection, order(LONG_AGO), order(LONG_AGO + timedelta(days=2)))
    await run_pass(connection)
    await seal(connection)
    await insert(connection, order(LONG_AGO + timedelta(days=1)))
    await connection.execute("UPDATE aggregator_state SET watermark = pg_current_snapshot()")
    result = await unsealed(connection)
    assert (result.exact, result.orders) == (False, 1)


async def test_a_day_whose_minutes_are_partly_gone_is_read(connection: Connection) -> None:
    cut = datetime.now(UTC) - timedelta(days=45)  # TODAY may be over
    edge = cut.replace(hour=0, minute=0, second=0, microsecond=0)
    await insert(
        connection,
        *(order(edge + timedelta(hours=hour)) for hour in range(24)),
        order(edge - timedelta(days=1)),
        order(edge + timedelta(days=1)),
    )
    await run_pass(connection)
    await seal(connection)
    assert not await prune_minutes(connection, timedelta(days=45), None)
    result = await unsealed(connection)
    assert (result.exact, result.orders) == (True, 24 if cut.hour else 0)
    assert (await verify(connection)).exact
    await connection.execute(
        "INSERT INTO rollup_minute VALUES ($1, 'uptown', 'tea', 1, 1, 1)", edge - timedelta(hours=3)
    )
    assert not (await unsealed(connection)).exact


async def test_a_late_order_while_its_day_is_read_leaves_it_unsealed(
    connection: Connection, other: Connection
) -> None:
    await insert(connection, order(LONG_AGO))
    await run_pass(connection)
    await begin_sealing(connection, [LONG_AGO.date()], None)
    await insert(connection, order(LONG_AGO))
    async with connection.transaction(isolation="read_committed"):
        await run_pass(connection)
        sealing = asyncio.create_task(seal_day(other, LONG_AGO.date()))  # does not see that pass
        while not await connection.fetchval(
            "SELECT cardinality(pg_blocking_pids($1)) > 0", other.get_server_pid()
        ):
            await asyncio.sleep(0)
    assert not await sealing
    assert (await unsealed(connection)).orders == 2


async def test_a_seal_is_of_the_orders_that_passes_have_counted(connection: Connection) -> None:
    await insert(connection, order(LONG_AGO))
    await run_pass(connection)
    await insert(connection, order(LONG_AGO))
    assert await seal(connection) == [LONG_AGO.date()]
    for result in (await unsealed(connection), await verify(connection)):
        assert (result.exact, result.uncounted) == (True, 1)


async def test_days_are_entered_while_no_pass_is_under_way(
    connection: Connection, other: Connection
) -> None:
    """Else a pass would not see the row that it has to delete."""
    await insert(connection, order(LONG_AGO))
    await run_pass(connection)
    async with other.transaction():
        await other.execute("SELECT FROM aggregator_state FOR UPDATE")
        entering = asyncio.create_task(begin_sealing(connection, [LONG_AGO.date()], None))
        while not entering.done() and not await other.fetchval(
            "SELECT cardinality(pg_blocking_pids($1)) > 0", connection.get_server_pid()
        ):
            await asyncio.sleep(0)
        assert await other.fetchval("SELECT count(*) FROM sealed_day") == 0
    await entering


async def test_a_former_leader_seals_nothing(connection: Connection, database_url: str) -> None:
    await insert(connection, order(LONG_AGO))
    await run_pass(connection)
    with pytest.raises(Fenced):
        await seal_ended_days(database_url, 99)
    assert await connection.fetchval("SELECT count(*) FROM sealed_day") == 0
    await seal_ended_days(database_url, None)
    assert (await unsealed(connection)).unread_days == 1


async def test_another_calendar_breaks_no_seal(connection: Connection) -> None:
    await insert(connection, *(order(LONG_AGO + timedelta(hours=hour)) for hour in range(48)))
    await run_pass(connection)
    await seal(connection)
    await set_default_calendar(connection, "Asia/Kolkata", 240)
    result = await unsealed(connection)
    assert (result.exact, result.unread_days, result.orders) == (True, 2, 0)
    await connection.execute("UPDATE rollup_day SET orders = orders + 1 WHERE date = $1", LONG_AGO)
    assert [grain.differing for grain in (await unsealed(connection)).grains] == [0, 0, 1]


async def test_orders_that_cannot_be_counted_do_not_disturb(connection: Connection) -> None:
    await connection.execute("ALTER TABLE orders DROP CONSTRAINT orders_codes")
    await insert(connection, order(LONG_AGO), order(LONG_AGO, store="x" * 300))
    await run_pass(connection)
    await seal(connection)
    for result in (await unsealed(connection), await verify(connection)):
        assert (result.exact, result.uncountable) == (True, 1)


def test_the_command_says_what_it_has_not_read(
    database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COFFEERT_DATABASE_URL", database_url)

    async def prepare() -> None:
        connection = await connect(database_url, application_name="test")
        await insert(connection, order(LONG_AGO), order(TODAY))
        await run_pass(connection)
        await seal(connection)
        await close(connection)

    async def damage() -> None:
        connection = await connect(database_url, application_name="test")
        await connection.execute("UPDATE sealed_day SET orders_hash = orders_hash - 1")
        await close(connection)

    asyncio.run(prepare())
    assert run(cli, ["verify", "--unsealed"]) == 0
    printed = capsys.readouterr().out
    assert "seals            1 days   0 differ" in printed
    assert "not read: 1 orders of 1 sealed days" in printed
    assert run(cli, ["verify", "--since", str(LONG_AGO.date()), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["orders"], report["unread_orders"], report["broken_seals"]) == (2, 0, [])
    assert run(cli, ["verify", "--since", "2026-01-01", "--unsealed"]) == 2
    capsys.readouterr()
    asyncio.run(damage())
    assert run(cli, ["verify"]) == 7
    assert (
        f"Days that are not as they were sealed: 1 ({LONG_AGO.date()}); stored orders or the"
        in (capsys.readouterr().err)
    )


# Whatever is placed, late, voided, counted and sealed in whatever order: both verifications agree.

moments = st.tuples(st.integers(0, 4), st.sampled_from((0, 1, 43_200, 86_399)))
steps = st.lists(
    st.one_of(
        st.tuples(st.just("place"), moments),
        st.tuples(st.just("void"), st.integers(0, 99)),
        st.tuples(st.just("pass"), st.none()),
        st.tuples(st.just("enter"), st.none()),
        st.tuples(st.just("seal"), st.integers(0, 4)),
        st.tuples(st.just("rebuild"), st.none()),
    ),
    min_size=4,
    max_size=16,
)


class Shop:
    """A database on which such steps are taken."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sales: list[Order] = []
        self._voided: set[UUID] = set()

    async def play(self, plan: list[tuple[str, object]]) -> None:
        await self._connection.execute(
            "SET session_replication_role = replica;"
            "TRUNCATE orders, rollup_minute, rollup_quarter, rollup_day, sealed_day,"
            " activity, activity_source;"
            "UPDATE aggregator_state SET watermark = '1:1:', pass = 0;"
            "SET session_replication_role = origin"
        )
        for step in plan:
            await self._take(*step)
            await self._check()
        await run_pass(self._connection)
        await seal(self._connection)
        await self._check()
        assert (await unsealed(self._connection)).orders == 0

    async def _take(self, kind: str, value: object) -> None:
        match kind, value:
            case "place", (int(day), int(second)):
                made = order(LONG_AGO + timedelta(days=day, seconds=second))
                self._sales.append(made)
                await insert(self._connection, made)
            case "void", int(choice):
                left = [made for made in self._sales if made.order_id not in self._voided]
                if left:
                    made = left[choice % len(left)]
                    self._voided.add(made.order_id)
                    await insert(self._connection, void(made))
            case "pass", None:
                await run_pass(self._connection)
            case "enter", None:
                days = await days_to_seal(self._connection)
                await begin_sealing(self._connection, days, None)
            case "seal", int(day):
                await seal_day(self._connection, LONG_AGO.date() + timedelta(days=day))
            case _:
                await rebuild(self._connection)

    async def _check(self) -> None:
        partly, fully = await unsealed(self._connection), await verify(self._connection)
        assert (partly.exact, fully.exact) == (True, True)
        assert partly.orders + partly.unread_orders == fully.orders
        assert partly.grains == fully.grains


@contextmanager
def runner_on(url: str) -> Iterator[tuple[asyncio.Runner, Connection]]:
    with asyncio.Runner() as runner:
        connection = runner.run(connect(url, application_name="test"))
        try:
            yield runner, connection
        finally:
            runner.run(close(connection))


@pytest.mark.long
def test_a_verification_without_sealed_orders_agrees_with_a_full_one(database_url: str) -> None:
    with runner_on(database_url) as (runner, connection):

        @settings(max_examples=40, deadline=None)
        @given(steps)
        def play(plan: list[tuple[str, object]]) -> None:
            runner.run(Shop(connection).play(plan))

        play()
