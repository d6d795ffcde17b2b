"""Where does the INSERT break? Orders over HTTP, WebSocket and NDJSON, beside their limits."""

from __future__ import annotations

from statistics import median
from typing import NamedTuple

from coffeert.lab.baselines import baseline_handler, copy_rate, fsync_rate
from coffeert.lab.experiments.scaling import vary_settings
from coffeert.lab.harness import (
    BreakingPoint,
    Harness,
    LoadRun,
    ServerUnderTest,
    cpu_per_order,
    find_breaking_point,
    load_baseline,
    median_rate,
    relative_spread,
    server_under_test,
    sustained,
)
from coffeert.lab.results import Curve, Diagram, Experiment, Metric, Point, Verdict, judge

OBJECTIVE_SECONDS = 0.1
BATCH_LINES = 5_000
TARGET_RATIO, TARGET_P99_MS, TARGET_BATCH_RATIO = 0.85, 20.0, 0.40


class IntakeRuns(NamedTuple):
    """What was measured; `copied` are rows a second of COPY, `syncs` flushes a second of the disk."""

    bare: list[LoadRun]
    storing: list[LoadRun]
    served: list[LoadRun]
    browser: LoadRun
    half: LoadRun
    half_bare: LoadRun
    breaking: BreakingPoint
    trials: list[LoadRun]
    by_websocket: LoadRun
    batch: list[LoadRun]
    copied: list[float]
    syncs: float

    @property
    def ratio(self) -> float:
        """The server's rate as a share of the bare handler's."""
        return median_rate(self.served) / median_rate(self.bare)

    @property
    def batch_ratio(self) -> float:
        """NDJSON's rate as a share of COPY's."""
        return median_rate(self.batch) / median(self.copied)

    @property
    def runs(self) -> tuple[LoadRun, ...]:
        return (
            *(*self.bare, *self.storing, *self.served, self.browser, self.half, self.half_bare),
            *(*self.trials, self.by_websocket, *self.batch),
        )


async def run_intake(harness: Harness) -> Experiment:
    """Measure single orders and batches beside the bare handlers and COPY."""
    found = await _measure(harness)
    varied = await vary_settings(harness) if harness.preset.variations else []
    at_top = (
        "The open loop was sustained at the top of the search: the breaking point lies above it."
    )
    return Experiment(
        name="intake",
        question="Where does the PostgreSQL INSERT break?",
        measurements=(*(run.measurement for run in found.runs), *varied),
        metrics=_metrics(found),
        diagrams=(latency_diagram([found.half, *found.trials]),),
        verdicts=_verdicts(found, harness.preset.connections),
        notes=() if found.breaking.bounded else (at_top,),
    )


async def _measure(harness: Harness) -> IntakeRuns:
    seconds = harness.preset.seconds
    async with server_under_test(harness) as server:
        bare, storing, served = await _beside_the_limits(harness, server)
        browser = await server.measure(
            "single orders, browser head", head="browser", seconds=seconds
        )
        peak = median_rate(served)
        half = await server.measure(
            "half of the peak", rate=peak / 2, seconds=seconds * 2, objective=OBJECTIVE_SECONDS
        )
        async with baseline_handler() as limit:
            half_bare = await load_baseline(
                harness, limit, "bare handler at that rate", rate=peak / 2, seconds=seconds
            )
        breaking, trials = await _breaking_point(harness, server, peak)
        by_websocket = await server.measure("over WebSocket", transport="ws", seconds=seconds)
    batch, copied = await _batches(harness)
    harness.show_progress("fsync rate")
    syncs = fsync_rate(harness.environment.directory, seconds / 2)
    return IntakeRuns(
        bare, storing, served, browser, half, half_bare, breaking, trials, by_websocket, batch,
        copied, syncs,
    )  # fmt: skip


def _metrics(found: IntakeRuns) -> tuple[Metric, ...]:
    bare, storing, served = map(median_rate, (found.bare, found.storing, found.served))
    bare_cpu, (server_cpu, postgres_cpu) = cpu_per_order(found.bare)[0], cpu_per_order(found.served)
    return (
        Metric("bare_rate", round(bare), "orders/s"),
        Metric("rate", round(served), "orders/s"),
        Metric("rate_spread", round(relative_spread([run.rate for run in found.served]), 3)),
        Metric("ratio", round(found.ratio, 3)),
        Metric("storing_rate", round(storing), "orders/s"),
        Metric("storing_ratio", round(storing / bare, 3)),
        Metric("storing_cpu", round(cpu_per_order(found.storing)[0], 1), "us"),
        Metric("of_storing", round(served / storing, 3)),
        Metric("bare_cpu", round(bare_cpu, 1), "us"),
        Metric("server_cpu", round(server_cpu, 1), "us"),
        Metric("browser_cpu", round(cpu_per_order([found.browser])[0], 1), "us"),
        Metric("postgres_cpu", round(postgres_cpu, 1), "us"),
        Metric("postgres_ceiling", round(1e6 / max(0.1, postgres_cpu)), "orders/s"),
        Metric("cpu_ratio", round(bare_cpu / server_cpu, 3)),
        Metric("half_p99", found.half.load.latency.p99, "ms"),
        Metric("half_p50", found.half.load.latency.p50, "ms"),
        Metric("half_bare_p99", found.half_bare.load.latency.p99, "ms"),
        Metric("breaking_point", round(found.breaking.median), "orders/s"),
        Metric("breaking_spread", round(found.breaking.spread, 3)),
        Metric("websocket_rate", round(found.by_websocket.rate), "orders/s"),
        Metric("batch_rate", round(median_rate(found.batch)), "orders/s"),
        Metric("copy_rate", round(median(found.copied)), "orders/s"),
        Metric("batch_ratio", round(found.batch_ratio, 3)),
        Metric("sync_rate", round(found.syncs), "1/s"),
    )


def _verdicts(found: IntakeRuns, connections: int) -> tuple[Verdict, ...]:
    bare_cpu, (server_cpu, postgres_cpu) = cpu_per_order(found.bare)[0], cpu_per_order(found.served)
    stored = median_rate(found.storing)
    bound = all(run.generator_bound for run in found.served)
    half_p99 = found.half.load.latency.p99
    return (
        Verdict(
            f"single orders over HTTP, {connections} connections, "
            f"at least {TARGET_RATIO} of the bare handler",
            f"{found.ratio:.2f}",
            judge(found.ratio, TARGET_RATIO, at_least=True, valid=not bound),
            f"CPU of an order: bare {bare_cpu:.0f} us, server {server_cpu:.0f} us, PostgreSQL "
            f"{postgres_cpu:.0f} us; a bare handler that also stores reaches "
            f"{stored / median_rate(found.bare):.2f}, the server "
            f"{median_rate(found.served) / stored:.2f} of that"
            + ("; the generator had no CPU left" if bound else ""),
            undisturbed=bare_cpu < TARGET_RATIO * server_cpu,
        ),
        Verdict(
            f"p99 at half that rate at most {TARGET_P99_MS:g} ms",
            f"{half_p99:.1f} ms",
            judge(half_p99, TARGET_P99_MS, at_least=False),
            f"the bare handler at that rate: {found.half_bare.load.latency.p99:.1f} ms",
        ),
        Verdict(
            f"NDJSON at least {TARGET_BATCH_RATIO} of COPY",
            f"{found.batch_ratio:.2f}",
            judge(found.batch_ratio, TARGET_BATCH_RATIO, at_least=True),
        ),
    )


async def _beside_the_limits(
    harness: Harness, server: ServerUnderTest
) -> tuple[list[LoadRun], list[LoadRun], list[LoadRun]]:
    """Load both bare handlers and the server in turn, so that noise of the machine affects all."""
    seconds = harness.preset.seconds
    bare: list[LoadRun] = []
    storing: list[LoadRun] = []
    served: list[LoadRun] = []
    async with (
        harness.environment.database(keep_redis=True) as database,
        baseline_handler() as limit,
        baseline_handler(database) as storing_limit,
    ):
        for one in (limit, storing_limit):
            await load_baseline(harness, one, "warming up", seconds=seconds / 4)
        await server.warm_up(seconds=seconds / 4)
        for _ in range(harness.preset.repeats):
            bare.append(await load_baseline(harness, limit, "bare handler", seconds=seconds))
            storing.append(
                await load_baseline(
                    harness, storing_limit, "bare handler that stores", seconds=seconds,
                    note="the same INSERT in batches; no checks, no replays, no view, no metrics",
                )
            )  # fmt: skip
            served.append(await server.measure("single orders", seconds=seconds))
    return bare, storing, served


async def _breaking_point(
    harness: Harness, server: ServerUnderTest, peak: float
) -> tuple[BreakingPoint, list[LoadRun]]:
    preset = harness.preset
    trials: list[LoadRun] = []

    async def sustains(rate: float) -> bool:
        trial = await server.measure(
            f"open loop at {rate:,.0f}/s", rate=rate, seconds=preset.seconds,
            objective=OBJECTIVE_SECONDS,
        )  # fmt: skip
        trials.append(trial)
        return sustained(trial.load, OBJECTIVE_SECONDS, preset.connections)

    found = await find_breaking_point(
        sustains, peak * 0.05, peak * 1.2, steps=preset.bisections, repeats=preset.searches
    )
    return found, trials


async def _batches(harness: Harness) -> tuple[list[LoadRun], list[float]]:
    """Load NDJSON and COPY in turn: the same table, indexes and kind of rows, a database each."""
    preset = harness.preset
    batch: list[LoadRun] = []
    copied: list[float] = []
    lines = BATCH_LINES if preset.seconds >= 1 else 200
    rows = int(20_000 * preset.seconds)
    async with (
        harness.environment.database() as copy_database,
        server_under_test(harness) as server,
    ):
        for _ in range(preset.repeats):
            harness.show_progress("COPY")
            copied.append(await copy_rate(copy_database, rows, lines, harness.seed))
            batch.append(
                await server.measure(
                    "NDJSON", transport="batch", connections=2, lines=lines, seconds=preset.seconds
                )
            )
    return batch, copied


def latency_diagram(runs: list[LoadRun]) -> Diagram:
    """Draw latency against the offered load."""
    # Searches try the same rate more than once, and latencies cannot be compared: sort by rate alone.
    points = [
        (run.measurement.offered, run.load.latency)
        for run in sorted(runs, key=lambda run: run.measurement.offered)
    ]
    return Diagram(
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
