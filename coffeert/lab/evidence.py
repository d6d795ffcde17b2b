"""What was busy while something was measured."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress

import psutil

from coffeert.lab.results import Evidence, Wait
from coffeert.lab.stage import RunningServer, Stage
from coffeert.postgres.pool import Connection, close, connect
from coffeert.postgres.queries import sql
from coffeert.tasks import end

_SAMPLE = 0.05
CORES = psutil.cpu_count() or 1
_WAITS_KEPT = 4


class Watch:
    """Watches the processes of a run from `start` to `stop`."""

    def __init__(self, stage: Stage, server: RunningServer, database_url: str) -> None:
        self._stage = stage
        self._server = server
        self._database_url = database_url
        self._waits: Counter[str] = Counter()
        self._lag: list[float] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._connection: Connection | None = None
        self._before: tuple[float, float, float] = (0.0, 0.0, 0.0)
        self._began = 0.0

    async def start(self) -> None:
        """Begin."""
        self._connection = await connect(self._database_url, application_name="coffeert lab")
        self._tasks = [
            asyncio.create_task(self._sample_waits(self._connection), name="waits"),
            asyncio.create_task(self._sample_lag(), name="lag"),
        ]
        psutil.cpu_percent()
        self._before, self._began = self._cpu(), time.monotonic()

    async def stop(self, generator_cores: float, lasted: float) -> Evidence:
        """End, and say what was found.

        `generator_cores` is what the generator says of itself; the load `lasted` so many seconds, after
        which it summed up and the others stood by.
        """
        watched = time.monotonic() - self._began
        seconds = [after - before for before, after in zip(self._before, self._cpu(), strict=True)]
        used = [one / lasted for one in seconds]
        busy = psutil.cpu_percent() / 100
        await self.cancel()
        samples = sum(self._waits.values())
        lag = sorted(self._lag) or [0.0]
        return Evidence(
            server_cores=round(used[0], 2),
            postgres_cores=round(used[1], 2),
            redis_cores=round(used[2], 2),
            generator_cores=generator_cores,
            others_cores=round(
                max(0.0, busy * CORES - sum(seconds) / watched - generator_cores), 2
            ),
            loop_lag_ms=round(lag[int(len(lag) * 0.95)] * 1e3, 2),
            waits=tuple(
                Wait(event, round(times / samples, 2))
                for event, times in self._waits.most_common(_WAITS_KEPT)
            ),
        )

    async def cancel(self) -> None:
        """End, whatever was found."""
        for task in self._tasks:
            await end(task)
        self._tasks = []
        if self._connection is not None:
            await close(self._connection)
            self._connection = None

    def _cpu(self) -> tuple[float, float, float]:
        return (
            cpu_seconds(self._server.processes()),
            cpu_seconds(self._stage.postgres_processes()),
            cpu_seconds(self._stage.redis_processes()),
        )

    async def _sample_waits(self, connection: Connection) -> None:
        while True:
            for row in await connection.fetch(sql("lab_waits")):
                self._waits[row["event"]] += 1
            await asyncio.sleep(_SAMPLE)

    async def _sample_lag(self) -> None:
        """Time the answer to the smallest request: it waits for whatever the event loop is at."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._server.port)
        try:
            while True:
                began = time.monotonic()
                writer.write(b"GET /livez HTTP/1.1\r\nHost: lab\r\n\r\n")
                await reader.readuntil(b"ok\n")
                self._lag.append(time.monotonic() - began)
                await asyncio.sleep(_SAMPLE)
        finally:
            writer.close()


@asynccontextmanager
async def watching(stage: Stage, server: RunningServer, database_url: str) -> AsyncIterator[Watch]:
    """Give a watch, which is over at the end of the block at the latest."""
    watch = Watch(stage, server, database_url)
    try:
        yield watch
    finally:
        await watch.cancel()


def cpu_seconds(processes: Iterable[psutil.Process]) -> float:
    """Return the CPU seconds that processes have used so far."""
    total = 0.0
    for process in processes:
        with suppress(psutil.Error):
            times = process.cpu_times()
            total += times.user + times.system
    return total
