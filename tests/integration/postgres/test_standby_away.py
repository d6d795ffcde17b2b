"""While a synchronous standby is away nothing is acknowledged, and no backends pile up.

A standby that never comes is named, so one server is enough: its commits wait as for one that was lost.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from coffeert.embedded import PostgresServer
from coffeert.errors import DatabaseUnavailable, EmbeddedError
from coffeert.postgres.migrations import migrate
from coffeert.postgres.orders import CommitUnknown, NotStored, OrderRepository
from coffeert.postgres.pool import open_pool
from tests.order_book import order
from tests.waiting import POLL, WITHIN

pytestmark = pytest.mark.long

_HANGING = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'"


class Shop:
    """A repository over a server whose synchronous standby is away until `standby_returns`."""

    def __init__(self, server: PostgresServer, repository: OrderRepository) -> None:
        self.repository = repository
        self._server = server

    def run(self, sql: str) -> list[str]:
        return self._server.execute(sql, database="shop").splitlines()

    async def until(self, sql: str, expected: Callable[[list[str]], object]) -> list[str]:
        """Wait for the answer to a query; a server that is restarting gives none."""
        async with asyncio.timeout(WITHIN * 2):
            while True:
                found: list[str] = []
                with suppress(EmbeddedError):
                    found = await asyncio.to_thread(self.run, sql)
                if expected(found):
                    return found
                await asyncio.sleep(POLL)

    def standby_returns(self) -> None:
        self.run("ALTER SYSTEM RESET synchronous_standby_names")
        self.run("SELECT pg_reload_conf()")


@asynccontextmanager
async def shop(server: PostgresServer, insert_timeout: float) -> AsyncIterator[Shop]:
    server.ensure_database("shop")
    url = server.database_url("shop")
    await migrate(url)
    server.execute("ALTER SYSTEM SET synchronous_standby_names = 'away'")
    server.execute("SELECT pg_reload_conf()")
    pool = await open_pool(url, size=4, application_name="shop")
    repository = OrderRepository(pool, max_idle=1, insert_timeout=insert_timeout)
    try:
        yield Shop(server, repository)
    finally:
        await repository.close()
        await pool.close()


async def _outcome(doing: Awaitable[object]) -> object:
    try:
        return await doing
    except DatabaseUnavailable as error:
        return error


async def test_an_insert_that_times_out_is_not_committed_by_its_end(
    own_postgres: PostgresServer,
) -> None:
    async with shop(own_postgres, insert_timeout=0.5) as stage:
        made = order()
        with pytest.raises(CommitUnknown):
            await stage.repository.insert([made])
        # What waits for the standby is hidden. A cancelled statement would have shown it.
        assert await stage.until(_HANGING, bool)
        for _ in range(3):
            assert not await stage.repository.find([made.order_id])
        # The next orders are refused at once instead of leaving a further backend each.
        for _ in range(5):
            with pytest.raises(NotStored, match="standby"):
                await stage.repository.insert([order()])
            with pytest.raises(DatabaseUnavailable):
                await stage.repository.wait_for_standbys()
        assert len(stage.run(_HANGING)) == 1
        assert await stage.repository.unresolved_commits() == 1

        stage.standby_returns()
        await stage.until(_HANGING, lambda pids: not pids)
        assert (await stage.repository.insert([made])).new == 0
        assert await stage.repository.unresolved_commits() == 0
        assert (await stage.repository.insert([order()])).new == 1


async def test_what_a_crash_made_visible_is_not_acknowledged_before_the_standby_has_it(
    own_postgres: PostgresServer,
) -> None:
    async with shop(own_postgres, insert_timeout=20.0) as stage:
        made = order()
        inserting = asyncio.create_task(_outcome(stage.repository.insert([made])))
        (backend,) = await stage.until(_HANGING, bool)
        os.kill(int(backend), signal.SIGKILL)  # as the kernel does if memory is out
        assert isinstance(await inserting, CommitUnknown)
        await stage.until(
            f"SELECT order_id FROM orders WHERE order_id = '{made.order_id}'", lambda f: f
        )
        async with asyncio.TaskGroup() as group:
            again = group.create_task(_outcome(stage.repository.insert([made])))
            reading = group.create_task(_outcome(stage.repository.wait_for_standbys()))
            await stage.until(_HANGING, lambda pids: len(pids) == 2)
            assert made.order_id in await stage.repository.find([made.order_id])
            assert not again.done()
            assert not reading.done()
            stage.standby_returns()
        assert not isinstance(again.result(), Exception)
        assert not isinstance(reading.result(), Exception)


async def test_a_wait_for_the_standby_that_somebody_cancels_is_no_commit(
    own_postgres: PostgresServer,
) -> None:
    async with shop(own_postgres, insert_timeout=5.0) as stage:
        for _ in range(2):
            inserting = asyncio.create_task(_outcome(stage.repository.insert([order()])))
            (backend,) = await stage.until(_HANGING, bool)
            stage.run(f"SELECT pg_cancel_backend({backend})")
            assert isinstance(await inserting, CommitUnknown)
        stage.standby_returns()
        assert (await stage.repository.insert([order()])).new == 1


async def test_an_operator_who_ends_the_backend_is_no_commit_either(
    own_postgres: PostgresServer,
) -> None:
    async with shop(own_postgres, insert_timeout=5.0) as stage:
        inserting = asyncio.create_task(_outcome(stage.repository.insert([order()])))
        (backend,) = await stage.until(_HANGING, bool)
        stage.run(f"SELECT pg_terminate_backend({backend})")
        assert isinstance(await inserting, CommitUnknown)
