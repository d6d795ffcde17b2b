"""Where does batch aggregation break? A pass over 1,000 new orders while the history grows."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

from coffeert.aggregator.aggregation_pass import LeaderLease, run_pass
from coffeert.aggregator.projection import Projection
from coffeert.cancellation import end
from coffeert.lab.correctness import CorrectnessCheck, correctness_check, count_orders
from coffeert.lab.environment import connection_to
from coffeert.lab.harness import Harness
from coffeert.lab.results import (
    Correctness,
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

NEW_ORDERS = 1_000
TARGET_PASS_MS, TARGET_GROWTH, TARGET_MEMORY_GROWTH = 10.0, 1.3, 1.1
_MONTH_SECONDS, HALF_MINUTE_SECONDS = 29.9 * 86_400, 30.0
_FILL_ROWS = 500_000
_STATEMENT_TIMEOUT_SECONDS = 600
_WARM_UP_PASSES = 3
_NAIVE_REPEATS = 3
_ROUND_TRIPS = 200


class PassTimer:
    """Makes passes on one database, with the projection that an aggregator keeps."""

    def __init__(self, harness: Harness, connection: Connection, other: Connection) -> None:
        self.connection = connection
        self.other = other
        self._harness = harness
        self._projection: Projection | None = None

    async def fill(self, orders: int, seconds: float) -> None:
        """Store orders of the last `seconds`."""
        for start in range(0, orders, _FILL_ROWS):
            count = min(_FILL_ROWS, orders - start)
            await self.other.execute(
                sql("lab_fill_orders"), count, seconds, timeout=_STATEMENT_TIMEOUT_SECONDS
            )

    async def one(self) -> float:
        """Make a pass; return the seconds it took."""
        began = time.perf_counter()
        made = await run_pass(self.connection, self._projection, LeaderLease())
        self._projection = made.projection
        return time.perf_counter() - began

    async def timed(self, new: int, over: float = HALF_MINUTE_SECONDS) -> list[float]:
        """Make passes with `new` orders each, spread over the last `over` seconds; return seconds."""
        (times,) = await self.timed_in_turns([{over: new}])
        return times

    async def timed_in_turns(self, loads: Sequence[Mapping[float, int]]) -> list[list[float]]:
        """Make passes after each of some loads, in turns; return the seconds for each load.

        A load says how many orders are spread over the last so many seconds.
        """
        times: list[list[float]] = [[] for _ in loads]
        for number in range(_WARM_UP_PASSES + self._harness.preset.passes):
            for load, taken in zip(loads, times, strict=True):
                for seconds, orders in load.items():
                    await self.fill(orders, seconds)
                took = await self.one()
                if number >= _WARM_UP_PASSES:
                    taken.append(took)
        return times


class HistorySize(NamedTuple):
    """What was measured at one size of history: `memory` in bytes, `catch_up` in orders/s."""

    history: int
    passes: Latencies
    naive_ms: float
    memory: int
    catch_up: float


async def run_aggregation(harness: Harness) -> Experiment:
    """Measure passes over growing histories, and what else could slow them down."""
    sizes: list[HistorySize] = []
    measurements: list[Measurement] = []
    async with (
        harness.environment.database() as url,
        connection_to(url) as connection,
        connection_to(url) as other,
        correctness_check(url) as check,
    ):
        passes = PassTimer(harness, connection, other)
        for history in harness.preset.histories:
            size = await _grow(harness, url, passes, history)
            sizes.append(size)
            measurements += _size_measurements(size, await _check(passes, check))
        round_trips = Latencies.of([await _timed(connection) for _ in range(_ROUND_TRIPS)])
        measurements.append(Measurement(label="SELECT 1", unit="", latency=round_trips))
        varied: dict[str, Latencies] = {}
        for label, measure in _variations(url, passes):
            harness.show_progress(label)
            varied[label] = Latencies.of(await measure())
        # Checked once for all: sums only grow, so what any of them had counted wrongly would still be.
        harness.show_progress("verifying")
        correctness = await _check(passes, check)
        measurements += [
            Measurement(label=label, unit="", latency=latency, correctness=correctness)
            for label, latency in varied.items()
        ]
    first, last = sizes[0], sizes[-1]
    growth = last.passes.p50 / first.passes.p50 if first.passes.p50 else 0.0
    memory_growth = last.memory / first.memory if first.memory else 0.0
    return Experiment(
        name="aggregation",
        question="Where does batch aggregation break?",
        measurements=tuple(measurements),
        metrics=(
            Metric("pass_p50", last.passes.p50, "ms"),
            Metric("pass_growth", round(growth, 2)),
            Metric("history", last.history, "orders"),
            Metric("naive_ms", round(last.naive_ms, 1), "ms"),
            Metric("round_trip_ms", round_trips.p50, "ms"),
            Metric("catch_up_rate", round(last.catch_up), "orders/s"),
            Metric("memory_mib", round(last.memory / 2**20), "MiB"),
            Metric("memory_growth", round(memory_growth, 3)),
        ),
        diagrams=(_diagram(sizes),),
        verdicts=_verdicts(first, last, growth, memory_growth),
    )


async def _grow(harness: Harness, url: str, passes: PassTimer, history: int) -> HistorySize:
    harness.show_progress(f"{history:,} orders of history")
    missing = max(0, history - await count_orders(passes.other))
    await passes.fill(missing, _MONTH_SECONDS)
    caught_up = await passes.one()
    # As autovacuum would, in time.
    await passes.other.execute("VACUUM ANALYZE", timeout=_STATEMENT_TIMEOUT_SECONDS)
    harness.show_progress(f"passes at {history:,} orders")
    times = await passes.timed(NEW_ORDERS)
    naive = sql("lab_naive_aggregation")
    naive_times = [await _timed(passes.other, naive) for _ in range(_NAIVE_REPEATS)]
    async with harness.environment.server(url, run_aggregator="false") as server:
        memory = server.memory()
    return HistorySize(
        history, Latencies.of(times), min(naive_times) * 1e3, memory, missing / caught_up
    )


Variation = tuple[str, Callable[[], Awaitable[list[float]]]]


def _variations(url: str, passes: PassTimer) -> list[Variation]:
    async def while_writing() -> list[float]:
        async with _writer(url):
            return await passes.timed(NEW_ORDERS)

    async def while_held() -> list[float]:
        async with connection_to(url) as holder, holder.transaction():
            await holder.execute(sql("lab_fill_orders"), 10, HALF_MINUTE_SECONDS)
            return await passes.timed(NEW_ORDERS)

    return [
        ("no new orders", lambda: passes.timed(0)),
        ("100 new orders", lambda: passes.timed(100)),
        ("10,000 new orders", lambda: passes.timed(10_000)),
        ("1,000 new orders over 24 hours of cells", lambda: passes.timed(NEW_ORDERS, 86_000.0)),
        ("1,000 new orders, beside a writer", while_writing),
        ("1,000 new orders, beside a transaction held open", while_held),
    ]


@asynccontextmanager
async def _writer(url: str) -> AsyncIterator[None]:
    async with connection_to(url) as connection:

        async def write() -> None:
            while True:
                await connection.execute(sql("lab_fill_orders"), 50, HALF_MINUTE_SECONDS)

        task = asyncio.create_task(write(), name="writer")
        try:
            yield
        finally:
            await end(task)


async def _timed(connection: Connection, statement: str = "SELECT 1") -> float:
    began = time.perf_counter()
    await connection.fetchval(statement, timeout=_STATEMENT_TIMEOUT_SECONDS)
    return time.perf_counter() - began


async def _check(passes: PassTimer, check: CorrectnessCheck) -> Correctness:
    await passes.one()
    stored = await count_orders(passes.other)
    return Correctness(
        sent=stored, acknowledged=stored, stored=stored, lost=0, duplicated=0,
        exact=await check.exact(),
    )  # fmt: skip


def _size_measurements(size: HistorySize, correctness: Correctness) -> list[Measurement]:
    return [
        Measurement(
            label=f"a pass with {NEW_ORDERS:,} new orders, history {size.history:,}",
            unit="",
            latency=size.passes,
            correctness=correctness,
            note=f"server memory {size.memory / 2**20:.0f} MiB; "
            f"catching up on the history {size.catch_up:,.0f} orders/s",
        ),
        Measurement(
            label=f"the full GROUP BY of 30 days, history {size.history:,}",
            unit="",
            latency=Latencies.of([size.naive_ms / 1e3]),
            note="what an aggregator without a watermark does each time; the best of three",
        ),
    ]


def _verdicts(
    first: HistorySize, last: HistorySize, growth: float, memory: float
) -> tuple[Verdict, ...]:
    sizes = f"{last.history:,} against {first.history:,} orders of history"
    return (
        Verdict(
            f"a pass with {NEW_ORDERS:,} new orders: median at most {TARGET_PASS_MS:g} ms",
            f"{last.passes.p50:.1f} ms at {last.history:,}",
            judge(last.passes.p50, TARGET_PASS_MS, at_least=False),
        ),
        Verdict(
            f"a pass takes at most {TARGET_GROWTH} times as long with a hundred times the history",
            f"{growth:.2f} ({sizes})",
            judge(growth, TARGET_GROWTH, at_least=False),
        ),
        Verdict(
            f"the server's memory is flat in the history (at most {TARGET_MEMORY_GROWTH} times)",
            f"{memory:.2f} ({sizes})",
            judge(memory, TARGET_MEMORY_GROWTH, at_least=False),
        ),
    )


def _diagram(sizes: list[HistorySize]) -> Diagram:
    return Diagram(
        name="aggregation-history",
        title="One aggregation against the history behind it",
        x="orders of history",
        y="ms",
        log_x=True,
        log_y=True,
        curves=(
            Curve("a pass, p50", tuple(Point(one.history, one.passes.p50) for one in sizes)),
            Curve("a pass, p99", tuple(Point(one.history, one.passes.p99) for one in sizes)),
            Curve("full GROUP BY", tuple(Point(one.history, one.naive_ms) for one in sizes)),
        ),
    )
