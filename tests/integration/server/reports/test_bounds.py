"""What a report may cost."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from coffeert.domain.periods import parse_period
from coffeert.errors import Invalid, Unavailable
from coffeert.postgres.menu import load_menu
from coffeert.postgres.pool import Connection, open_pool
from coffeert.postgres.reports import report_transaction
from coffeert.server.reports import reading, reporter
from coffeert.server.reports.reading import read_report
from coffeert.server.reports.reporter import Reporter
from coffeert.server.reports.request import ReportRequest, read_report_request
from tests.integration.postgres.passing import run_pass
from tests.order_book import insert, order

TODAY = ReportRequest(period=parse_period("today"))


async def test_a_statement_that_takes_too_long_is_refused_in_a_sentence(
    connection: Connection,
) -> None:
    with pytest.raises(Invalid, match="takes longer than 0 s; ask for fewer days"):
        async with report_transaction(connection, 0.05):
            await connection.execute("SELECT pg_sleep(10)")
    assert await connection.fetchval("SHOW statement_timeout") == "0"


async def test_a_report_with_too_many_rows_is_refused(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_MOST_ROWS", 5)
    now = datetime.now(UTC) - timedelta(minutes=2)
    await insert(connection, *(order(now, drink=f"drink {number}") for number in range(6)))
    await run_pass(connection)
    menu = await load_menu(connection)
    async with report_transaction(connection, 5):
        assert (await read_report(connection, TODAY, menu)).total.figures.orders in (0, 6)
        with pytest.raises(Invalid, match="by gives more than 5 rows"):
            await read_report(
                connection,
                ReportRequest(period=parse_period("28-days"), grouped_by=("drink",)),
                menu,
            )


async def test_reports_wait_for_each_other_and_not_for_ever(
    database_url: str, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reporter, "_TURN_SECONDS", 0.05)
    menu = await load_menu(connection)
    pool = await open_pool(database_url, size=4, application_name="test")
    try:
        reports = Reporter(pool, lambda: menu)
        async with reports._connection(), reports._connection():
            with pytest.raises(Unavailable, match="Too many reports"):
                await reports.report(TODAY)
        first, second = await asyncio.gather(reports.report(TODAY), reports.report(TODAY))
        assert first is second  # read once
        monkeypatch.setattr(reporter, "_FRESH_SECONDS", 0.0)
        assert await reports.report(TODAY) is not first
    finally:
        await pool.close()


@pytest.mark.parametrize("asked", ["by=store", "by=quarter", "details=1", "period=28-days"])
async def test_no_report_reads_a_whole_table(connection: Connection, asked: str) -> None:
    await connection.execute(
        "INSERT INTO orders (order_id, placed_at, quantity, price_cents, store, drink)"
        "SELECT gen_random_uuid(), now() - n * interval '20 minutes', 1, 1, 'uptown', 'latte'"
        "FROM generate_series(1, 20000) n"
    )
    await run_pass(connection)
    await connection.execute("ANALYZE")
    explained = _Explained(connection)
    name, _, value = asked.partition("=")
    request = read_report_request([(name, value)], await load_menu(connection))
    async with report_transaction(connection, 5):
        await read_report(explained, request, await load_menu(connection))  # type: ignore[arg-type]  # behaves as one
    assert explained.plans
    for plan in explained.plans:
        assert not {"orders", "rollup_minute", "rollup_quarter"} & whole_tables(plan)


class _Explained:
    """A connection that also keeps the plans of what is fetched."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.plans: list[Any] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    async def fetch(self, query: str, *values: object) -> Any:
        if "GROUPING SETS" in query:
            text = await self._connection.fetchval(f"EXPLAIN (FORMAT JSON) {query}", *values)
            self.plans.append(json.loads(text)[0]["Plan"])
        return await self._connection.fetch(query, *values)


def whole_tables(plan: Any) -> set[str]:
    """The tables that a plan reads from beginning to end."""
    found = {plan["Relation Name"]} if plan["Node Type"] == "Seq Scan" else set()
    return found.union(*(whole_tables(part) for part in plan.get("Plans", ())))
