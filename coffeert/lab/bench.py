"""The bench: one measurement after another, each with evidence and correctness beside it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from statistics import median

import psutil

from coffeert.lab.bare import BareJob, BareResult, free_port
from coffeert.lab.bare_refusal import RefusalJob, RefusalResult
from coffeert.lab.child import child
from coffeert.lab.effort import Effort
from coffeert.lab.evidence import CORES, cpu_seconds, watching
from coffeert.lab.load import LoadJob, LoadResult
from coffeert.lab.results import Evidence, Measurement
from coffeert.lab.stage import RunningServer, Stage
from coffeert.lab.truth import Truth

ERRORS_ALLOWED = 0.001


@dataclass(frozen=True, slots=True)
class Bench:
    """What every experiment works with. `tell` says what is being done now."""

    stage: Stage
    effort: Effort
    seed: int
    tell: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Run:
    """A measurement, and the generator's own account of it."""

    measurement: Measurement
    load: LoadResult

    @property
    def rate(self) -> float:
        """Orders stored a second."""
        return self.measurement.good


@dataclass(frozen=True, slots=True)
class Subject:
    """A server under test, with its database and the judge of it."""

    bench: Bench
    server: RunningServer
    database_url: str
    truth: Truth

    async def warm_up(self, **settings: object) -> None:
        """Put a load on the server and forget it; whether it was stored rightly is looked at later."""
        bench = self.bench
        bench.tell("warming up")
        job = LoadJob.to(
            self.server.url,
            **{"seed": bench.seed, "connections": bench.effort.connections, **settings},
        )
        await _loaded(job)
        await self.truth.skip()

    async def measure(self, label: str, **settings: object) -> Run:
        """Put one load on the server; `settings` are those of a `LoadJob`."""
        bench = self.bench
        bench.tell(label)
        sent, acknowledged = bench.stage.file("sent"), bench.stage.file("acknowledged")
        job = LoadJob.to(
            self.server.url,
            sent_to=sent,
            acknowledged_to=acknowledged,
            **{"seed": bench.seed, "connections": bench.effort.connections, **settings},
        )
        async with (
            child("coffeert.lab.load", job, LoadResult) as generator,
            watching(bench.stage, self.server, self.database_url) as watch,
        ):
            await generator.ready()
            await watch.start()
            generator.tell()
            load = await generator.result()
            evidence = await watch.stop(load.cores, load.elapsed)
        per_request = job.lines if job.via == "batch" else 1
        return Run(
            Measurement(
                label=label,
                offered=round(job.rate * per_request, 1),
                good=round(
                    (load.good if job.rate else load.stored) * per_request / load.elapsed, 1
                ),
                errors=load.errors - load.shed,
                shed=load.shed,
                latency=load.latency,
                evidence=evidence,
                correctness=await self.truth.of(sent, acknowledged),
            ),
            load,
        )


@asynccontextmanager
async def subject(
    bench: Bench, database_url: str | None = None, **settings: object
) -> AsyncIterator[Subject]:
    """Run a server with settings, on a database of its own where none is given."""
    async with AsyncExitStack() as stack:
        if database_url is None:
            database_url = await stack.enter_async_context(bench.stage.database())
        server = await stack.enter_async_context(
            bench.stage.server(
                database_url, **{"aggregation_interval": bench.effort.interval, **settings}
            )
        )
        truth = await stack.enter_async_context(Truth(database_url))
        yield Subject(bench, server, database_url, truth)


@dataclass(frozen=True, slots=True)
class BareServer:
    """The bare handler: its address and its process."""

    url: str
    process: psutil.Process


@asynccontextmanager
async def bare_server(database_url: str = "") -> AsyncIterator[BareServer]:
    """Run the bare handler; given a database, the one that stores and does nothing else."""
    port = free_port()
    async with child("coffeert.lab.bare", BareJob(port, database_url), BareResult) as bare:
        await bare.ready()
        yield BareServer(f"http://127.0.0.1:{port}", psutil.Process(bare.pid))


@asynccontextmanager
async def bare_refusals() -> AsyncIterator[BareServer]:
    """Run the server that refuses whatever comes, unread."""
    port = free_port()
    async with child("coffeert.lab.bare_refusal", RefusalJob(port), RefusalResult) as bare:
        await bare.ready()
        yield BareServer(f"http://127.0.0.1:{port}", psutil.Process(bare.pid))


async def load_bare(
    bench: Bench,
    bare: BareServer,
    label: str,
    *,
    note: str = "the limit: stores nothing",
    **settings: object,
) -> Run:
    """Put a load on a bare handler, of which nothing is verified."""
    bench.tell(label)
    job = LoadJob.to(
        bare.url, **{"seed": bench.seed, "connections": bench.effort.connections, **settings}
    )
    async with child("coffeert.lab.load", job, LoadResult) as generator:
        await generator.ready()
        before = cpu_seconds([bare.process])
        psutil.cpu_percent()
        generator.tell()
        load = await generator.result()
        cores = (cpu_seconds([bare.process]) - before) / load.elapsed
    busy = psutil.cpu_percent() / 100 * CORES
    evidence = Evidence(
        server_cores=round(cores, 2), postgres_cores=0, redis_cores=0,
        generator_cores=load.cores, others_cores=round(max(0.0, busy - cores - load.cores), 2),
        loop_lag_ms=0,
    )  # fmt: skip
    return Run(
        Measurement(
            label=label,
            offered=job.rate,
            good=round(load.rate, 1),
            latency=load.latency,
            evidence=evidence,
            note=note,
        ),
        load,
    )


async def _loaded(job: LoadJob) -> LoadResult:
    async with child("coffeert.lab.load", job, LoadResult) as generator:
        await generator.ready()
        generator.tell()
        return await generator.result()


def sustained(load: LoadResult, objective: float, connections: int) -> bool:
    """Tell whether a load was within its objective (seconds at p99), and could have gone on."""
    growing = load.backlog_end > max(connections, 2 * load.backlog_middle)
    return (
        load.errors <= ERRORS_ALLOWED * load.sent
        and load.latency.p99 <= objective * 1e3
        and not growing
    )


def middle(runs: list[Run]) -> float:
    """Return the median rate of repetitions."""
    return median(run.rate for run in runs)


def cpu_per_order(runs: list[Run]) -> tuple[float, float]:
    """Return the median microseconds of CPU an order costs: of the server, and of PostgreSQL."""
    known = [(run.rate, run.measurement.evidence) for run in runs if run.rate]
    server = [one.server_cores / rate * 1e6 for rate, one in known if one]
    postgres = [one.postgres_cores / rate * 1e6 for rate, one in known if one]
    return (median(server), median(postgres)) if server else (0.0, 0.0)


def spread(runs: list[Run]) -> float:
    """Return the distance of the extremes as a share of the median."""
    rates = [run.rate for run in runs]
    return (max(rates) - min(rates)) / middle(runs) if middle(runs) else 0.0
