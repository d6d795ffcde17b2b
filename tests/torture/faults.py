"""The faults, one class each: what is done to the system while it works, and what must come of it."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import ClassVar
from uuid import uuid4

import aiohttp
import asyncpg
from redis.asyncio import Redis

from tests.servers import FAST
from tests.torture.hostile import HOSTILE_BODIES, HOSTILE_FRAMES
from tests.torture.proxy import Proxy
from tests.torture.small_disk import SmallDisk, small_disk
from tests.torture.stage import Stage, staged
from tests.waiting import eventually


class Fault:
    """One thing that goes wrong. `strike` does it and undoes it; it may do so several times."""

    name: ClassVar[str]
    strikes: ClassVar[int] = 2

    def setting(self) -> AbstractAsyncContextManager[Stage]:
        """Set the stage on which it happens."""
        return staged()

    async def strike(self, stage: Stage, rng: random.Random) -> None:
        """Do it, let it last, and undo what the system cannot undo by itself."""
        raise NotImplementedError


class Nothing(Fault):
    """The control: the history and its checker, without any fault."""

    name = "no fault (control)"
    strikes = 1

    async def strike(self, stage: Stage, rng: random.Random) -> None:
        """Let the time pass."""
        await asyncio.sleep(1)


class ServerKilled(Fault):
    """The server dies in the middle of a batch, and is started again by whoever minds it."""

    name = "server SIGKILL mid-batch"
    strikes = 3

    async def strike(self, stage: Stage, rng: random.Random) -> None:
        """Kill it and start it at the same address."""
        await stage.server.killed()
        await asyncio.sleep(rng.random() * 0.3)
        stage.lift()
        await stage.start_server()


class ServerFrozen(Fault):
    """The server stops for a while, with everything it has in its hands."""

    name = "server SIGSTOP/SIGCONT"

    async def strike(self, stage: Stage, rng: random.Random) -> None:
        """Freeze it for a second or so."""
        stage.server.signal(signal.SIGSTOP)
        await asyncio.sleep(0.5 + rng.random())
        stage.lift()
        stage.server.signal(signal.SIGCONT)


class ServerEnded(Fault):
    """The server is asked to end under load, as in every deployment."""

    name = "SIGTERM under load"

    async def strike(self, stage: Stage, rng: random.Random) -> None:
        """Ask it to end; it must do so in order, and say goodbye."""
        ended = await stage.server.stopped()
        assert ended.code == 0, ended.err
        assert "Traceback" not in ended.err, ended.err
        stage.lift()
        await stage.start_server()


class AggregatorKilled(Fault):
    """The leading aggregator dies; the other takes over."""

    name = "leading aggregator SIGKILL"

    async def strike(self, stage: Stage, rng: random.Random) -> None:
        """Kill the leader, wait for the next, and start another to stand by."""
        leader = await stage.leader()
        stage.lift()
        await leader.killed()
        await stage.leader()
        stage.start_aggregator()


class LeaderFrozen(Fault):
    """The leader freezes, another leads, and the first wakes up believing that it still does."""

    name = "leader frozen, two leaders at once"
    strikes = 1

    async def strike(self, stage: Stage, rng: random.Random) -> None:
        """Freeze the leader until another leads for a while, then wake it."""
        leader = await stage.leader()
        token = (await stage.state())["fencing_token"]
        stage.lift()
        leader.signal(signal.SIGSTOP)
        async with asyncio.timeout(30):
            while (await stage.state())["fencing_token"] == token:
                await asyncio.sleep(0.05)
        second = await stage.leader()
        assert second is not leader
        leader.signal(signal.SIGCONT)
        await asyncio.sleep(0.5)
        assert await stage.leader() is second, "the one that was frozen has taken over"


class PostgresCrashed(Fault):
    """PostgreSQL is stopped at once, without a checkpoint, and started again."""

    name = "PostgreSQL stop -m immediate, restart"

    async def strike(self, stage: Stage, rng: random.Random) -> None:
        """Crash it and start it."""
        await asyncio.to_thread(stage.postgres.stop, "immediate")
        await asyncio.sleep(rng.random() * 0.5)
        stage.lift()
        await asyncio.to_thread(stage.postgres.start)


class PostgresFrozen(Fault):
    """PostgreSQL hangs for a while: connections stay open and nothing is answered."""

    name = "PostgreSQL SIGSTOP/SIGCONT"

    async def strike(self, stage: Stage, rng: random.Random) -> None:
        """Freeze all its processes for two seconds."""
        frozen = stage.postgres_processes()
        for pid in frozen:
            os.kill(pid, signal.SIGSTOP)
        await asyncio.sleep(1.5 + rng.random())
        stage.lift()
        for pid in frozen:
            os.kill(pid, signal.SIGCONT)


class PostgresBehindBadNetwork(Fault):
    """The way to PostgreSQL is cut, slow, dripping and half closed."""

    name = "network to PostgreSQL: cut, delay, drip, half-close"

    async def strike(self, stage: Stage, rng: random.Random) -> None:
        """Go through the moods in a seeded order."""
        await bad_weather(stage.before_postgres, rng)
        stage.lift()


class RedisKilled(Fault):
    """Redis dies and comes back empty."""

    name = "Redis SIGKILL, restarted empty"

    async def strike(self, stage: Stage, rng: random.Random) -> None:
        """Kill it and start it."""
        pid = stage.valkey.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await eventually(lambda: not stage.valkey.is_running())
        await asyncio.sleep(0.3 + rng.random())
        stage.lift()
        await asyncio.to_thread(stage.valkey.start)


class RedisFlushed(Fault):
    """Somebody empties Redis."""

    name = "Redis FLUSHALL"
    strikes = 4

    async def strike(self, stage: Stage, rng: random.Random) -> None:
        """Flush everything, scripts too."""
        async with Redis.from_url(stage.valkey.url) as redis:
            await redis.flushall()
            await redis.script_flush()
        stage.lift()
        await asyncio.sleep(rng.random() * 0.5)


class RedisBehindBadNetwork(Fault):
    """The way to Redis is cut, slow, dripping and half closed."""

    name = "network to Redis: cut, delay, drip, half-close"

    async def strike(self, stage: Stage, rng: random.Random) -> None:
        """Go through the moods in a seeded order."""
        await bad_weather(stage.before_redis, rng)
        stage.lift()


class ClientsBehindBadNetwork(Fault):
    """The way from clients and watchers to the server is cut, slow, dripping and half closed."""

    name = "network to clients: cut, delay, drip, half-close"

    async def strike(self, stage: Stage, rng: random.Random) -> None:
        """Go through the moods in a seeded order."""
        await bad_weather(stage.front, rng)
        stage.lift()


class LongTransaction(Fault):
    """A stranger writes an order and does not commit for as long as the others order."""

    name = "write transaction held open"
    strikes = 1

    async def strike(self, stage: Stage, rng: random.Random) -> None:
        """Hold the transaction open over several passes, which must go on, then commit it."""
        order_id = uuid4()
        connection = await asyncpg.connect(stage.database_url)
        try:
            async with connection.transaction():
                await connection.execute(
                    "INSERT INTO orders (order_id, placed_at, quantity, price_cents, store, drink)"
                    " VALUES ($1, now(), 1, 100, 'uptown', 'latte')",
                    order_id,
                )
                before = (await stage.state())["pass"]
                assert isinstance(before, int)
                async with asyncio.timeout(20):
                    while int(str((await stage.state())["pass"])) < before + 8:
                        await asyncio.sleep(0.05)
            stage.strangers.append(str(order_id))
        finally:
            stage.lift()
            await connection.close()


class StalledClient(Fault):
    """Dashboards that stop reading: they must be closed, and nobody else may notice."""

    name = "stalled WebSocket clients"
    strikes = 1

    async def strike(self, stage: Stage, rng: random.Random) -> None:
        """Open dashboards, never read from them, and wait until the server has dropped them."""
        before = await metric(stage, "coffeert_sockets_dropped_total")
        links = [await self._stall(stage.port) for _ in range(5)]
        async with asyncio.timeout(60):
            while await metric(stage, "coffeert_sockets_dropped_total") < before + len(links):
                await asyncio.sleep(0.1)
        stage.lift()
        for writer in links:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _stall(self, port: int) -> asyncio.StreamWriter:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        writer.write(
            b"GET /ws/dashboard HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        await reader.readuntil(b"\r\n\r\n")
        return writer


class HostileInput(Fault):
    """Strangers send what no client would, over every surface, slowly too."""

    name = "hostile input and slow-loris beside honest clients"

    async def strike(self, stage: Stage, rng: random.Random) -> None:
        """Send everything we can think of; nothing of it may be a 500."""
        loris = [await asyncio.open_connection("127.0.0.1", stage.port) for _ in range(20)]
        for _, writer in loris:
            writer.write(b"POST /api/orders HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        timeout = aiohttp.ClientTimeout(total=10)
        async with aiohttp.ClientSession(stage.direct_url, timeout=timeout) as http:
            for body in rng.sample(HOSTILE_BODIES, len(HOSTILE_BODIES)):
                for path, kind in (("", "json"), ("/batch", "x-ndjson")):
                    headers = {"Content-Type": f"application/{kind}"}
                    with suppress(aiohttp.ClientError, OSError):
                        async with http.post(
                            f"/api/orders{path}", data=body, headers=headers
                        ) as answer:
                            assert answer.status != 500, body[:200]
                            assert answer.status != 201, body[:200]
            for frame in rng.sample(HOSTILE_FRAMES, len(HOSTILE_FRAMES)):
                with suppress(aiohttp.ClientError, OSError):
                    async with http.ws_connect("/ws/dashboard") as socket:
                        if isinstance(frame, str):
                            await socket.send_str(frame)
                        else:
                            await socket.send_bytes(frame)
                        await socket.receive()
        for reader, writer in loris:
            with suppress(OSError):
                await asyncio.wait_for(reader.read(), 20)
            writer.close()
        stage.lift()


class DiskFull(Fault):
    """PostgreSQL's disk fills up, and later has room again."""

    name = "PostgreSQL's disk full"
    strikes = 1

    def __init__(self) -> None:
        self._disk: SmallDisk | None = None

    @asynccontextmanager
    async def setting(self) -> AsyncIterator[Stage]:
        """Set a stage whose data lie on a small disk; raises `NoSmallDisk`."""
        small = FAST | {"max_wal_size": "64MB", "min_wal_size": "32MB"}
        with small_disk("320m") as self._disk:
            async with staged(data=self._disk.path, postgres_settings=small) as stage:
                yield stage

    async def strike(self, stage: Stage, rng: random.Random) -> None:
        """Take every free byte until orders are refused for a while, then give them back."""
        assert self._disk is not None
        self._disk.fill()
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as http:
            async with asyncio.timeout(40):
                while await self._order(http, stage) != 503:
                    await asyncio.sleep(0.01)
        await asyncio.sleep(1)
        self._disk.empty()
        stage.lift()
        # It may have given up: whoever minds it starts it again, now that there is room.
        await asyncio.to_thread(stage.postgres.start)

    async def _order(self, http: aiohttp.ClientSession, stage: Stage) -> int:
        # Under a key that is taken by nobody, and thrown away: whether it is stored does not matter.
        order = {"store": "uptown", "drink": "latte", "order_id": str(uuid4())}
        stage.maybe.append(order["order_id"])
        try:
            async with http.post(f"{stage.direct_url}/api/orders", json=order) as answer:
                return answer.status
        except (aiohttp.ClientError, OSError, TimeoutError):
            return 0


FAULTS: Sequence[type[Fault]] = (
    Nothing,
    ServerKilled,
    ServerFrozen,
    ServerEnded,
    AggregatorKilled,
    LeaderFrozen,
    PostgresCrashed,
    PostgresFrozen,
    PostgresBehindBadNetwork,
    RedisKilled,
    RedisFlushed,
    RedisBehindBadNetwork,
    ClientsBehindBadNetwork,
    LongTransaction,
    StalledClient,
    HostileInput,
    DiskFull,
)


async def bad_weather(proxy: Proxy, rng: random.Random) -> None:
    """Put a proxy through every mood and cut, in a seeded order; it ends passing everything on."""
    for kind in rng.sample(["cut", "slow", "drip", "deaf", "refuse", "half"], 6):
        match kind:
            case "cut":
                proxy.cut()
            case "half":
                proxy.half_close()
            case "slow" | "drip" | "deaf" | "refuse":
                proxy.mood = kind
                if kind == "refuse":
                    proxy.cut()
        await asyncio.sleep(0.2 + rng.random() * 0.4)
        proxy.mood = "pass"


async def metric(stage: Stage, name: str) -> float:
    """Read one figure of the server."""
    async with aiohttp.ClientSession() as http, http.get(f"{stage.direct_url}/metrics") as answer:
        for line in (await answer.text()).splitlines():
            if line.startswith(f"{name} "):
                return float(line.split()[1])
    raise AssertionError(f"no metric {name}")
