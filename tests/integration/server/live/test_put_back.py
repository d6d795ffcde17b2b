"""An earlier copy of the database's files is put back, on the same timeline, while everything runs on."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest
from redis import Redis

from coffeert.embedded import PostgresServer
from coffeert.postgres.migrations import migrate
from coffeert.postgres.pool import close, connect
from coffeert.postgres.verification import verify
from tests.integration.server.conftest import RunServer
from tests.integration.server.live.dashboards import place, shows

pytestmark = pytest.mark.long


def cold_copy(postgres: PostgresServer, to: Path) -> None:
    """Copy the files of a server that has been stopped in order."""
    postgres.stop("fast")
    shutil.copytree(postgres.directory.cluster, to, symlinks=True)
    postgres.start()


def crash_consistent_copy(postgres: PostgresServer, to: Path) -> None:
    """Copy the files at one moment of a running server, as the snapshot of a volume does."""
    pids = processes_of(postgres)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        shutil.copytree(postgres.directory.cluster, to, symlinks=True)
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def processes_of(postgres: PostgresServer) -> list[int]:
    first = postgres.pid
    assert first is not None
    children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
    return [first, *map(int, children)]


def put_back(postgres: PostgresServer, copy: Path) -> None:
    """Lose what came after the copy."""
    cluster = postgres.directory.cluster
    postgres.stop("immediate")
    owner = cluster.stat()
    shutil.rmtree(cluster)
    copy.rename(cluster)
    for path in (cluster, *cluster.rglob("*")):
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
    postgres.start()


@pytest.mark.parametrize("copied", [cold_copy, crash_consistent_copy])
@pytest.mark.parametrize("flushed", [False, True], ids=["redis kept", "redis flushed"])
async def test_every_dashboard_shows_what_is_stored(
    own_postgres: PostgresServer,
    run_server: RunServer,
    redis_url: str,
    opened: AsyncExitStack,
    copied: Callable[[PostgresServer, Path], None],
    flushed: bool,
) -> None:
    await asyncio.to_thread(own_postgres.ensure_database, "shop")
    database = own_postgres.database_url("shop")
    await migrate(database)
    copy = own_postgres.directory.cluster.parent / "earlier"
    http = await opened.enter_async_context(aiohttp.ClientSession())
    given = {"database": database, "restore_acknowledged": False}
    url = await opened.enter_async_context(run_server(**given))
    other = await opened.enter_async_context(run_server(**given, run_aggregator=False))
    await place(http, url, 5)
    await shows(http, other, 5)
    await asyncio.to_thread(copied, own_postgres, copy)
    await place(http, url, 7)
    for address in (url, other):
        epoch = (await shows(http, address, 12)).epoch
    await asyncio.to_thread(put_back, own_postgres, copy)
    if flushed:
        with Redis.from_url(redis_url) as redis:
            redis.flushall()
    for address in (url, other):
        frame = await shows(http, address, 5)
        assert len(frame.view.recent) == 5
    assert frame.epoch != epoch
    await place(http, other, 3)
    fresh = await opened.enter_async_context(run_server(database=database, run_aggregator=False))
    for address in (url, other, fresh):
        await shows(http, address, 8)
    connection = await connect(database, application_name="test")
    result = await verify(connection)
    assert (result.exact, result.orders) == (True, 8)
    await close(connection)
