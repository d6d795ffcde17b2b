"""How long does an order take to the screen? From when it was due to the frame that counts it."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

from coffeert.domain.menu import Drink
from coffeert.lab.dashboard_clients import (
    ObserverJob,
    ObserverResult,
    ProbeObservation,
    observe_dashboard,
)
from coffeert.lab.environment import connection_to
from coffeert.lab.harness import Harness, LoadRun, ServerUnderTest, server_under_test
from coffeert.lab.load_generator import Probe
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
from coffeert.postgres.menu import add_drink

TARGET_P99_MS = {100: 50.0, 1_000: 100.0, 5_000: 250.0}
"""By orders a second."""

PROBES = tuple(f"probe-{number}" for number in range(32))
_PROBES_PER_SECOND = 150
_LAST_FRAME_SECONDS = 0.5
_MODES: tuple[tuple[str, dict[str, object]], ...] = (
    ("live", {}),
    ("batch mode, passes each 1 s", {"live_updates": "off"}),
    ("batch mode, passes each 0.1 s", {"live_updates": "off", "aggregation_interval": 0.1}),
)


class ScreenDelays(NamedTuple):
    """Seconds until each acknowledged probe was on the screen, and how many never were.

    `from_due`: since it was due. `from_ack`: since its 201 arrived, 0 if the frame came first.
    """

    from_due: list[float]
    from_ack: list[float]
    unseen: int


def match_probes(probes: Sequence[Probe], observations: Sequence[ProbeObservation]) -> ScreenDelays:
    """Find when each acknowledged probe was on the screen.

    Probes of one drink differ by number only: the n-th acknowledged is paired with the n-th observed. If
    they were stored out of order that leaves the sum, and nearly every single delay, as it was.
    """
    seen: dict[str, tuple[list[int], list[float]]] = {}
    for observation in observations:
        counts, moments = seen.setdefault(observation.drink, ([], []))
        counts.append(observation.orders)
        moments.append(observation.at)
    numbers: dict[str, int] = {}
    from_due: list[float] = []
    from_ack: list[float] = []
    unseen = 0
    for probe in sorted((p for p in probes if p.answered), key=lambda p: p.answered):
        number = numbers[probe.drink] = numbers.get(probe.drink, 0) + 1
        counts, moments = seen.get(probe.drink, ([], []))
        at = bisect_left(counts, number)
        if at == len(counts):
            unseen += 1
        else:
            from_due.append(moments[at] - probe.due)
            from_ack.append(max(0.0, moments[at] - probe.answered))
    return ScreenDelays(from_due, from_ack, unseen)


class ScreenRun:
    """One rate: the load's own measurement, and when its orders were on the screen."""

    def __init__(self, run: LoadRun, observed: ObserverResult) -> None:
        delays = match_probes(run.load.probes, observed.observations)
        self.run = run
        self.latency = Latencies.of(delays.from_due)
        self.after_commit = Latencies.of(delays.from_ack)
        self.unseen = delays.unseen
        self.frames = observed.frames
        self.bytes_per_frame = observed.bytes / max(1, observed.frames)

    def measurement(self, label: str) -> Measurement:
        """Return the order-to-screen latency as a measurement of its own."""
        load, commit = self.run.measurement, self.run.load.latency
        return Measurement(
            label=label,
            offered=load.offered,
            good=load.good,
            head=load.head,
            errors=load.errors + self.unseen,
            shed=load.shed,
            latency=self.latency,
            usage=load.usage,
            correctness=load.correctness,
            note=f"commit alone p50 {commit.p50:.1f} ms, p99 {commit.p99:.1f} ms; "
            f"from the 201 to the frame p99 {self.after_commit.p99:.1f} ms; "
            f"{self.frames} frames of {self.bytes_per_frame:,.0f} bytes; {self.unseen} never seen",
        )


async def run_order_to_screen(harness: Harness) -> Experiment:
    """Measure order to screen at each rate, live and in batch mode, beside the commit alone."""
    rates = harness.preset.screen_rates
    runs: dict[int, list[ScreenRun]] = {rate: [] for rate in rates}
    batched: list[Measurement] = []
    for mode, settings in _MODES:
        async with server_with_probes(harness, **settings) as server:
            if mode != "live":
                label = f"{mode}, {rates[0]:,}/s"
                batched.append((await observe_rate(server, rates[0], label)).measurement(label))
                continue
            for _ in range(harness.preset.repeats):
                for rate in rates:
                    runs[rate].append(await observe_rate(server, rate, f"live, {rate:,}/s"))
    live = {rate: _median(of_rate) for rate, of_rate in runs.items()}
    return Experiment(
        name="order-to-screen",
        question="How long does an order take to the screen?",
        measurements=(
            *(
                run.measurement(f"live, {rate:,}/s")
                for rate, of_rate in runs.items()
                for run in of_rate
            ),
            *batched,
        ),
        metrics=tuple(
            metric
            for rate, run in live.items()
            for metric in (
                Metric(f"p50_at_{rate}", run.latency.p50, "ms"),
                Metric(f"p99_at_{rate}", run.latency.p99, "ms"),
                Metric(f"commit_p50_at_{rate}", run.run.load.latency.p50, "ms"),
                Metric(f"commit_p99_at_{rate}", run.run.load.latency.p99, "ms"),
            )
        ),
        diagrams=(_diagram(live),),
        verdicts=tuple(_verdict(rate, live[rate]) for rate in TARGET_P99_MS if rate in live),
    )


@asynccontextmanager
async def server_with_probes(
    harness: Harness, **settings: object
) -> AsyncIterator[ServerUnderTest]:
    """Run a server whose menu has the probes, and warm it up."""
    async with harness.environment.database() as database_url:
        async with connection_to(database_url) as connection:
            for probe in PROBES:
                await add_drink(connection, Drink(probe, probe, 450))
        async with server_under_test(harness, database_url, **settings) as server:
            await server.warm_up(rate=50.0, seconds=harness.preset.seconds / 2)
            yield server


async def observe_rate(server: ServerUnderTest, rate: int, label: str) -> ScreenRun:
    """Send orders at a rate, and time their probes to the screen."""
    job = ObserverJob("127.0.0.1", server.process.port, PROBES)
    async with start_worker(observe_dashboard, job) as observer:
        await observer.ready()
        observer.resume()
        run = await server.measure(
            label,
            rate=float(rate),
            seconds=server.harness.preset.seconds * 2,
            connections=server.harness.preset.open_loop_connections,
            objective=TARGET_P99_MS.get(rate, 1_000.0) / 1e3,
            probes=PROBES,
            stride=max(1, rate // _PROBES_PER_SECOND),
        )
        # The check has waited until all is counted, so the last frame is on its way.
        await asyncio.sleep(_LAST_FRAME_SECONDS)
        observer.resume()
        return ScreenRun(run, await observer.result())


def _median(runs: Sequence[ScreenRun]) -> ScreenRun:
    """Return the run with the median p99: a disk that stands still now and then spoils single runs."""
    return sorted(runs, key=lambda run: run.latency.p99)[len(runs) // 2]


def _verdict(rate: int, run: ScreenRun) -> Verdict:
    bound, target = run.run.generator_bound, TARGET_P99_MS[rate]
    return Verdict(
        f"order to WebSocket frame at {rate:,}/s: p99 at most {target:g} ms, median of the runs",
        f"{run.latency.p99:.1f} ms",
        judge(run.latency.p99, target, at_least=False, valid=not bound),
        "the generator had no CPU left" if bound else "",
    )


def _diagram(live: dict[int, ScreenRun]) -> Diagram:
    def curve(label: str, percentile: str, latencies: dict[int, Latencies]) -> Curve:
        return Curve(
            f"{label} {percentile}",
            tuple(
                Point(rate, max(0.1, getattr(one, percentile))) for rate, one in latencies.items()
            ),
        )

    screen = {rate: run.latency for rate, run in live.items()}
    commit = {rate: run.run.load.latency for rate, run in live.items()}
    return Diagram(
        name="order-to-screen",
        title="From an order to the screen",
        x="orders/s",
        y="ms from when the order was due",
        log_x=True,
        log_y=True,
        curves=tuple(
            curve(label, percentile, latencies)
            for label, latencies in (("screen", screen), ("commit alone", commit))
            for percentile in ("p50", "p99")
        ),
    )
