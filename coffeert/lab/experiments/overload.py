"""What happens past the limit? Twice the sustainable load, whether it recovers, and other ways to send."""

from __future__ import annotations

from typing import NamedTuple

from coffeert.lab.experiments.overload_limit import (
    OBJECTIVE_SECONDS,
    PATIENCE_SECONDS,
    OverloadLimit,
    accepted_verdict,
    goodput_verdict,
    order_cpu,
    refusal_cpu,
    refusal_verdict,
)
from coffeert.lab.experiments.overload_variants import (
    BATCHES,
    BROWSER,
    HTTP_CONNECTIONS,
    SUSTAINED_SECONDS,
    WEBSOCKET,
    VariantOverload,
    measure_floor,
    overload_variant,
)
from coffeert.lab.harness import (
    BreakingPoint,
    Harness,
    LoadRun,
    ServerUnderTest,
    find_breaking_point,
    search_on_new_server,
    server_under_test,
    sustained,
)
from coffeert.lab.load_generator import TIMELINE_STEP_SECONDS, LoadResult
from coffeert.lab.results import Curve, Diagram, Experiment, Metric, Point, Verdict, judge

TARGET_RECOVERY_SECONDS, TARGET_MEMORY_RATIO = 10.0, 1.5
_GOOD_SHARE = 0.95


class OfferedShare(NamedTuple):
    """A share of the sustainable rate, offered several times."""

    share: float
    runs: list[LoadRun]

    @property
    def median_run(self) -> LoadRun:
        """The run with the median rate, of two the lower."""
        return sorted(self.runs, key=lambda run: run.rate)[(len(self.runs) - 1) // 2]


class HttpOverload(NamedTuple):
    """What was measured with minimal HTTP requests, and with the other variants.

    `memory_ratio`: the server's memory at the end, as a share of that before. `floor`: twice the
    sustainable rate, sent to a server that only refuses.
    """

    peaks: list[LoadRun]
    trials: list[LoadRun]
    sustainable: BreakingPoint
    offered: list[OfferedShare]
    after: LoadRun
    memory_ratio: float
    floor: LoadRun
    variants: tuple[VariantOverload, ...]

    @property
    def twice(self) -> LoadRun:
        return self.offered[-1].median_run

    @property
    def at_limit(self) -> LoadRun:
        return next(share.median_run for share in self.offered if share.share == 1)

    @property
    def best(self) -> float:
        """The highest of the median goodputs, orders/s."""
        return max(share.median_run.rate for share in self.offered)

    @property
    def goodput_kept(self) -> float:
        """Goodput at twice the sustainable rate, as a share of the best."""
        return self.twice.rate / self.best

    @property
    def slowest_refusals(self) -> LoadResult:
        """The run at twice the sustainable rate whose refusals took longest (p99)."""
        loads = [run.load for run in self.offered[-1].runs]
        return max(loads, key=lambda load: load.shed_sent.p99)

    @property
    def slowest_accepted_p99(self) -> float:
        """The highest of the p99 of what was accepted at twice the sustainable rate, ms."""
        return max(run.load.latency.p99 for run in self.offered[-1].runs)

    @property
    def refusals_per_second(self) -> float:
        return self.twice.load.shed / self.twice.load.elapsed

    @property
    def limit(self) -> OverloadLimit:
        """What is possible at twice the sustainable rate."""
        return OverloadLimit(
            offered=self.twice.measurement.offered,
            order_cpu=order_cpu(self.at_limit),
            refusal_cpu=refusal_cpu(self.floor),
            best=self.best,
        )

    def metrics(self) -> tuple[Metric, ...]:
        peak = max(run.rate for run in self.peaks)
        twice = self.twice.load
        shed = (twice.shed + twice.unsent) / max(1, twice.sent)
        return (
            Metric("peak", round(peak), "orders/s"),
            Metric("sustainable", round(self.sustainable.median), "orders/s"),
            Metric("goodput_kept", round(self.goodput_kept, 3)),
            Metric("possible", round(self.limit.goodput), "orders/s"),
            Metric("shed_share", round(shed, 3)),
            Metric("cores_at_limit", round(self.at_limit.server_cores, 2)),
            Metric("twice_offered", round(self.twice.measurement.offered), "orders/s"),
            Metric("twice_rate", round(self.twice.rate), "orders/s"),
            Metric("twice_refused", round(self.refusals_per_second), "refusals/s"),
            Metric("twice_cores", round(self.twice.server_cores, 2)),
            Metric("accepted_p99", self.twice.load.latency.p99, "ms"),
            Metric("slowest_accepted_p99", self.slowest_accepted_p99, "ms"),
            Metric("order_cpu", round(self.limit.order_cpu * 1e6, 1), "us"),
            Metric("floor_cpu", round(self.limit.refusal_cpu * 1e6, 1), "us"),
            Metric("refusal_p99", self.slowest_refusals.shed_sent.p99, "ms"),
            Metric("recovery_s", recovered_after(self.after.load), "s"),
            Metric("memory_ratio", round(self.memory_ratio, 2)),
            *(metric for one in self.variants for metric in one.metrics()),
        )

    def verdicts(self) -> tuple[Verdict, ...]:
        load, twice = self.slowest_refusals, self.twice
        recovery = recovered_after(self.after.load)
        kept = sorted(run.rate / self.best for run in self.offered[-1].runs)
        each = ", ".join(f"{share:.1%}" for share in kept)
        searches = ", ".join(f"{rate:,.0f}/s" for rate in self.sustainable.found)
        return (
            goodput_verdict(
                "",
                twice,
                self.limit,
                f"with {self.refusals_per_second:,.0f} refusals/s it takes {twice.server_cores:.2f} cores"
                + (f"; of the best each time {each}" if len(kept) > 1 else "")
                + (
                    f"; sustained by each search {searches}"
                    if len(self.sustainable.found) > 1
                    else ""
                ),
            ),
            accepted_verdict("", twice.load),
            refusal_verdict(
                "",
                load,
                ("the slowest time: " if len(kept) > 1 else "")
                + f"p50 {load.shed_sent.p50:.1f} ms; from when the order was sent, the first second "
                f"included; from when it was due p99 {load.shed_latency.p99:.1f} ms, of which the "
                f"wait for a connection (p99) {load.send_delay_p99 * 1e3:.1f} ms",
            ),
            Verdict(
                f"recovers within {TARGET_RECOVERY_SECONDS:g} s",
                f"{recovery:.1f} s",
                judge(recovery, TARGET_RECOVERY_SECONDS, at_least=False),
            ),
            Verdict(
                f"memory stays within {TARGET_MEMORY_RATIO:g} times what it was before",
                f"{self.memory_ratio:.2f}",
                judge(self.memory_ratio, TARGET_MEMORY_RATIO, at_least=False),
            ),
            *(verdict for one in self.variants for verdict in one.verdicts()),
        )


async def run_overload(harness: Harness) -> Experiment:
    """Find what an open loop sustains, offer half to twice of it, then half again."""
    preset = harness.preset
    connections = min(HTTP_CONNECTIONS, 64 * preset.connections)
    found = await _measure(harness, connections)
    offered = [run for share in found.offered for run in share.runs]
    variants = [
        run
        for one in found.variants
        for run in (*one.trials, one.twice, *([one.floor] if one.floor else []))
    ]
    runs = [*found.peaks, *found.trials, *offered, found.after, found.floor, *variants]
    return Experiment(
        name="overload",
        question="What happens past the limit?",
        measurements=tuple(run.measurement for run in runs),
        metrics=found.metrics(),
        diagrams=(_diagram(max(run.rate for run in found.peaks), found.offered),),
        verdicts=found.verdicts(),
        notes=(
            f"Sustainable: the highest rate at which an open loop has p99 within {SUSTAINED_SECONDS:g} s "
            f"and at most 0.1 % refused, {preset.overload_trials} times of {preset.overload_trials}; "
            f"the median of {preset.overload_searches} searches. Shares of it were offered "
            f"{preset.overload_repeats} times each, and medians are compared. "
            f"Goodput: stored and answered within {OBJECTIVE_SECONDS:g} s of when the order was due. "
            "The rest was answered 503 with Retry-After, or had none of the generator's "
            f"{connections} connections: a client that sends again right after a refusal is held for "
            "half a second, and has no other connection.",
        ),
    )


async def _measure(harness: Harness, connections: int) -> HttpOverload:
    preset = harness.preset
    async with server_under_test(harness) as server:
        await server.warm_up(seconds=preset.seconds / 4)
        peaks = [
            await server.measure("peak, closed loop", seconds=preset.seconds)
            for _ in range(2 * preset.overload_trials - 1)
        ]
    found, trials = await _find_sustainable(harness, max(run.rate for run in peaks), connections)
    async with server_under_test(harness) as server:
        await server.warm_up(
            seconds=preset.seconds, rate=found.median, connections=connections,
            objective=OBJECTIVE_SECONDS,
        )  # fmt: skip
        memory = server.process.memory()

        async def offer(label: str, share: float, seconds: float) -> LoadRun:
            return await server.measure(
                label, rate=found.median * share, seconds=seconds, objective=OBJECTIVE_SECONDS,
                connections=connections, patience=PATIENCE_SECONDS,
            )  # fmt: skip

        # In turns, so that what disturbs the machine for a while does not affect one share only.
        offered = [OfferedShare(share, []) for share in preset.overload_shares]
        for _ in range(preset.overload_repeats):
            for share, runs in offered:
                label = f"{share:.0%} of the sustainable rate"
                runs.append(await offer(label, share, preset.overload_seconds))
        after = await offer("50 % again", 0.5, max(preset.overload_seconds, 1.0))
        memory_ratio = server.process.memory() / memory
        variants = [
            await overload_variant(server, variant, found.median)
            for variant in (BROWSER, WEBSOCKET, BATCHES)[: preset.overload_variants]
        ]
    floor = await measure_floor(harness, 2 * found.median, connections)
    return HttpOverload(peaks, trials, found, offered, after, memory_ratio, floor, tuple(variants))


async def _find_sustainable(
    harness: Harness, peak: float, connections: int
) -> tuple[BreakingPoint, list[LoadRun]]:
    preset = harness.preset
    trials: list[LoadRun] = []

    async def sustains(server: ServerUnderTest, rate: float) -> bool:
        # One lucky trial is not enough.
        for _ in range(preset.overload_trials):
            trial = await server.measure(
                f"open loop at {rate:,.0f}/s", rate=rate, seconds=2 * preset.seconds,
                objective=SUSTAINED_SECONDS, connections=connections,
            )  # fmt: skip
            trials.append(trial)
            if not sustained(trial.load, SUSTAINED_SECONDS, connections):
                return False
        return True

    # A closed loop waits for commits; thousands of clients that do not wait can reach more.
    found = await find_breaking_point(
        search_on_new_server(harness, sustains), peak / 2, 1.5 * peak,
        steps=preset.overload_steps, repeats=preset.overload_searches,
    )  # fmt: skip
    return BreakingPoint(tuple(rate or peak / 2 for rate in found.found), found.bounded), trials


def recovered_after(load: LoadResult) -> float:
    """Return the seconds until 95 % of what is offered is good, and stays so."""
    recovered = 0.0
    for number, part in enumerate(load.timeline, 1):
        if part.due and part.good < _GOOD_SHARE * part.due:
            recovered = number * TIMELINE_STEP_SECONDS
    return recovered


def _diagram(peak: float, offered: list[OfferedShare]) -> Diagram:
    runs = [share.median_run for share in offered]

    def curve(name: str, rates: list[float]) -> Curve:
        points = zip((run.measurement.offered for run in runs), rates, strict=True)
        return Curve(name, tuple(Point(x, y) for x, y in points))

    return Diagram(
        name="overload",
        title="Offered load and goodput",
        x="orders/s offered",
        y="orders/s",
        curves=(
            curve("goodput", [run.load.good / run.load.elapsed for run in runs]),
            curve("refused with 503", [run.load.shed / run.load.elapsed for run in runs]),
            curve("peak, closed loop", [peak for _ in runs]),
        ),
    )
