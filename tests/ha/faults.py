"""What is done to the parts, one at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.ha.stage import Stage

_CUT_SECONDS = 2.0
_CUT = (
    "ALTER ROLE replicator NOLOGIN",
    "SELECT pg_terminate_backend(pid) FROM pg_stat_replication",
)


@dataclass(frozen=True)
class HaFault:
    """`strike` does it; `mend` brings back what does not come back by itself.

    `target` is in seconds: for how long dashboards may stand still.
    """

    name: str
    strike: Callable[[Stage], Awaitable[object]]
    target: Callable[[int], float]
    mend: Callable[[Stage], Awaitable[object]] | None = None
    asynchronous_only: bool = False
    nothing_refused: bool = False


async def _kill_postgres(stage: Stage) -> None:
    primary = await asyncio.to_thread(stage.postgres.primary)
    primary.kill_postgres()


async def _kill_patroni(stage: Stage) -> None:
    primary = await asyncio.to_thread(stage.postgres.primary)
    primary.kill()


async def _start_patroni(stage: Stage) -> None:
    for node in stage.postgres.nodes:
        if not node.patroni.running:
            node.patroni.start()


async def _cut_and_kill(stage: Stage) -> None:
    """Keep the standbys from following for two seconds of orders, and then kill the primary."""
    primary = await asyncio.to_thread(stage.postgres.primary)
    connection = await stage.connect()
    for statement in _CUT:
        await connection.execute(statement)
    await asyncio.sleep(_CUT_SECONDS)
    primary.kill_postgres()
    await connection.close(timeout=1)


async def _let_replicate(stage: Stage) -> None:
    connection = await stage.connect()
    try:
        await connection.execute("ALTER ROLE replicator LOGIN")
    finally:
        await connection.close()


async def _kill_redis(stage: Stage) -> None:
    owner = await asyncio.to_thread(stage.redis.owner)
    await asyncio.to_thread(owner.kill)


async def _start_redis(stage: Stage) -> None:
    for server in stage.redis.servers:
        if not await asyncio.to_thread(server.answers):
            await asyncio.to_thread(server.start)


async def _kill_server(stage: Stage) -> None:
    await stage.servers[await stage.leading_port()].killed()


async def _start_servers(stage: Stage) -> None:
    for port, server in stage.servers.items():
        if not server.running:
            await stage.start_server(port)


async def _restart_each(stage: Stage) -> None:
    for port in stage.ports:
        await stage.servers[port].stopped()
        await stage.start_server(port)


FAULTS = (
    HaFault("PostgreSQL's primary killed", _kill_postgres, lambda _: 12),
    HaFault("primary and its Patroni killed", _kill_patroni, lambda ttl: ttl + 5, _start_patroni),
    HaFault(
        "stream cut for 2 s, then the primary killed",
        _cut_and_kill,
        lambda _: 12 + _CUT_SECONDS,
        _let_replicate,
        asynchronous_only=True,
    ),
    HaFault("Redis primary killed", _kill_redis, lambda _: 6, _start_redis),
    HaFault("leading coffeert server killed", _kill_server, lambda _: 2, _start_servers),
    HaFault("rolling restart of the servers", _restart_each, lambda _: 2, nothing_refused=True),
)
