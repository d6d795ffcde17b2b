"""Faults of the clients and of the way to them."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress

import aiohttp

from tests.torture.faults.fault import Fault
from tests.torture.faults.weather import bad_weather
from tests.torture.frame_times import FrameTimes, frame_times
from tests.torture.hostile import HOSTILE_BODIES, HOSTILE_FRAMES
from tests.torture.stage import Stage


class ClientsBehindBadNetwork(Fault):
    """The way from clients and watchers to the server is cut, slow, dripping and half closed."""

    name = "network to clients: cut, delay, drip, half-close"

    async def strike(self, stage: Stage, rng: random.Random) -> None:
        """Go through the moods in a seeded order."""
        await bad_weather(stage.front, rng)
        stage.lift()


class StalledClient(Fault):
    """Dashboards that stop reading: they must be closed, and nobody else may notice."""

    name = "stalled WebSocket clients"
    strikes = 1

    async def strike(self, stage: Stage, rng: random.Random) -> None:
        """Open dashboards, never read from them, and wait until the server has dropped them."""
        without = await frame_times(stage)
        before = await metric(stage, "coffeert_sockets_dropped_total")
        dropped = asyncio.Event()
        links = [await self._stall(stage.port) for _ in range(5)]
        async with asyncio.TaskGroup() as group, asyncio.timeout(60):
            measured = group.create_task(frame_times(stage, until=dropped))
            while await metric(stage, "coffeert_sockets_dropped_total") < before + len(links):
                await asyncio.sleep(0.1)
            dropped.set()
        self.frame_times = FrameTimes(without, measured.result())
        stage.lift()
        for writer in links:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
        assert self.frame_times.unchanged, self.frame_times.remark()

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
            writer.write(b"POST /api/orders HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
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


async def metric(stage: Stage, name: str) -> float:
    """Read one figure of the server."""
    async with aiohttp.ClientSession() as http, http.get(f"{stage.direct_url}/metrics") as answer:
        for line in (await answer.text()).splitlines():
            if line.startswith(f"{name} "):
                return float(line.split()[1])
    raise AssertionError(f"no metric {name}")
