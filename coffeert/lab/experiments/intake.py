"""Where does the INSERT break? Orders over HTTP, WebSocket and NDJSON, beside their limits."""

from __future__ import annotations

from typing import NamedTuple

from coffeert.lab.bare_loops import serve_orders
from coffeert.lab.baselines import (
    BaselineJob,
    baseline_handler,
    fsync_rate,
    start_baseline,
)
from coffeert.lab.environment import free_port
from coffeert.lab.experiments.intake_batches import BatchRuns, measure_batches
from coffeert.lab.experiments.scaling import vary_settings
from coffeert.lab.harness import (
    BreakingPoint,
    Harness,
    LoadRun,
    ServerUnderTest,
    cpu_per_order,
    describe_cpu,
    find_breaking_point,
    load_baseline,
    median_rate,
    relative_spread,
    search_on_new_server,
    server_under_test,
    sustained,
)
from coffeert.lab.results import Curve, Diagram, Experiment, Metric, Point, Verdict, judge

OBJECTIVE_SECONDS = 0.1
TARGET_LOOP_RATIO, TARGET_OVER_HANDLER = 0.55, 1.2
TARGET_P99_MS = 20.0
_LOWEST_SHARE, _HIGHEST_SHARE = 0.05, 1.6  # of the closed loop's rate, where the search looks


class IntakeRuns(NamedTuple):
    """What was measured, with limits beside it; `syncs` are flushes a second of the disk.

    `loop` parses, decodes and answers without a framework, `bare` in aiohttp; `storing` also stores.
    """

    loop: list[LoadRun]
    bare: list[LoadRun]
    storing: list[LoadRun]
    served: list[LoadRun]
    browser: list[LoadRun]
    half: LoadRun
    half_bare: LoadRun
    breaking: BreakingPoint
    trials: list[LoadRun]
    by_websocket: LoadRun
    batch: BatchRuns
    syncs: float

    @property
    def ratio(self) -> float:
        """The server's rate as a share of the bare handler's."""
        return median_rate(self.served) / median_rate(self.bare)

    @property
    def loop_cpu_ratio(self) -> float:
        """The bare loop's CPU of an order as a share of the server's."""
        server = cpu_per_order(self.served)[0]
        return cpu_per_order(self.loop)[0] / server if server else 0.0

    @property
    def over_handler(self) -> float:
        """The open loop's breaking point as a multiple of the bare handler's closed loop."""
        return self.breaking.median / median_rate(self.bare)

    @property
    def runs(self) -> tuple[LoadRun, ...]:
        return (
            *(*self.loop, *self.bare, *self.storing, *self.served, *self.browser),
            *(self.half, self.half_bare, *self.trials, self.by_websocket, *self.batch.runs),
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
        verdicts=_verdicts(found, harness),
        notes=() if found.breaking.bounded else (at_top,),
    )


async def _measure(harness: Harness) -> IntakeRuns:
    seconds = harness.preset.seconds
    async with server_under_test(harness) as server:
        loop, bare, storing, served = await _beside_the_limits(harness, server)
        browser = [
            await server.measure("single orders, browser head", head="browser", seconds=seconds)
            for _ in served
        ]
        peak = median_rate(served)
        breaking, trials = await _breaking_point(harness, peak)
        half_rate = (breaking.median or peak * _LOWEST_SHARE) / 2
        connections = harness.preset.open_loop_connections
        half = await server.measure(
            "half of the breaking point",
            rate=half_rate, seconds=seconds * 2, objective=OBJECTIVE_SECONDS, connections=connections,
        )  # fmt: skip
        async with baseline_handler() as limit:
            half_bare = await load_baseline(
                harness, limit, "bare handler at that rate", rate=half_rate, seconds=seconds,
                connections=connections,
            )  # fmt: skip
        by_websocket = await server.measure("over WebSocket", transport="ws", seconds=seconds)
    batch = await measure_batches(harness)
    harness.show_progress("fsync rate")
    syncs = fsync_rate(harness.environment.directory, seconds / 2)
    return IntakeRuns(
        loop, bare, storing, served, browser, half, half_bare, breaking, trials, by_websocket, batch,
        syncs,
    )  # fmt: skip


def _metrics(found: IntakeRuns) -> tuple[Metric, ...]:
    bare, storing, served = map(median_rate, (found.bare, found.storing, found.served))
    bare_cpu, (server_cpu, postgres_cpu) = cpu_per_order(found.bare)[0], cpu_per_order(found.served)
    return (
        Metric("loop_rate", round(median_rate(found.loop)), "orders/s"),
        Metric("loop_cpu", round(cpu_per_order(found.loop)[0], 1), "us"),
        Metric("loop_ratio", round(served / median_rate(found.loop), 3)),
        Metric("loop_cpu_ratio", round(found.loop_cpu_ratio, 3)),
        Metric("over_handler", round(found.over_handler, 3)),
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
        Metric("browser_cpu", round(cpu_per_order(found.browser)[0], 1), "us"),
        *(
            (
                Metric("postgres_cpu", round(postgres_cpu, 1), "us"),
                Metric("postgres_ceiling", round(1e6 / postgres_cpu), "orders/s"),
            )
            if postgres_cpu
            else ()
        ),
        Metric("cpu_ratio", round(bare_cpu / server_cpu, 3)),
        Metric("half_rate", round(found.half.measurement.offered), "orders/s"),
        Metric("half_p99", found.half.load.latency.p99, "ms"),
        Metric("half_p50", found.half.load.latency.p50, "ms"),
        Metric("half_bare_p99", found.half_bare.load.latency.p99, "ms"),
        Metric("breaking_point", round(found.breaking.median), "orders/s"),
        Metric("breaking_spread", round(found.breaking.spread, 3)),
        Metric("websocket_rate", round(found.by_websocket.rate), "orders/s"),
        *found.batch.metrics(),
        Metric("sync_rate", round(found.syncs), "1/s"),
    )


def _verdicts(found: IntakeRuns, harness: Harness) -> tuple[Verdict, ...]:
    bare_cpu, (server_cpu, postgres_cpu) = cpu_per_order(found.bare)[0], cpu_per_order(found.served)
    stored = median_rate(found.storing)
    bound = any(run.generator_bound for run in (*found.served, *found.loop))
    no_cpu_left = "where the generator had no CPU left"
    half_p99 = found.half.load.latency.p99
    return (
        Verdict(
            f"single orders over HTTP, {harness.preset.connections} connections, a core for each process: "
            f"at least {TARGET_LOOP_RATIO} of a bare loop that stores nothing",
            f"{found.loop_cpu_ratio:.2f}",
            judge(found.loop_cpu_ratio, TARGET_LOOP_RATIO, at_least=True, valid=server_cpu > 0),
            f"CPU of an order: bare loop {cpu_per_order(found.loop)[0]:.1f} us, server "
            f"{server_cpu:.1f} us, aiohttp handler {bare_cpu:.0f} us, PostgreSQL "
            f"{describe_cpu(postgres_cpu)}; "
            f"as they shared this machine {median_rate(found.served):,.0f} orders/s of "
            f"{median_rate(found.loop):,.0f}" + (f", {no_cpu_left}" if bound else ""),
        ),
        Verdict(
            f"in an open loop over {harness.preset.open_loop_connections} connections, p99 within "
            f"{OBJECTIVE_SECONDS * 1e3:g} ms: at least {TARGET_OVER_HANDLER} times the closed loop of a "
            "bare aiohttp handler",
            f"{found.over_handler:.2f}",
            judge(found.over_handler, TARGET_OVER_HANDLER, at_least=True),
            f"{found.breaking.median:,.0f} orders/s of {median_rate(found.bare):,.0f}; that handler with "
            f"the same INSERT {stored:,.0f}, the server in a closed loop {median_rate(found.served):,.0f}",
        ),
        Verdict(
            f"at half of what the open loop sustains, p99 at most {TARGET_P99_MS:g} ms",
            f"{half_p99:.1f} ms",
            judge(half_p99, TARGET_P99_MS, at_least=False),
            f"the bare handler at that rate: {found.half_bare.load.latency.p99:.1f} ms",
        ),
        *found.batch.verdicts(),
    )


async def _beside_the_limits(
    harness: Harness, server: ServerUnderTest
) -> tuple[list[LoadRun], list[LoadRun], list[LoadRun], list[LoadRun]]:
    """Load the limits and the server in turn, so that noise of the machine affects all."""
    seconds = harness.preset.seconds
    loop: list[LoadRun] = []
    bare: list[LoadRun] = []
    storing: list[LoadRun] = []
    served: list[LoadRun] = []
    async with (
        harness.environment.database(keep_redis=True) as database,
        start_baseline(serve_orders, BaselineJob(free_port())) as loop_limit,
        baseline_handler() as limit,
        baseline_handler(database) as storing_limit,
    ):
        for one in (loop_limit, limit, storing_limit):
            await load_baseline(harness, one, "warming up", seconds=seconds / 4)
        await server.warm_up(seconds=seconds / 4)
        for _ in range(harness.preset.repeats):
            loop.append(await load_baseline(harness, loop_limit, "bare loop", seconds=seconds))
            bare.append(await load_baseline(harness, limit, "bare handler", seconds=seconds))
            storing.append(
                await load_baseline(
                    harness, storing_limit, "bare handler that stores", seconds=seconds,
                    note="the same INSERT in batches; no checks, no replays, no view, no metrics",
                )
            )  # fmt: skip
            served.append(await server.measure("single orders", seconds=seconds))
    return loop, bare, storing, served


async def _breaking_point(harness: Harness, peak: float) -> tuple[BreakingPoint, list[LoadRun]]:
    preset, connections = harness.preset, harness.preset.open_loop_connections
    trials: list[LoadRun] = []

    async def sustains(server: ServerUnderTest, rate: float) -> bool:
        trial = await server.measure(
            f"open loop at {rate:,.0f}/s", rate=rate, seconds=preset.seconds,
            objective=OBJECTIVE_SECONDS, connections=connections,
        )  # fmt: skip
        trials.append(trial)
        return sustained(trial.load, OBJECTIVE_SECONDS, connections)

    found = await find_breaking_point(
        search_on_new_server(harness, sustains),
        peak * _LOWEST_SHARE,
        peak * _HIGHEST_SHARE,
        steps=preset.bisections,
        repeats=preset.searches,
    )
    return found, trials


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
