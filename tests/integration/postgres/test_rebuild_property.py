"""Whatever the cells hold, and whatever passes count beside a rebuild: afterwards they equal the orders."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coffeert.domain.orders import Order
from coffeert.postgres.pool import Connection, close, connect
from coffeert.postgres.verification import rebuild, verify
from tests.integration.postgres.passing import run_pass
from tests.order_book import counted_cells, insert, kept_cells, order, void

BEGINS = datetime(2026, 3, 28, 22, tzinfo=UTC)

sales = st.lists(
    st.tuples(st.integers(0, 11), st.sampled_from(("latte", "tea")), st.booleans()), max_size=6
)
"""Each with its half hour, its drink, and whether it is voided at once."""
damages = st.lists(
    st.tuples(
        st.sampled_from(("minute", "quarter", "day")),
        st.sampled_from(("added", "removed", "moved", "invented")),
        st.integers(0, 11),
    ),
    max_size=6,
)
STATEMENTS = {
    "added": "UPDATE rollup_{0} SET orders = orders + 1, quantity = -quantity WHERE {1} = $1",
    "removed": "DELETE FROM rollup_{0} WHERE {1} = $1",
    "moved": "UPDATE rollup_{0} SET store = 'x' || store WHERE {1} = $1",
    "invented": "INSERT INTO rollup_{0} VALUES ($1, 'uptown', 'mocha', 0, 0, 0) ON CONFLICT DO NOTHING",
}


async def sell(connection: Connection, made: list[tuple[int, str, bool]]) -> None:
    placed: list[Order] = []
    for half_hour, drink, voided in made:
        sale = order(BEGINS + timedelta(minutes=30 * half_hour), drink=drink)
        placed += [sale, void(sale)] if voided else [sale]
    await insert(connection, *placed)


async def damage(connection: Connection, grain: str, kind: str, half_hour: int) -> None:
    moment = BEGINS + timedelta(minutes=30 * half_hour)
    column, value = ("date", moment.date()) if grain == "day" else ("bucket", moment)
    await connection.execute(STATEMENTS[kind].format(grain, column), value)


class Beside:
    """A rebuild, and a pass that is made after it has compared and before it corrects."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def open(self) -> None:
        self._connection, self._other, self._holder = [
            await connect(self._url, application_name=name) for name in ("test", "other", "holder")
        ]

    async def close(self) -> None:
        for connection in (self._connection, self._other, self._holder):
            await close(connection)

    async def play(
        self,
        before: list[tuple[int, str, bool]],
        damaged: list[tuple[str, str, int]],
        meanwhile: list[tuple[int, str, bool]],
    ) -> None:
        await sell(self._connection, before)
        await run_pass(self._connection)
        for each in damaged:
            await damage(self._connection, *each)
        async with self._holder.transaction(isolation="read_committed"):
            await self._holder.execute("SELECT FROM aggregator_state FOR UPDATE")
            rebuilding = asyncio.create_task(rebuild(self._other))
            while not await self._connection.fetchval(
                "SELECT cardinality(pg_blocking_pids($1)) > 0", self._other.get_server_pid()
            ):
                await asyncio.sleep(0)
            await sell(self._connection, meanwhile)
            await run_pass(self._holder)
        await rebuilding
        result = await verify(self._connection)
        assert result.exact, result
        assert await kept_cells(self._connection) == await counted_cells(self._connection)


@pytest.mark.long
def test_a_rebuild_mends_any_damage_beside_passes(database_url: str) -> None:
    beside = Beside(database_url)
    with asyncio.Runner() as runner:
        runner.run(beside.open())

        @settings(max_examples=40, deadline=None)
        @given(sales, damages, sales)
        def play(
            before: list[tuple[int, str, bool]],
            damaged: list[tuple[str, str, int]],
            meanwhile: list[tuple[int, str, bool]],
        ) -> None:
            runner.run(beside.play(before, damaged, meanwhile))

        play()
        runner.run(beside.close())
