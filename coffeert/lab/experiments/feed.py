"""What do readers of the change feed cost, and how old is an order when they read it?"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from msgspec.structs import replace

from coffeert.lab.correctness import count_orders, read_ids
from coffeert.lab.environment import connection_to, open_environment
from coffeert.lab.feed_readers import FeedReadersJob, FeedReadersResult, follow_feed
from coffeert.lab.harness import (
    NOT_MEASURED,
    Harness,
    LoadRun,
    ServerUnderTest,
    describe_cpu,
    server_under_test,
)
from coffeert.lab.logical_decoding import SETTINGS, decoding
from coffeert.lab.results import (
    Curve,
    Diagram,
    Experiment,
    Latencies,
    Measurement,
    Metric,
    Point,
    Verdict,
    judge,
)
from coffeert.lab.worker_process import start_worker
from coffeert.postgres.feed import make_tick
from coffeert.postgres.pool import Connection
from coffeert.postgres.queries import sql

READERS: Final = (0, 1, 100)
TARGET_READER_CPU, TARGET_GROWTH, TARGET_AGE = 6.0, 1.1, 150.0
_LINES: Final = 100
_RUNS_OF_NOISE: Final = 3  # without readers, or the noise is not known
_NOTICED_SECONDS: Final = 0.5  # by then the leader makes ticks for the readers


class FeedRun(NamedTuple):
    """A load with so many readers, or with a logical slot; `right`: what was read is what was stored."""

    readers: int
    load: LoadRun
    read: FeedReadersResult | None
    right: bool

    @property
    def postgres_cpu(self) -> float:
        """Microseconds of CPU that PostgreSQL spent on an order."""
        usage = self.load.measurement.usage
        return usage.postgres_cores / self.load.rate * 1e6 if usage and self.load.rate else 0.0

    @property
    def commit(self) -> Latencies:
        """How long it took until batches were stored and answered."""
        latency = self.load.measurement.latency
        assert latency is not None
        return latency


DECODING: Final = -1
"""In place of a number of readers: PostgreSQL's logical decoding."""


async def run_feed(harness: Harness) -> Experiment:
    """Put the same load on a server without readers, with one, with many, and beside a slot, in turns."""
    if harness.environment.postgres is None:
        return summed_up(await _runs(harness))
    # Logical decoding needs a setting that costs all of them the same.
    with open_environment(settings=SETTINGS) as environment:
        own = Harness(environment, harness.preset, harness.seed, harness.show_progress)
        return summed_up(await _runs(own))


async def _runs(harness: Harness) -> list[FeedRun]:
    preset, environment = harness.preset, harness.environment
    kinds = READERS if environment.postgres is None else (*READERS, DECODING)
    runs: list[FeedRun] = []
    async with (
        environment.database() as url,
        connection_to(url) as connection,
        server_under_test(harness, url) as server,
    ):
        await server.warm_up(**_load(harness, 1.0))
        for number in range(preset.feed_repeats):
            turn = kinds if number % 2 == 0 else kinds[::-1]
            for kind in turn:
                await make_tick(connection)  # so that readers begin behind what there is
                measure = _decoded if kind == DECODING else _followed
                runs.append(await measure(harness, server, connection, kind))
    return runs


def _load(harness: Harness, seconds: float) -> dict[str, object]:
    rate = harness.preset.feed_rate / _LINES
    return {
        "transport": "batch", "lines": _LINES, "rate": rate, "seconds": seconds, "objective": 1.0,
    }  # fmt: skip


async def _measured(harness: Harness, server: ServerUnderTest, label: str) -> LoadRun:
    return await server.measure(label, **_load(harness, harness.preset.feed_seconds))


async def _followed(
    harness: Harness, server: ServerUnderTest, connection: Connection, readers: int
) -> FeedRun:
    label = {0: "no reader", 1: "1 reader"}.get(readers, f"{readers} readers")
    if not readers:
        return FeedRun(0, await _measured(harness, server, label), None, True)
    ids_to = harness.environment.file("read")
    parts = urlsplit(server.process.url)
    job = FeedReadersJob(
        host=str(parts.hostname), port=int(parts.port or 0), readers=readers, ids_to=ids_to
    )
    before = await count_orders(connection)
    async with start_worker(follow_feed, job) as worker:
        await worker.ready()
        worker.resume()
        await asyncio.sleep(_NOTICED_SECONDS)
        load = await _measured(harness, server, label)
        stored = await count_orders(connection) - before
        worker.resume(str(stored))
        read = await worker.result()
    ids = read_ids(ids_to)
    found = await connection.fetchval(sql("lab_count_ids"), ids)
    right = len(ids) == len(set(ids)) == found == stored and read.alike == readers
    return FeedRun(readers, load, read, right)


async def _decoded(
    harness: Harness, server: ServerUnderTest, connection: Connection, _: int
) -> FeedRun:
    environment = harness.environment
    assert environment.postgres is not None
    database = urlsplit(server.database_url).path[1:]
    file = Path(environment.file("decoded"))
    before = await count_orders(connection)
    async with decoding(environment.postgres, database, connection, file) as decoded:
        load = await _measured(harness, server, "logical decoding, 1 slot")
        stored = await count_orders(connection) - before
        right = await decoded.received(stored) == stored
    return FeedRun(DECODING, load, None, right)


def summed_up(runs: Sequence[FeedRun]) -> Experiment:
    """Judge the runs, which were made in turns: the first without readers with the first of each kind."""
    none, one, many, slot = (_of(runs, kind) for kind in (*READERS, DECODING))
    measured = bool(none[0].postgres_cpu)  # only that of an embedded server is
    reader_cpu = _extra_cpu(one, none)
    growth = _cpu(many) / _cpu(one) if measured else 0.0
    age = max(_age(one, "p99"), _age(many, "p99"))
    noise = max(run.commit.p50 for run in none)
    commit = max(_commit(one, "p50"), _commit(many, "p50"))
    right = sum(run.right for run in runs)
    return Experiment(
        name="feed",
        question="What do readers of the change feed cost, and how old is what they read?",
        measurements=tuple(_measurement(run) for run in runs),
        metrics=(
            *(
                (
                    Metric("postgres_cpu", _rounded(_cpu(none)), "us"),
                    Metric("reader_cpu", _rounded(reader_cpu), "us"),
                    Metric("readers_cpu", _rounded(_extra_cpu(many, none)), "us"),
                )
                if measured
                else ()
            ),
            *([Metric("decoding_cpu", _rounded(_extra_cpu(slot, none)), "us")] if slot else []),
            Metric("server_cpu", _rounded(_server_cpu(one, none)), "us"),
            Metric("readers_server_cpu", _rounded(_server_cpu(many, none)), "us"),
            Metric("age_p50", _age(one, "p50"), "ms"),
            Metric("age_p99", _age(one, "p99"), "ms"),
            Metric("readers_age_p50", _age(many, "p50"), "ms"),
            Metric("readers_age_p99", _age(many, "p99"), "ms"),
            Metric("commit_p50", _commit(none, "p50"), "ms"),
            Metric("reader_commit_p50", _commit(one, "p50"), "ms"),
            Metric("readers_commit_p50", _commit(many, "p50"), "ms"),
            Metric("commit_p99", _commit(none, "p99"), "ms"),
            Metric("reader_commit_p99", _commit(one, "p99"), "ms"),
            Metric("readers_commit_p99", _commit(many, "p99"), "ms"),
            Metric("runs_right", right),
            Metric("runs", len(runs)),
        ),
        diagrams=(_diagram(one, many),),
        verdicts=(
            Verdict(
                "each reader gets every order once, all in one order",
                f"{right} of {len(runs)} runs",
                judge(right, len(runs), at_least=True),
                "ids compared with the table, streams byte by byte with each other",
                undisturbed=True,
            ),
            Verdict(
                f"a reader costs PostgreSQL at most {TARGET_READER_CPU:g} us an order",
                f"{reader_cpu:.1f} us" if measured else NOT_MEASURED,
                judge(reader_cpu, TARGET_READER_CPU, at_least=False, valid=measured),
                f"without one {describe_cpu(_cpu(none))}"
                + (f"; a slot of logical decoding {_extra_cpu(slot, none):.1f} us" if slot else ""),
            ),
            Verdict(
                f"{READERS[-1]} readers cost PostgreSQL at most {TARGET_GROWTH:g} times what one does",
                f"{growth:.2f}" if measured else NOT_MEASURED,
                judge(growth, TARGET_GROWTH, at_least=False, valid=measured),
                "all of PostgreSQL's CPU",
            ),
            Verdict(
                "with readers no batch takes longer than without, within the noise",
                f"{commit:.1f} ms (median)",
                judge(commit, noise, at_least=False, valid=len(none) >= _RUNS_OF_NOISE),
                f"the slowest run without readers: {noise:.1f} ms",
            ),
            Verdict(
                f"what is read is at most {TARGET_AGE:g} ms old (p99)",
                f"{age:.0f} ms",
                judge(age, TARGET_AGE, at_least=False),
                f"since the server had it; one reader p50 {_age(one, 'p50'):.0f} ms",
            ),
        ),
    )


def _of(runs: Sequence[FeedRun], readers: int) -> list[FeedRun]:
    return [run for run in runs if run.readers == readers]


def _cpu(runs: Sequence[FeedRun]) -> float:
    return median(run.postgres_cpu for run in runs)


def _extra_cpu(runs: Sequence[FeedRun], none: Sequence[FeedRun]) -> float:
    pairs = zip(runs, none, strict=True)
    return median(run.postgres_cpu - beside.postgres_cpu for run, beside in pairs)


def _server_cpu(runs: Sequence[FeedRun], none: Sequence[FeedRun]) -> float:
    pairs = zip(runs, none, strict=True)
    return median(
        (run.load.server_cores / run.load.rate - beside.load.server_cores / beside.load.rate) * 1e6
        for run, beside in pairs
    )


def _commit(runs: Sequence[FeedRun], percentile: str) -> float:
    found: list[float] = [getattr(run.commit, percentile) for run in runs]
    return median(found)


def _age(runs: Sequence[FeedRun], percentile: str) -> float:
    found: list[float] = [
        getattr(run.read.ages, percentile) for run in runs if run.read is not None
    ]
    return median(found)


def _rounded(value: float) -> float:
    return max(0.0, round(value, 1))


def _measurement(run: FeedRun) -> Measurement:
    measurement = run.load.measurement
    assert measurement.correctness is not None
    assert measurement.usage is not None
    usage = measurement.usage
    correctness = replace(
        measurement.correctness, exact=measurement.correctness.exact and run.right
    )
    note = f"CPU of an order in PostgreSQL: {describe_cpu(run.postgres_cpu)}"
    if run.read is not None:
        ages, read = run.read.ages, run.read
        note += (
            f"; read when p50 {ages.p50:.0f}, p99 {ages.p99:.0f} ms old; {read.alike} of {run.readers} "
            f"read {read.events:,} orders in one order, SHA-256 {read.chain[:8]}; "
            f"readers {read.cpu:.1f} us an order"
        )
        others = usage.others_cores - read.cpu * run.load.rate / 1e6
        usage = replace(usage, others_cores=round(max(0.0, others), 2))
    return replace(measurement, correctness=correctness, usage=usage, note=note)


def _diagram(one: Sequence[FeedRun], many: Sequence[FeedRun]) -> Diagram:
    return Diagram(
        name="feed-age",
        title="How old an order is when it is read in the feed",
        x="readers",
        y="ms",
        log_x=True,
        curves=tuple(
            Curve(name, tuple(Point(runs[0].readers, _age(runs, name)) for runs in (one, many)))
            for name in ("p50", "p99")
        ),
    )
