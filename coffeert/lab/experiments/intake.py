"""Where does the INSERT break? Orders over HTTP, WebSocket and NDJSON, against their limits."""

from __future__ import annotations

from statistics import median
from typing import NamedTuple

from coffeert.lab.bench import (
    Bench,
    Run,
    Subject,
    bare_server,
    cpu_per_order,
    load_bare,
    middle,
    spread,
    subject,
    sustained,
)
from coffeert.lab.breaking_point import BreakingPoint, find_breaking_point
from coffeert.lab.copying import copy_rate
from coffeert.lab.disk import sync_rate
from coffeert.lab.experiments.intake_variations import vary
from coffeert.lab.results import (
    Curve,
    Experiment,
    Figure,
    Picture,
    Point,
    Verdict,
    judge,
)

OBJECTIVE = 0.1
BATCH_LINES = 5_000
RATIO_WANTED, P99_WANTED, BATCH_WANTED, WORKERS_WANTED = 0.85, 20.0, 0.40, 1.5


class Intake(NamedTuple):
    """What was measured; `copied` are rows a second of COPY, `syncs` flushes a second of the disk."""

    bare: list[Run]
    storing: list[Run]
    served: list[Run]
    half: Run
    half_bare: Run
    breaking: BreakingPoint
    trials: list[Run]
    by_socket: Run
    batch: list[Run]
    copied: list[float]
    syncs: float

    @property
    def ratio(self) -> float:
        """The server's rate as a share of the bare handler's."""
        return middle(self.served) / middle(self.bare)

    @property
    def batch_ratio(self) -> float:
        """NDJSON's rate as a share of COPY's."""
        return middle(self.batch) / median(self.copied)

    @property
    def runs(self) -> tuple[Run, ...]:
        """Every run, in the order of the report."""
        return (
            *(*self.bare, *self.storing, *self.served, self.half, self.half_bare),
            *(*self.trials, self.by_socket, *self.batch),
        )


async def run(bench: Bench) -> Experiment:
    """Measure the intake, single and in batches, beside the bare handlers and COPY."""
    found = await _measured(bench)
    varied = await vary(bench) if bench.effort.variations else []
    return Experiment(
        name="intake",
        question="Where does the PostgreSQL INSERT break?",
        measurements=(*(run.measurement for run in found.runs), *varied),
        figures=_figures(found),
        pictures=(latency_picture([found.half, *found.trials]),),
        verdicts=_verdicts(found, bench.effort.connections),
        notes=_notes(found.breaking),
    )


async def _measured(bench: Bench) -> Intake:
    seconds = bench.effort.seconds
    async with subject(bench) as server:
        bare, storing, served = await _beside_the_limits(bench, server)
        peak = middle(served)
        half = await server.measure(
            "half of the peak", rate=peak / 2, seconds=seconds * 2, objective=OBJECTIVE
        )
        async with bare_server() as limit:
            half_bare = await load_bare(
                bench, limit, "bare handler at that rate", rate=peak / 2, seconds=seconds
            )
        breaking, trials = await _breaking_point(bench, server, peak)
        by_socket = await server.measure("over WebSocket", via="ws", seconds=seconds)
    batch, copied = await _batches(bench)
    bench.tell("fsync rate")
    syncs = sync_rate(bench.stage.directory, seconds / 2)
    return Intake(
        bare, storing, served, half, half_bare, breaking, trials, by_socket, batch, copied, syncs
    )


def _figures(found: Intake) -> tuple[Figure, ...]:
    bare, storing, served = found.bare, found.storing, found.served
    bare_cpu, (server_cpu, postgres_cpu) = cpu_per_order(bare)[0], cpu_per_order(served)
    return (
        Figure("bare_rate", round(middle(bare)), "orders/s"),
        Figure("rate", round(middle(served)), "orders/s"),
        Figure("rate_spread", round(spread(served), 3)),
        Figure("ratio", round(found.ratio, 3)),
        Figure("storing_rate", round(middle(storing)), "orders/s"),
        Figure("storing_ratio", round(middle(storing) / middle(bare), 3)),
        Figure("storing_cpu", round(cpu_per_order(storing)[0], 1), "us"),
        Figure("of_storing", round(middle(served) / middle(storing), 3)),
        Figure("bare_cpu", round(bare_cpu, 1), "us"),
        Figure("server_cpu", round(server_cpu, 1), "us"),
        Figure("postgres_cpu", round(postgres_cpu, 1), "us"),
        Figure("postgres_ceiling", round(1e6 / max(0.1, postgres_cpu)), "orders/s"),
        Figure("cpu_ratio", round(bare_cpu / server_cpu, 3)),
        Figure("half_p99", found.half.load.latency.p99, "ms"),
        Figure("half_p50", found.half.load.latency.p50, "ms"),
        Figure("half_bare_p99", found.half_bare.load.latency.p99, "ms"),
        Figure("breaking_point", round(found.breaking.median), "orders/s"),
        Figure("breaking_spread", round(found.breaking.spread, 3)),
        Figure("websocket_rate", round(found.by_socket.rate), "orders/s"),
        Figure("batch_rate", round(middle(found.batch)), "orders/s"),
        Figure("copy_rate", round(median(found.copied)), "orders/s"),
        Figure("batch_ratio", round(found.batch_ratio, 3)),
        Figure("sync_rate", round(found.syncs), "1/s"),
    )


def _verdicts(found: Intake, connections: int) -> tuple[Verdict, ...]:
    bare_cpu, (server_cpu, postgres_cpu) = (
        cpu_per_order(found.bare)[0],
        cpu_per_order(found.served),
    )
    stored = middle(found.storing)
    limited = _limited(found.served)
    half_p99 = found.half.load.latency.p99
    return (
        Verdict(
            f"single orders over HTTP, {connections} connections, "
            f"at least {RATIO_WANTED} of the bare handler",
            f"{found.ratio:.2f}",
            judge(found.ratio, RATIO_WANTED, at_least=True, valid=not limited),
            f"CPU of an order: bare {bare_cpu:.0f} us, server {server_cpu:.0f} us, PostgreSQL "
            f"{postgres_cpu:.0f} us; a bare handler that also stores reaches "
            f"{stored / middle(found.bare):.2f}, the server {middle(found.served) / stored:.2f} of that"
            + ("; the generator had no CPU left" if limited else ""),
            certain=bare_cpu < RATIO_WANTED * server_cpu,
        ),
        Verdict(
            f"p99 at half that rate at most {P99_WANTED:g} ms",
            f"{half_p99:.1f} ms",
            judge(half_p99, P99_WANTED, at_least=False),
            f"the bare handler at that rate: {found.half_bare.load.latency.p99:.1f} ms",
        ),
        Verdict(
            f"NDJSON at least {BATCH_WANTED} of COPY",
            f"{found.batch_ratio:.2f}",
            judge(found.batch_ratio, BATCH_WANTED, at_least=True),
        ),
    )


async def _beside_the_limits(
    bench: Bench, server: Subject
) -> tuple[list[Run], list[Run], list[Run]]:
    """Load both bare handlers and the server in turn, so that noise of the machine meets all."""
    seconds = bench.effort.seconds
    bare: list[Run] = []
    storing: list[Run] = []
    served: list[Run] = []
    async with (
        bench.stage.database(keep_redis=True) as database,
        bare_server() as limit,
        bare_server(database) as storing_limit,
    ):
        for one in (limit, storing_limit):
            await load_bare(bench, one, "warming up", seconds=seconds / 4)
        await server.warm_up(seconds=seconds / 4)
        for _ in range(bench.effort.repeats):
            bare.append(await load_bare(bench, limit, "bare handler", seconds=seconds))
            storing.append(
                await load_bare(
                    bench, storing_limit, "bare handler that stores", seconds=seconds,
                    note="the same INSERT in batches; no checks, no replays, no view, no metrics",
                )
            )  # fmt: skip
            served.append(await server.measure("single orders", seconds=seconds))
    return bare, storing, served


async def _breaking_point(
    bench: Bench, server: Subject, peak: float
) -> tuple[BreakingPoint, list[Run]]:
    trials: list[Run] = []

    async def holds(rate: float) -> bool:
        trial = await server.measure(
            f"open loop at {rate:,.0f}/s",
            rate=rate,
            seconds=bench.effort.seconds,
            objective=OBJECTIVE,
        )
        trials.append(trial)
        return sustained(trial.load, OBJECTIVE, bench.effort.connections)

    found = await find_breaking_point(
        holds,
        peak * 0.05,
        peak * 1.2,
        steps=bench.effort.bisections,
        repeats=bench.effort.searches,
    )
    return found, trials


async def _batches(bench: Bench) -> tuple[list[Run], list[float]]:
    """Load NDJSON and COPY in turn: the same table, indexes and kind of rows, a database each."""
    batch: list[Run] = []
    copied: list[float] = []
    lines = BATCH_LINES if bench.effort.seconds >= 1 else 200
    rows = int(20_000 * bench.effort.seconds)
    async with bench.stage.database() as copy_database, subject(bench) as server:
        for _ in range(bench.effort.repeats):
            bench.tell("COPY")
            copied.append(await copy_rate(copy_database, rows, lines, bench.seed))
            batch.append(
                await server.measure(
                    "NDJSON", via="batch", connections=2, lines=lines, seconds=bench.effort.seconds
                )
            )
    return batch, copied


def _limited(runs: list[Run]) -> bool:
    return all(
        r.measurement.evidence is not None and r.measurement.evidence.generator_bound for r in runs
    )


def latency_picture(runs: list[Run]) -> Picture:
    """Draw latency against the load that was offered."""
    # Searches meet the same rate more than once, and latencies have no order.
    points = [
        (run.measurement.offered, run.load.latency)
        for run in sorted(runs, key=lambda run: run.measurement.offered)
    ]
    return Picture(
        name="intake-latency",
        title="Single orders over HTTP: latency against load",
        x="orders/s offered",
        y="ms from when the order was due to its 201",
        log_y=True,
        curves=tuple(
            Curve(
                name,
                tuple(Point(rate, max(0.1, getattr(latency, name))) for rate, latency in points),
            )
            for name in ("p50", "p99", "max")
        ),
    )


def _notes(breaking: BreakingPoint) -> tuple[str, ...]:
    if breaking.bounded:
        return ()
    return ("The open loop held at the top of the search: the breaking point lies above it.",)
