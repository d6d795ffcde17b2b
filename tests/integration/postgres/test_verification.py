"""Verifying notices every kind of difference, and rebuilding mends them."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import msgspec
import pytest

from coffeert.cli import cli, run
from coffeert.domain.rollups import Totals
from coffeert.errors import ClusterMismatch, DatabaseUnavailable, Fenced
from coffeert.postgres.calendars import set_default_calendar
from coffeert.postgres.leadership import try_lead
from coffeert.postgres.pool import Connection, close, connect
from coffeert.postgres.verification import Difference, rebuild, verify
from tests.integration.postgres.passing import run_pass
from tests.order_book import NOON, counted_cells, insert, kept_cells, order, void

BUCKET = int(NOON.timestamp())


async def test_orders_not_yet_counted_do_not_differ(connection: Connection) -> None:
    await insert(connection, order())
    await run_pass(connection)
    await insert(connection, order())
    result = await verify(connection)
    assert (result.exact, result.orders, result.number) == (True, 1, 1)
    assert result.uncounted == 1
    assert [(grain.grain, grain.cells) for grain in result.grains] == [
        ("minute", 1),
        ("quarter", 1),
        ("day", 1),
    ]
    assert result.seconds > 0


@pytest.mark.parametrize(
    ("damage", "differing", "rollup"),
    [
        ("UPDATE rollup_minute SET quantity = quantity + 1", (1, 0, 0), Totals(1, 2, 480)),
        ("UPDATE rollup_quarter SET revenue_cents = 0", (0, 1, 0), Totals(1, 1, 0)),
        ("DELETE FROM rollup_day", (0, 0, 1), None),
        (
            "INSERT INTO rollup_minute VALUES ('2026-03-28 13:00+00', 'uptown', 'latte', 0, 0, 0)",
            (1, 0, 0),
            Totals(0, 0, 0),
        ),
        (
            "UPDATE rollup_minute SET bucket = bucket + interval '1 minute'",
            (2, 0, 0),
            None,
        ),
    ],
)
async def test_any_difference_is_found(
    connection: Connection, damage: str, differing: tuple[int, int, int], rollup: Totals | None
) -> None:
    await insert(connection, order())
    await run_pass(connection)
    await connection.execute(damage)
    result = await verify(connection)
    assert not result.exact
    assert tuple(grain.differing for grain in result.grains) == differing
    assert result.examples[0].rollup == rollup


async def test_an_uncounted_order_below_the_watermark_is_found(connection: Connection) -> None:
    await run_pass(connection)
    await insert(connection, order())
    await connection.execute("UPDATE aggregator_state SET watermark = pg_current_snapshot()")
    result = await verify(connection)
    assert result.examples[0] == Difference(
        grain="day",
        bucket=BUCKET - 12 * 3600,
        store="uptown",
        drink="latte",
        rollup=None,
        orders=Totals(1, 1, 480),
    )
    assert len(result.examples) == 3


@pytest.mark.parametrize(
    ("uncounted", "age", "term_over", "stalled"),
    [
        (1, 16.0, True, True),
        (1, 14.0, True, False),  # not yet three intervals of 5 s
        (1, 3600.0, False, False),  # the leader's own interval is longer
        (0, 3600.0, True, False),
        (1, -3600.0, False, True),  # made before the clock was put back
        (1, -1.0, False, False),
    ],
)
async def test_passes_are_overdue_if_orders_wait_and_nobody_leads(
    connection: Connection, uncounted: int, age: float, term_over: bool, stalled: bool
) -> None:
    await run_pass(connection)
    if uncounted:
        await insert(connection, order())
    await connection.execute(
        "UPDATE aggregator_state SET passed_at = clock_timestamp() - make_interval(secs => $1),"
        " lead_until = clock_timestamp() + make_interval(secs => $2)",
        age,
        -1 if term_over else 60,
    )
    result = await verify(connection)
    assert (result.uncounted, result.term_over) == (uncounted, term_over)
    assert result.pass_age_s == pytest.approx(age, abs=2)
    assert msgspec.structs.replace(result, pass_age_s=age).stalled(5) is stalled


async def test_only_a_few_of_many_differences_are_handed_back(connection: Connection) -> None:
    await insert(connection, *(order(NOON + timedelta(minutes=n)) for n in range(100)))
    await run_pass(connection)
    await connection.execute("DELETE FROM rollup_minute")
    result = await verify(connection)
    assert result.grains[0].differing == 100
    assert len(result.examples) == 5


async def test_a_rebuild_mends_everything_and_fences_the_leader(
    connection: Connection, other: Connection
) -> None:
    token = await try_lead(connection, name="leader", interval=1)
    await insert(connection, order(), order(drink="tea"))
    before = await run_pass(connection, token=token)
    await connection.execute("DELETE FROM rollup_minute; UPDATE rollup_day SET orders = 5")
    result = await rebuild(other)
    assert (result.orders, result.cells, result.adopted) == (2, 6, 0)
    assert result.lineage != before.lineage
    assert (await verify(connection)).exact
    with pytest.raises(Fenced):
        await run_pass(connection, token=token)
    await insert(connection, order())
    after = await run_pass(connection)
    assert (after.rows, after.lineage, after.number) == (1, result.lineage, result.number + 1)
    assert await kept_cells(connection) == await counted_cells(connection)


async def test_a_rebuild_leaves_an_open_transaction_to_the_next_pass(
    connection: Connection, database_url: str
) -> None:
    writer = await connect(database_url, application_name="writer")
    transaction = writer.transaction()
    await transaction.start()
    await insert(writer, order())
    await insert(connection, order())
    await run_pass(connection)
    assert (await rebuild(connection)).orders == 1
    await transaction.commit()
    await close(writer)
    assert (await run_pass(connection)).rows == 1
    assert await kept_cells(connection) == await counted_cells(connection)


async def test_a_rebuild_leaves_what_no_pass_has_counted_to_the_next_one(
    connection: Connection,
) -> None:
    await insert(connection, order())
    await run_pass(connection)
    await insert(connection, order())
    assert (await rebuild(connection)).corrected == 0
    assert (await run_pass(connection)).rows == 1
    assert (await verify(connection)).exact


async def test_passes_go_on_while_a_rebuild_compares(
    connection: Connection, other: Connection, database_url: str
) -> None:
    """What it has noted stays right, whatever passes add to the same cells meanwhile."""
    await insert(connection, *(order(NOON + timedelta(minutes=n)) for n in range(40)))
    await run_pass(connection)
    for damage in (
        "UPDATE rollup_minute SET orders = orders + 5, revenue_cents = 7 WHERE random() < 0.5",
        "DELETE FROM rollup_quarter WHERE bucket < '2026-03-28 12:15+00'",
        "UPDATE rollup_quarter SET store = 'central' WHERE bucket = '2026-03-28 12:15+00'",
        "INSERT INTO rollup_minute VALUES ('2026-03-28 15:00+00', 'uptown', 'tea', 3, 3, 3)",
        "INSERT INTO rollup_quarter VALUES ('2026-03-28 15:00+00', 'uptown', 'tea', 3, 3, 3)",
        "INSERT INTO rollup_day VALUES ('2026-03-28', 'uptown', 'tea', 3, 3, 3),"
        " ('2026-03-29', 'uptown', 'tea', 0, 0, 0), ('2026-03-28', 'central', 'latte', 1, 1, 1)",
    ):
        await connection.execute(damage)
    # The state row is what a rebuild needs at last, and a pass too: here it has to wait for it.
    holder = await connect(database_url, application_name="holder")
    transaction = holder.transaction(isolation="read_committed")
    await transaction.start()
    await holder.execute("SELECT FROM aggregator_state FOR UPDATE")
    rebuilding = asyncio.create_task(rebuild(other))
    while not await connection.fetchval(
        "SELECT cardinality(pg_blocking_pids($1)) > 0", other.get_server_pid()
    ):
        await asyncio.sleep(0)
    late = order(NOON + timedelta(minutes=3))
    await insert(
        connection, late, order(NOON + timedelta(hours=3), drink="tea"), order(drink="mocha")
    )
    await insert(connection, void(late))
    assert (await run_pass(holder)).rows == 4
    await transaction.commit()
    await close(holder)
    result = await rebuilding
    assert (result.orders, result.corrected > 10) == (40, True)
    assert (await verify(connection)).exact
    assert await kept_cells(connection) == await counted_cells(connection)


async def test_a_calendar_that_changes_while_a_rebuild_compares_makes_it_compare_again(
    connection: Connection, other: Connection, database_url: str
) -> None:
    await insert(connection, *(order(NOON + timedelta(hours=n)) for n in range(40)))
    await run_pass(connection)
    await connection.execute("UPDATE rollup_day SET orders = 9; DELETE FROM rollup_minute")
    holder = await connect(database_url, application_name="holder")
    transaction = holder.transaction(isolation="read_committed")
    await transaction.start()
    await holder.execute("SELECT FROM aggregator_state FOR UPDATE")
    rebuilding = asyncio.create_task(rebuild(other))
    while not await connection.fetchval(
        "SELECT cardinality(pg_blocking_pids($1)) > 0", other.get_server_pid()
    ):
        await asyncio.sleep(0)
    await set_default_calendar(holder, "Asia/Kolkata", 240)
    await transaction.commit()
    await close(holder)
    await rebuilding
    assert (await verify(connection)).exact


async def test_a_rebuild_that_is_killed_has_changed_nothing(
    connection: Connection, other: Connection
) -> None:
    await insert(connection, order(), order(drink="tea"))
    await run_pass(connection)
    await connection.execute("UPDATE rollup_day SET orders = 5")
    before = await connection.fetch("SELECT * FROM aggregator_state, rollup_day")
    async with connection.transaction():
        await connection.execute(
            "SELECT FROM rollup_day FOR UPDATE"
        )  # so that it stops in the middle
        rebuilding = asyncio.create_task(rebuild(other))
        pid = other.get_server_pid()
        while not await connection.fetchval("SELECT cardinality(pg_blocking_pids($1)) > 0", pid):
            await asyncio.sleep(0)
        await connection.fetchval("SELECT pg_terminate_backend($1, 5000)", pid)
    with pytest.raises(DatabaseUnavailable):
        await rebuilding
    assert await connection.fetch("SELECT * FROM aggregator_state, rollup_day") == before


async def test_orders_with_another_clusters_transaction_ids_are_adopted(
    connection: Connection,
) -> None:
    """What a restored dump looks like; some of the ids lie in this cluster's future."""
    await insert(connection, order(), order())
    current = await connection.fetchval("SELECT pg_snapshot_xmax(pg_current_snapshot())")
    for ahead in (0, 3, 10**9):
        await connection.execute(
            "INSERT INTO orders (order_id, xid, placed_at, quantity, price_cents, store, drink)"
            "VALUES (gen_random_uuid(), $1, now(), 1, 1, 'uptown', 'latte')",
            int(current) + ahead,
        )
    await connection.execute("UPDATE aggregator_state SET system_identifier = 1")
    with pytest.raises(ClusterMismatch):
        await run_pass(connection)
    result = await rebuild(connection)
    assert result.orders == 5
    assert result.adopted in (1, 2, 3)  # this cluster's own ids may have passed some of them
    for _ in range(12):  # past all the ids that were near
        await insert(connection, order())
        assert (await run_pass(connection)).rows == 1
        assert (await verify(connection)).exact
    assert await kept_cells(connection) == await counted_cells(connection)


@pytest.fixture
def command_line(database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("COFFEERT_DATABASE_URL", database_url)
    return database_url


def in_database(url: str, statement: str) -> None:
    async def execute() -> None:
        connection = await connect(url, application_name="test")
        await insert(connection, order())
        await run_pass(connection)
        await connection.execute(statement)
        await connection.close()

    asyncio.run(execute())


def test_the_commands_verify_rebuild_and_migrate(
    command_line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(cli, ["migrate"]) == 0
    assert "up to date" in capsys.readouterr().out
    in_database(command_line, "SELECT 1")
    assert run(cli, ["verify"]) == 0
    assert "exact: 1 orders as of pass 1" in capsys.readouterr().out
    in_database(command_line, "UPDATE rollup_quarter SET orders = 9")
    assert run(cli, ["verify"]) == 7
    printed = capsys.readouterr()
    assert "rollup 9 orders" in printed.out
    assert printed.err == (
        "coffeert: Cells that differ from the orders: 1; `coffeert rebuild` mends them.\n"
    )
    assert run(cli, ["verify", "--json"]) == 7
    report = json.loads(capsys.readouterr().out)
    assert (report["exact"], report["grains"][1]["differing"]) == (False, 1)
    assert run(cli, ["rebuild"]) == 0
    assert "rebuilt 3 cells from 2 orders" in capsys.readouterr().out
    assert run(cli, ["verify"]) == 0


def test_verify_fails_if_orders_wait_for_a_pass_that_is_overdue(
    command_line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    in_database(
        command_line,
        "UPDATE aggregator_state SET passed_at = passed_at - interval '1 hour';"
        "INSERT INTO orders (order_id, placed_at, quantity, price_cents, store, drink)"
        " VALUES (gen_random_uuid(), now(), 1, 1, 'uptown', 'latte')",
    )
    assert run(cli, ["verify"]) == 7
    printed = capsys.readouterr()
    assert "not compared: 1 orders that no pass has counted yet" in printed.out
    assert printed.err.startswith("coffeert: Orders that no pass has counted: 1; the last pass is ")
    assert printed.err.endswith(" s old, so no aggregator is at work.\n")
    assert run(cli, ["verify", "--json"]) == 7
    report = json.loads(capsys.readouterr().out)
    assert (report["exact"], report["uncounted"]) == (True, 1)
    assert report["pass_age_s"] >= 3600


def test_the_commands_refuse_a_database_without_the_schema(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COFFEERT_DATABASE_URL", empty_database_url)
    for command in (["verify"], ["rebuild"], ["menu", "list"]):
        assert run(cli, command) == 4
        assert "run `coffeert migrate`" in capsys.readouterr().err
    assert run(cli, ["migrate"]) == 0
    assert "applied 0001_orders" in capsys.readouterr().out
    assert run(cli, ["verify"]) == 0
