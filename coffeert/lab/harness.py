"""The harness of the experiments: one load on one server, with resource usage and correctness beside it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Final

import msgspec
import psutil

from coffeert.lab.baselines import BaselineServer
from coffeert.lab.correctness import CorrectnessCheck, correctness_check
from coffeert.lab.environment import Environment, ServerProcess
from coffeert.lab.load_generator import LoadJob, LoadResult, generate_load
from coffeert.lab.presets import Preset
from coffeert.lab.resource_usage import CORES, cpu_seconds, resource_monitor
from coffeert.lab.results import Correctness, Measurement, ResourceUsage
from coffeert.lab.worker_process import run_worker, start_worker

NOT_MEASURED: Final = "not measured"

MAX_ERROR_SHARE = 0.001


@dataclass(frozen=True, slots=True)
class Harness:
    """What every experiment needs; `show_progress` says what is measured now."""

    environment: Environment
    preset: Preset
    seed: int
    show_progress: Callable[[str], None]

    def job(self, url: str, settings: dict[str, object]) -> LoadJob:
        """Make a job for a server with the preset's connections, unless the settings say otherwise."""
        return LoadJob.to(
            url, **{"seed": self.seed, "connections": self.preset.connections, **settings}
        )


@dataclass(frozen=True, slots=True)
class LoadRun:
    """A measurement and the load generator's result."""

    measurement: Measurement
    load: LoadResult

    @property
    def rate(self) -> float:
        """Good orders a second."""
        return self.measurement.good

    @property
    def server_cores(self) -> float:
        """Cores that the server used; 0 if they were not measured."""
        usage = self.measurement.usage
        return usage.server_cores if usage else 0.0

    @property
    def generator_bound(self) -> bool:
        """Whether the generator had no CPU left."""
        usage = self.measurement.usage
        return usage is not None and usage.generator_bound


@dataclass(frozen=True, slots=True)
class ServerUnderTest:
    """A running server, its database and the check of what it stores."""

    harness: Harness
    process: ServerProcess
    database_url: str
    correctness: CorrectnessCheck

    async def warm_up(self, **settings: object) -> None:
        """Put a load on the server; `settings` are those of a `LoadJob`."""
        self.harness.show_progress("warming up")
        await run_worker(generate_load, self.harness.job(self.process.url, settings))
        await self.correctness.skip()

    async def measure(self, label: str, **settings: object) -> LoadRun:
        """Measure one load on the server; `settings` are those of a `LoadJob`."""
        environment = self.harness.environment
        self.harness.show_progress(label)
        sent, acknowledged = environment.file("sent"), environment.file("acknowledged")
        job = self.harness.job(
            self.process.url, {"sent_to": sent, "acknowledged_to": acknowledged, **settings}
        )
        async with (
            start_worker(generate_load, job) as generator,
            resource_monitor(environment, self.process, self.database_url) as monitor,
        ):
            await generator.ready()
            await monitor.start()
            generator.resume()
            load = await generator.result()
            usage = await monitor.stop(load.cores, load.elapsed)
        correctness = await self.correctness.check(sent, acknowledged)
        return LoadRun(_measurement(label, job, load, usage=usage, correctness=correctness), load)


@asynccontextmanager
async def server_under_test(
    harness: Harness, database_url: str | None = None, **settings: object
) -> AsyncIterator[ServerUnderTest]:
    """Run a server with settings, on a new database if no URL is given."""
    interval = {"aggregation_interval": harness.preset.aggregation_interval}
    async with AsyncExitStack() as stack:
        if database_url is None:
            database_url = await stack.enter_async_context(harness.environment.database())
        server = await stack.enter_async_context(
            harness.environment.server(database_url, **(interval | settings))
        )
        correctness = await stack.enter_async_context(correctness_check(database_url))
        yield ServerUnderTest(harness, server, database_url, correctness)


async def load_baseline(
    harness: Harness,
    baseline: BaselineServer,
    label: str,
    *,
    note: str = "the limit: stores nothing",
    **settings: object,
) -> LoadRun:
    """Measure one load on a baseline, whose correctness is not checked."""
    harness.show_progress(label)
    job = harness.job(baseline.url, settings)
    async with start_worker(generate_load, job) as generator:
        await generator.ready()
        before = cpu_seconds([baseline.process])
        psutil.cpu_percent()
        generator.resume()
        load = await generator.result()
        cores = (cpu_seconds([baseline.process]) - before) / load.elapsed
    busy = psutil.cpu_percent() / 100 * CORES
    usage = ResourceUsage(
        server_cores=round(cores, 2), postgres_cores=0, redis_cores=0,
        generator_cores=load.cores, others_cores=round(max(0.0, busy - cores - load.cores), 2),
        loop_lag_ms=0,
    )  # fmt: skip
    return LoadRun(_measurement(label, job, load, usage=usage, note=note), load)


def _measurement(
    label: str,
    job: LoadJob,
    load: LoadResult,
    *,
    usage: ResourceUsage,
    correctness: Correctness | None = None,
    note: str = "",
) -> Measurement:
    orders = _orders_per_request(job)
    good = load.good if job.rate else load.stored
    return Measurement(
        label=label,
        offered=round(job.rate * orders, 1),
        good=round(good * orders / load.elapsed, 1),
        head=_head(job),
        errors=load.errors - load.shed - load.unsent,
        shed=load.shed,
        latency=load.latency,
        usage=usage,
        correctness=correctness,
        note=note,
    )


def _orders_per_request(job: LoadJob) -> int:
    return job.lines if job.transport == "batch" else 1


def _head(job: LoadJob) -> str:
    return "" if job.transport == "ws" else job.head


def median_rate(runs: Sequence[LoadRun]) -> float:
    return median(run.rate for run in runs)


def relative_spread(values: Sequence[float]) -> float:
    """Return the distance of the extremes as a share of the median."""
    return (max(values) - min(values)) / median(values) if median(values) else 0.0


def cpu_per_order(runs: Sequence[LoadRun]) -> tuple[float, float]:
    """Return the median microseconds of CPU for an order, of the server and of PostgreSQL."""
    known = [(run.rate, run.measurement.usage) for run in runs if run.rate]
    server = [one.server_cores / rate * 1e6 for rate, one in known if one]
    postgres = [one.postgres_cores / rate * 1e6 for rate, one in known if one]
    return (median(server), median(postgres)) if server else (0.0, 0.0)


def describe_cpu(microseconds: float) -> str:
    """Return a time per order as text; it is 0 if it is of a PostgreSQL that the lab has not started."""
    return f"{microseconds:.1f} us" if microseconds else NOT_MEASURED


MeetsObjective = Callable[[float], Awaitable[bool]]


class BreakingPoint(msgspec.Struct, frozen=True):
    """The highest load that met its objective, of each search.

    `bounded` is False if the top of the search met it, so that the breaking point lies above.
    """

    found: tuple[float, ...]
    bounded: bool

    @property
    def median(self) -> float:
        return median(self.found)

    @property
    def spread(self) -> float:
        """The distance of the extremes as a share of the median."""
        return relative_spread(self.found)


def sustained(load: LoadResult, objective: float, connections: int) -> bool:
    """Return whether p99 was within the objective (seconds) and the load could have gone on."""
    growing = load.backlog_end > max(connections, 2 * load.backlog_middle)
    return (
        load.errors <= MAX_ERROR_SHARE * load.sent
        and load.latency.p99 <= objective * 1e3
        and not growing
    )


async def bisect(
    meets: MeetsObjective, low: float, high: float, *, steps: int
) -> tuple[float, bool]:
    """Return the highest load that met its objective, and whether a higher one did not.

    Tries `high` first: if it is met no search is needed. A load below `low` is never tried; the answer
    is 0 if none met the objective.
    """
    if await meets(high):
        return high, False
    best = 0.0
    for _ in range(steps):
        middle = (low + high) / 2
        if await meets(middle):
            best = low = middle
        else:
            high = middle
    return best, True


def search_on_new_server(
    harness: Harness, sustains: Callable[[ServerUnderTest, float], Awaitable[bool]]
) -> Callable[[], AbstractAsyncContextManager[MeetsObjective]]:
    """Set up each search on a server and a database of its own.

    After each load all orders of its database are compared, which takes seconds for each million.
    """

    @asynccontextmanager
    async def search() -> AsyncIterator[MeetsObjective]:
        async with server_under_test(harness) as server:
            await server.warm_up(seconds=harness.preset.seconds / 4)
            yield partial(sustains, server)

    return search


async def find_breaking_point(
    search: Callable[[], AbstractAsyncContextManager[MeetsObjective]],
    low: float,
    high: float,
    *,
    steps: int,
    repeats: int,
) -> BreakingPoint:
    """Bisect `repeats` times from the start, so that the spread shows the noise.

    `search` sets up what one search needs, such as a server of its own.
    """
    searches = []
    for _ in range(repeats):
        async with search() as meets:
            searches.append(await bisect(meets, low, high, steps=steps))
    return BreakingPoint(
        tuple(round(load, 1) for load, _ in searches), any(bounded for _, bounded in searches)
    )
