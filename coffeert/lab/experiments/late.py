"""What does late data cost? Orders late by a minute to three days, refunds and voids."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from msgspec.structs import replace

from coffeert.lab.environment import connection_to
from coffeert.lab.experiments.aggregation import HALF_MINUTE_SECONDS, NEW_ORDERS, PassTimer
from coffeert.lab.harness import Harness, LoadRun, server_under_test
from coffeert.lab.late_orders import MAX_LATE_SECONDS, LateMix
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
from coffeert.postgres.pool import Connection
from coffeert.postgres.queries import sql

TARGET_PASS_GROWTH = 2.0
LATE_SHARES = (0.0, 0.01, 0.1, 0.5)
_JUDGED_SHARE = 0.1
_VOIDS, _REFUNDS = 0.02, 0.03
_LINES = 20


class LateRun(NamedTuple):
    """A share of orders that come late: the load, whether sums were right, and passes of 1,000."""

    share: float
    load: LoadRun
    right: bool
    passes: Latencies

    def measurements(self) -> tuple[Measurement, Measurement]:
        """Return the load and the passes."""
        load = self.load.measurement
        assert load.correctness is not None
        correctness = replace(load.correctness, exact=load.correctness.exact and self.right)
        voids = f"{_VOIDS:.0%} voids, {_REFUNDS:.0%} refunds" if self.share else "all in time"
        return (
            replace(load, correctness=correctness, note=f"{voids}; passes each second meanwhile"),
            Measurement(
                label=f"a pass with {NEW_ORDERS:,} new orders, {self.share:.0%} late",
                unit="",
                latency=self.passes,
            ),
        )


async def run_late(harness: Harness) -> Experiment:
    """Send orders of which some are late while passes are made, and time passes over such orders."""
    loads = await _loads(harness)
    async with (
        harness.environment.database() as url,
        connection_to(url) as connection,
        connection_to(url) as other,
    ):
        harness.show_progress("passes")
        passes = PassTimer(harness, connection, other)
        await passes.fill(harness.preset.histories[0], MAX_LATE_SECONDS)
        await passes.one()
        # In turns, so that what else the machine does makes all of them slower.
        times = await passes.timed_in_turns([_spread(share) for share in LATE_SHARES])
    return summed_up(
        [
            LateRun(share, load, right, Latencies.of(taken))
            for share, (load, right), taken in zip(LATE_SHARES, loads, times, strict=True)
        ]
    )


def _spread(share: float) -> dict[float, int]:
    late = int(share * NEW_ORDERS)
    return {HALF_MINUTE_SECONDS: NEW_ORDERS - late, MAX_LATE_SECONDS: late}


async def _loads(harness: Harness) -> list[tuple[LoadRun, bool]]:
    """Send orders, some of them late; return the loads of each share, and whether all sums were right."""
    loads: list[tuple[LoadRun, bool]] = []
    truth: Counter[int] = Counter()
    preset = harness.preset
    async with (
        harness.environment.database() as url,
        connection_to(url) as reader,
        server_under_test(harness, url) as server,
    ):
        for share in LATE_SHARES:
            mix = LateMix(late=share, refunds=_REFUNDS, voids=_VOIDS) if share else LateMix()
            load = await server.measure(
                f"{share:.0%} late", transport="batch", lines=_LINES, mix=mix,
                rate=float(preset.late_rate // _LINES), seconds=2 * preset.seconds, objective=1.0,
            )  # fmt: skip
            truth.update(load.load.pieces)
            right = await _pieces(reader) == {at: sum_ for at, sum_ in truth.items() if sum_}
            loads.append((load, right))
    return loads


async def _pieces(connection: Connection) -> dict[int, int]:
    rows = await connection.fetch(sql("lab_pieces_by_minute"))
    return {row["minute"]: row["quantity"] for row in rows if row["quantity"]}


def summed_up(runs: list[LateRun]) -> Experiment:
    """Judge the runs, of which the first has no late orders."""
    in_time, judged = runs[0].passes, next(run for run in runs if run.share == _JUDGED_SHARE).passes
    growth = judged.p50 / in_time.p50 if in_time.p50 else 0.0
    measured = [run.measurements() for run in runs]
    clean = [load.correctness is not None and load.correctness.clean for load, _ in measured]
    return Experiment(
        name="late",
        question="What does late data cost?",
        measurements=tuple(one for pair in measured for one in pair),
        metrics=(
            Metric("pass_p50", in_time.p50, "ms"),
            *(
                Metric(f"pass_p50_late_{run.share * 100:.0f}", run.passes.p50, "ms")
                for run in runs[1:]
            ),
            Metric("pass_growth", round(growth, 2)),
            Metric("rates_right", sum(clean)),
            Metric("rates", len(runs)),
        ),
        diagrams=(
            Diagram(
                name="late-pass",
                title="A pass with 1,000 new orders, of which some are late",
                x="% late, by a minute to three days",
                y="ms",
                curves=tuple(
                    Curve(
                        name,
                        tuple(Point(100 * run.share, getattr(run.passes, name)) for run in runs),
                    )
                    for name in ("p50", "p99")
                ),
            ),
        ),
        verdicts=(
            Verdict(
                "each rollup equals what was sent, however late: nothing lost, nothing counted twice",
                f"{sum(clean)} of {len(runs)}",
                judge(sum(clean), len(runs), at_least=True),
                f"up to {max(LATE_SHARES):.0%} late by a minute to three days, voids and refunds, with "
                "passes meanwhile; compared with the generator's own sums by minute, too",
                undisturbed=True,
            ),
            Verdict(
                f"a pass with {_JUDGED_SHARE:.0%} late takes at most {TARGET_PASS_GROWTH:g} times as long",
                f"{growth:.2f}",
                judge(growth, TARGET_PASS_GROWTH, at_least=False),
                f"{judged.p50:.1f} ms, in turns with {in_time.p50:.1f}: each late order has its own cells",
            ),
        ),
    )
