"""What is acknowledged survives a crash of PostgreSQL, whatever its defaults say."""

from __future__ import annotations

import asyncio
import os
from contextlib import AsyncExitStack
from signal import SIGKILL, SIGSTOP

import pytest

from coffeert.embedded import PostgresServer
from coffeert.postgres.migrations import migrate
from coffeert.postgres.orders import OrderRepository
from coffeert.postgres.pool import close, connect, open_pool
from tests.end_to_end.processes import children
from tests.order_book import order
from tests.waiting import wait_until

SHOWN = "SHOW synchronous_commit"


@pytest.mark.parametrize(
    ("default", "used"),
    [
        ("off", "on"),
        ("local", "on"),
        ("remote_write", "on"),
        ("on", "on"),
        ("remote_apply", "remote_apply"),
    ],
)
async def test_sessions_wait_for_the_disk_or_for_more(
    database_url: str, default: str, used: str, opened: AsyncExitStack
) -> None:
    connection = await connect(database_url, application_name="test")
    opened.push_async_callback(close, connection)
    await connection.execute(
        f"ALTER DATABASE {await connection.fetchval('SELECT current_database()')} "
        f"SET synchronous_commit = {default}"
    )
    single = await connect(database_url, application_name="test")
    opened.push_async_callback(close, single)
    pool = await open_pool(database_url, size=3, application_name="test")
    opened.push_async_callback(pool.close)
    assert await single.fetchval(SHOWN) == used
    held = [await opened.enter_async_context(pool.acquire()) for _ in range(3)]
    assert [await session.fetchval(SHOWN) for session in held] == [used] * 3


async def test_nothing_acknowledged_is_lost_when_postgresql_is_killed(
    own_postgres: PostgresServer, opened: AsyncExitStack
) -> None:
    own_postgres.ensure_database("shop")
    url = own_postgres.database_url("shop")
    await migrate(url)
    own_postgres.execute("ALTER DATABASE shop SET synchronous_commit = off")
    # Else it would write to the file, a moment later, what no commit has waited for.
    walwriter = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'walwriter'"
    os.kill(int(own_postgres.execute(walwriter)), SIGSTOP)
    pool = await open_pool(url, size=2, application_name="test")
    opened.callback(pool.terminate)
    table = OrderRepository(pool)
    placed = [order() for _ in range(60)]
    for each in placed:
        assert (await table.insert([each])).new == 1
    await asyncio.to_thread(_kill_all_of, own_postgres)
    await asyncio.to_thread(own_postgres.start)
    connection = await connect(url, application_name="test")
    opened.push_async_callback(close, connection)
    stored = {row[0] for row in await connection.fetch("SELECT order_id FROM orders")}
    assert {each.order_id for each in placed} - stored == set()


def _kill_all_of(server: PostgresServer) -> None:
    """Kill every process at once: a postmaster that lived on would have the others write what they hold."""
    postmaster = server.pid
    assert postmaster is not None
    os.kill(postmaster, SIGSTOP)
    for pid in (*children(postmaster), postmaster):
        os.kill(pid, SIGKILL)
    wait_until(lambda: not server.is_running())
