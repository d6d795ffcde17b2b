"""Leading by lease, where no session keeps a lock: one leads, and what a stale one tries is refused."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coffeert.aggregator.aggregation_pass import LeaderLease, run_pass
from coffeert.errors import Fenced, SchemaMismatch
from coffeert.postgres import leadership
from coffeert.postgres.leadership import STALL_SECONDS, end_lease, renew_lease, try_lead
from coffeert.postgres.migrations import Migration, migrate, read_migrations
from coffeert.postgres.pool import Connection, close, connect
from coffeert.postgres.verification import verify
from tests.integration.aggregator.conftest import StartAggregator
from tests.integration.aggregator.recorder import Recorder
from tests.order_book import insert, order
from tests.waiting import eventually

TERM_OVER = "UPDATE aggregator_state SET lead_until = clock_timestamp() - interval '1 ms'"
CLOCK_BACK = "UPDATE aggregator_state SET lead_until = lead_until + interval '1 hour'"
EXTRA = Migration("9999_extra", "CREATE TABLE extra (n int)")
CANDIDATES = 3

Step = tuple[Literal["lead", "pass", "renew", "end", "order", "over", "back"], int]
steps: st.SearchStrategy[Step] = st.tuples(
    st.sampled_from(("lead", "lead", "pass", "pass", "renew", "end", "order", "over", "back")),
    st.integers(0, CANDIDATES - 1),
)


def sessionless(url: str) -> str:
    """A URL to PostgreSQL itself that is treated like one to a pooler in transaction mode."""
    return f"{url}&pgbouncer=true"


class Candidates:
    """Aggregators without sessions, and who of them must be the leader."""

    def __init__(self, connections: list[Connection], writer: Connection) -> None:
        self.tokens: list[int | None] = [None] * CANDIDATES
        self.leader: int | None = None
        self.newest = 0
        self.term_runs = False
        self.uncounted = 0
        self._connections = connections
        self._writer = writer

    async def take(self, step: Step) -> None:
        what, who = step
        connection, token = self._connections[who], self.tokens[who]
        match what:
            case "order":
                await insert(self._writer, order())
                self.uncounted += 1
            case "over":
                await self._writer.execute(TERM_OVER)
                self.term_runs = False
            case "back":
                # A leader that lives puts it right with its next pass.
                await self._writer.execute(CLOCK_BACK)
                self.term_runs = False
            case "lead":
                taken = await try_lead(connection, name=str(who), interval=60)
                assert (taken is None) == self.term_runs
                if taken is not None:
                    assert taken > self.newest, "a token that follows all others"
                    self.tokens[who], self.newest = taken, taken
                    self.leader, self.term_runs = who, True
            case _ if token is not None:
                await self._lead(what, who, connection, token)

    async def _lead(self, what: str, who: int, connection: Connection, token: int) -> None:
        stale = who != self.leader
        if what == "end":
            await end_lease(connection, token)
            self.term_runs = self.term_runs and stale
            return
        work = (
            renew_lease(connection, token)
            if what == "renew"
            else run_pass(connection, None, LeaderLease(token, STALL_SECONDS))
        )
        if stale:
            with pytest.raises(Fenced):
                await work
            return
        done = await work
        self.term_runs = True
        if done is not None:
            assert done.result.rows == self.uncounted, "each order once"
            self.uncounted = 0


@pytest.mark.long
def test_two_leaders_by_lease_never_both_count(database_url: str) -> None:
    async def open_all() -> tuple[list[Connection], Connection]:
        url = sessionless(database_url)
        opened = [await connect(url, application_name="test") for _ in range(CANDIDATES)]
        return opened, await connect(database_url, application_name="test")

    with asyncio.Runner() as runner:
        connections, writer = runner.run(open_all())

        async def play(plan: list[Step]) -> None:
            await writer.execute("UPDATE aggregator_state SET lead_until = '-infinity'")
            candidates = Candidates(connections, writer)
            candidates.newest = await writer.fetchval("SELECT fencing_token FROM aggregator_state")
            await run_pass(writer, None, LeaderLease())
            for step in plan:
                await candidates.take(step)
            assert (await verify(writer)).exact

        @settings(max_examples=60, deadline=None)
        @given(st.lists(steps, min_size=4, max_size=25))
        def check(plan: list[Step]) -> None:
            runner.run(play(plan))

        check()
        for connection in (*connections, writer):
            runner.run(close(connection))


async def test_of_many_that_ask_at_once_one_leads(
    database_url: str, opened: AsyncExitStack
) -> None:
    connections = []
    for _ in range(4):
        connection = await connect(sessionless(database_url), application_name="test")
        opened.push_async_callback(close, connection)
        connections.append(connection)
    tokens = await asyncio.gather(
        *(try_lead(connection, name="one", interval=1) for connection in connections)
    )
    assert sorted(token or 0 for token in tokens) == [0, 0, 0, 1]


async def test_a_leader_that_froze_is_followed_and_counts_nothing_when_it_wakes(
    database_url: str, start: StartAggregator, recorder: Recorder, connection: Connection,
    opened: AsyncExitStack,
) -> None:  # fmt: skip
    frozen = await connect(sessionless(database_url), application_name="test")
    opened.push_async_callback(close, frozen)
    token = await try_lead(frozen, name="frozen", interval=1)
    assert token is not None
    second, _ = start("second", url=sessionless(database_url))
    await eventually(lambda: second.status.role == "standing by")
    await connection.execute(TERM_OVER)
    await eventually(lambda: second.status.role == "leading")
    await insert(connection, order())
    await eventually(lambda: recorder.has_counted(1))
    with pytest.raises(Fenced):
        await run_pass(frozen, None, LeaderLease(token, STALL_SECONDS))
    with pytest.raises(Fenced):
        await renew_lease(frozen, token)
    await end_lease(frozen, token)
    assert second.status.role == "leading"
    assert (await verify(connection)).exact


async def test_a_leader_that_makes_no_pass_for_long_stays_the_leader(
    database_url: str,
    start: StartAggregator,
    connection: Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("coffeert.aggregator.aggregator.RENEW_SECONDS", 0.05)
    monkeypatch.setattr(leadership, "STALL_SECONDS", 0.4)
    monkeypatch.setattr(leadership.renew_lease, "__defaults__", (0.4,))
    first, _ = start("first", url=sessionless(database_url), interval=60)
    await eventually(lambda: first.status.role == "leading")
    second, _ = start("second", url=sessionless(database_url))
    read_until = "SELECT lead_until FROM aggregator_state"
    begun = await connection.fetchval(read_until)
    async with asyncio.timeout(10):
        while (await connection.fetchval(read_until) - begun).total_seconds() < 1:
            await asyncio.sleep(0.01)
    assert (first.status.role, second.status.role) == ("leading", "standing by")
    assert await connection.fetchval("SELECT fencing_token FROM aggregator_state") == 1


async def test_no_lease_is_taken_from_one_that_leads_by_a_lock(
    database_url: str, connection: Connection, opened: AsyncExitStack
) -> None:
    assert await try_lead(connection, name="lock", interval=60) == 1
    other = await connect(sessionless(database_url), application_name="test")
    opened.push_async_callback(close, other)
    assert await try_lead(other, name="lease", interval=1) is None
    await other.execute(TERM_OVER)
    assert await try_lead(other, name="lease", interval=1) is None


async def test_a_pass_that_takes_long_is_waited_for_without_an_error(
    database_url: str, connection: Connection, opened: AsyncExitStack
) -> None:
    other = await connect(sessionless(database_url), application_name="test")
    opened.push_async_callback(close, other)
    async with connection.transaction():
        await connection.execute("SELECT FROM aggregator_state FOR UPDATE")
        async with asyncio.timeout(1):
            assert await try_lead(other, name="lease", interval=1) is None
    assert await try_lead(other, name="lease", interval=1) == 1


async def test_a_migration_fences_a_leader_whose_term_is_over(
    database_url: str, opened: AsyncExitStack
) -> None:
    leader = await connect(sessionless(database_url), application_name="test")
    opened.push_async_callback(close, leader)
    token = await try_lead(leader, name="leader", interval=1)
    assert token is not None
    await leader.execute(TERM_OVER)
    assert await migrate(database_url, (*read_migrations(), EXTRA)) == ["9999_extra"]
    with pytest.raises(Fenced):
        await renew_lease(leader, token)


async def test_a_migration_is_refused_while_a_leader_by_lease_lives(
    database_url: str, start: StartAggregator
) -> None:
    first, _ = start("first", url=sessionless(database_url))
    await eventually(lambda: first.status.role == "leading")
    with pytest.raises(SchemaMismatch, match="stop every server and aggregator"):
        await migrate(database_url, (*read_migrations(), EXTRA))


async def test_a_former_leader_does_not_end_the_lease_of_its_successor(
    database_url: str, connection: Connection, opened: AsyncExitStack
) -> None:
    former, successor = [
        await connect(sessionless(database_url), application_name="test") for _ in range(2)
    ]
    opened.push_async_callback(close, former)
    opened.push_async_callback(close, successor)
    assert await try_lead(former, name="former", interval=1) == 1
    await connection.execute(TERM_OVER)
    assert await try_lead(successor, name="successor", interval=1) == 2
    await end_lease(former, 1)
    assert await try_lead(former, name="former", interval=1) is None
