"""How long from an order to the screen? From when it was due to the frame that counts it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from coffeert.domain.menu import Drink
from coffeert.lab.bench import Bench, Run, Subject, subject
from coffeert.lab.child import Child, child
from coffeert.lab.latency import Latencies
from coffeert.lab.results import (
    Curve,
    Experiment,
    Figure,
    Measurement,
    Picture,
    Point,
    Verdict,
    judge,
)
from coffeert.lab.screen import ScreenJob, ScreenResult
from coffeert.lab.sightings import Delays, delays
from coffeert.postgres.menu import add_drink
from coffeert.postgres.pool import close, connect

TARGETS = {100: 50.0, 1_000: 100.0, 5_000: 250.0}
"""p99 in milliseconds by rate."""

PROBES = tuple(f"probe-{number}" for number in range(32))
_PROBES_A_SECOND = 150
_SETTLES = 0.5
_PACES: tuple[tuple[str, dict[str, object]], ...] = (
    ("live", {}),
    ("batch mode, passes each 1 s", {"live_updates": "off"}),
    ("batch mode, passes each 0.1 s", {"live_updates": "off", "aggregation_interval": 0.1}),
)


class Seen:
    """One rate: the load's own measurement, and when its orders were seen."""

    def __init__(self, run: Run, found: Delays, screen: ScreenResult) -> None:
        self.run = run
        self.latency = Latencies.of(found.whole)
        self.after_commit = Latencies.of(found.shown)
        self.unseen = found.unseen
        self.frames = screen.frames
        self.bytes_a_frame = screen.bytes / max(1, screen.frames)

    def measurement(self, label: str) -> Measurement:
        """Return the order-to-screen latency as a measurement of its own."""
        commit = self.run.load.latency
        return Measurement(
            label=label,
            offered=self.run.measurement.offered,
            good=self.run.measurement.good,
            errors=self.run.measurement.errors + self.unseen,
            shed=self.run.measurement.shed,
            latency=self.latency,
            evidence=self.run.measurement.evidence,
            correctness=self.run.measurement.correctness,
            note=f"commit alone p50 {commit.p50:.1f} ms, p99 {commit.p99:.1f} ms; "
            f"from the 201 to the frame p99 {self.after_commit.p99:.1f} ms; "
            f"{self.frames} frames of {self.bytes_a_frame:,.0f} bytes; {self.unseen} never seen",
        )


async def run(bench: Bench) -> Experiment:
    """Measure order to screen at each rate, live and in batch mode, beside the commit alone."""
    found: dict[tuple[str, int], Seen] = {}
    for pace, settings in _PACES:
        rates = bench.effort.screen_rates
        async with watched_subject(bench, **settings) as server:
            for rate in rates if pace == "live" else rates[:1]:
                found[pace, rate] = await watch_rate(server, rate, f"{pace}, {rate:,}/s")
    live = {rate: seen for (pace, rate), seen in found.items() if pace == "live"}
    return Experiment(
        name="order-to-screen",
        question="How long does an order take to the screen?",
        measurements=tuple(
            seen.measurement(f"{pace}, {rate:,}/s") for (pace, rate), seen in found.items()
        ),
        figures=tuple(
            figure
            for rate, seen in live.items()
            for figure in (
                Figure(f"p50_at_{rate}", seen.latency.p50, "ms"),
                Figure(f"p99_at_{rate}", seen.latency.p99, "ms"),
                Figure(f"commit_p50_at_{rate}", seen.run.load.latency.p50, "ms"),
                Figure(f"commit_p99_at_{rate}", seen.run.load.latency.p99, "ms"),
            )
        ),
        pictures=(_picture(live),),
        verdicts=tuple(_verdict(rate, live[rate]) for rate in TARGETS if rate in live),
    )


@asynccontextmanager
async def watched_subject(bench: Bench, **settings: object) -> AsyncIterator[Subject]:
    """Run a server whose menu has the probes, and warm it up."""
    async with bench.stage.database() as database_url:
        await _add_probes(database_url)
        async with subject(bench, database_url=database_url, **settings) as server:
            await server.warm_up(rate=50.0, seconds=bench.effort.seconds / 2)
            yield server


async def watch_rate(server: Subject, rate: int, label: str) -> Seen:
    """Send orders at a rate, and time their probes to a screen."""
    job = ScreenJob("127.0.0.1", server.server.port, PROBES)
    async with child("coffeert.lab.screen", job, ScreenResult) as screen:
        await screen.ready()
        screen.tell()
        run = await server.measure(
            label,
            rate=float(rate),
            seconds=server.bench.effort.seconds * 2,
            objective=TARGETS.get(rate, 1_000.0) / 1e3,
            probes=PROBES,
            stride=max(1, rate // _PROBES_A_SECOND),
        )
        result = await _result(screen)
    return Seen(run, delays(run.load.probes, result.sightings), result)


async def _result(screen: Child[ScreenResult]) -> ScreenResult:
    await asyncio.sleep(_SETTLES)  # the truth has been waited for, so the last frame is on its way
    screen.tell()
    return await screen.result()


async def _add_probes(database_url: str) -> None:
    connection = await connect(database_url, application_name="coffeert lab")
    try:
        for probe in PROBES:
            await add_drink(connection, Drink(probe, probe, 450))
    finally:
        await close(connection)


def _verdict(rate: int, seen: Seen) -> Verdict:
    evidence = seen.run.measurement.evidence
    bound = evidence is not None and evidence.generator_bound
    return Verdict(
        f"order to WebSocket frame at {rate:,}/s: p99 at most {TARGETS[rate]:g} ms",
        f"{seen.latency.p99:.1f} ms",
        judge(seen.latency.p99, TARGETS[rate], at_least=False, valid=not bound),
        "the generator had no CPU left" if bound else "",
    )


def _picture(live: dict[int, Seen]) -> Picture:
    def points(kind: str, name: str) -> tuple[Point, ...]:
        chosen = (
            (rate, seen.latency if kind == "screen" else seen.run.load.latency)
            for rate, seen in live.items()
        )
        return tuple(Point(rate, max(0.1, getattr(latency, name))) for rate, latency in chosen)

    return Picture(
        name="order-to-screen",
        title="From an order to the screen",
        x="orders/s",
        y="ms from when the order was due",
        log_x=True,
        log_y=True,
        curves=(
            Curve("screen p50", points("screen", "p50")),
            Curve("screen p99", points("screen", "p99")),
            Curve("commit alone p50", points("commit", "p50")),
            Curve("commit alone p99", points("commit", "p99")),
        ),
    )
