"""Where does batch aggregation break? A pass over 1,000 new orders while the history grows."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC

from coffeert.aggregator.aggregation_pass import LeaderLease, run_pass
from coffeert.aggregator.projection import Projection
from coffeert.lab.bench import Bench
from coffeert.lab.latency import Latencies
from coffeert.lab.results import (
    Correctness,
    Curve,
    Experiment,
    Figure,
    Measurement,
    Picture,
    Point,
    Verdict,
    judge,
)
from coffeert.lab.truth import Truth
from coffeert.postgres.pool import Connection, close, connect
from coffeert.postgres.queries import sql
from coffeert.tasks import end

NEW_ORDERS = 1_000
PASS_WANTED, GROWTH_WANTED = 10.0, 1.3
_MONTH, _MINUTE = 29.9 * 86_400, 30.0
_FILL_AT_ONCE = 500_000
_WARM_UP = 3
_NAIVE_TIMES = 3


class Aggregating:
    """Passes on one database, with the projection that an aggregator keeps."""

    def __init__(self, bench: Bench, connection: Connection, other: Connection) -> None:
        self.connection = connection
        self.other = other
        self._bench = bench
        self._projection: Projection | None = None

    async def fill(self, orders: int, seconds: float) -> None:
        """Store orders of the last `seconds`."""
        for start in range(0, orders, _FILL_AT_ONCE):
            count = min(_FILL_AT_ONCE, orders - start)
            await self.other.execute(sql("lab_fill_orders"), count, seconds, timeout=600)

    async def one(self) -> float:
        """Make a pass; return the seconds it took."""
        began = time.perf_counter()
        made = await run_pass(self.connection, self._projection, UTC, LeaderLease())
        self._projection = made.projection
        return time.perf_counter() - began

    async def timed(self, new: int, over: float = _MINUTE) -> list[float]:
        """Make passes with `new` orders each, spread over the last `over` seconds."""
        times = []
        for number in range(_WARM_UP + self._bench.effort.passes):
            await self.fill(new, over)
            took = await self.one()
            if number >= _WARM_UP:
                times.append(took)
        return times


class Grown:
    """What was measured at one size of history."""

    def __init__(
        self, history: int, passes: Latencies, naive: float, memory: int, catch_up: float
    ) -> None:
        self.history = history
        self.passes = passes
        self.naive_ms = naive * 1e3
        self.memory = memory
        self.catch_up = catch_up


async def run(bench: Bench) -> Experiment:
    """Measure passes over growing histories, and what else could slow them down."""
    grown: list[Grown] = []
    measurements: list[Measurement] = []
    async with (
        bench.stage.database() as url,
        _aggregating(bench, url) as passes,
        Truth(url) as truth,
    ):
        for history in bench.effort.histories:
            found = await _grow(bench, url, passes, history)
            grown.append(found)
            correctness = await _judged(passes, truth)
            measurements += _history_measurements(found, correctness)
        round_trips = Latencies.of([await _timed_statement(passes.connection) for _ in range(200)])
        measurements.append(Measurement(label="SELECT 1", unit="", latency=round_trips))
        varied: dict[str, Latencies] = {}
        for label, measure in _variations(bench, url, passes):
            bench.tell(label)
            varied[label] = Latencies.of(await measure())
        # Judged once for all: sums only grow, so what any of them had counted wrongly would still be.
        bench.tell("verifying")
        correctness = await _judged(passes, truth)
        measurements += [
            Measurement(label=label, unit="", latency=latency, correctness=correctness)
            for label, latency in varied.items()
        ]
    first, last = grown[0], grown[-1]
    growth = last.passes.p50 / first.passes.p50 if first.passes.p50 else 0.0
    memory_growth = last.memory / first.memory if first.memory else 0.0
    return Experiment(
        name="aggregation",
        question="Where does batch aggregation break?",
        measurements=tuple(measurements),
        figures=(
            Figure("pass_p50", last.passes.p50, "ms"),
            Figure("pass_growth", round(growth, 2)),
            Figure("history", last.history, "orders"),
            Figure("naive_ms", round(last.naive_ms, 1), "ms"),
            Figure("round_trip_ms", round_trips.p50, "ms"),
            Figure("catch_up_rate", round(last.catch_up), "orders/s"),
            Figure("memory_mib", round(last.memory / 2**20), "MiB"),
            Figure("memory_growth", round(memory_growth, 3)),
        ),
        pictures=(_picture(grown),),
        verdicts=_verdicts(first, last, growth, memory_growth),
    )


@asynccontextmanager
async def _aggregating(bench: Bench, url: str) -> AsyncIterator[Aggregating]:
    connection = await connect(url, application_name="coffeert lab")
    other = await connect(url, application_name="coffeert lab")
    try:
        yield Aggregating(bench, connection, other)
    finally:
        await close(connection)
        await close(other)


async def _grow(bench: Bench, url: str, passes: Aggregating, history: int) -> Grown:
    bench.tell(f"{history:,} orders of history")
    present: int = await passes.other.fetchval("SELECT count(*) FROM orders")
    missing = max(0, history - present)
    await passes.fill(missing, _MONTH)
    caught_up = await passes.one()
    await passes.other.execute("VACUUM ANALYZE", timeout=600)  # as autovacuum would, in time
    bench.tell(f"passes at {history:,} orders")
    times = await passes.timed(NEW_ORDERS)
    naive = [
        await _timed_statement(passes.other, sql("lab_naive_aggregation"))
        for _ in range(_NAIVE_TIMES)
    ]
    async with bench.stage.server(url, run_aggregator="false") as server:
        memory = server.memory()
    return Grown(history, Latencies.of(times), min(naive), memory, missing / caught_up)


Variation = tuple[str, Callable[[], Awaitable[list[float]]]]


def _variations(bench: Bench, url: str, passes: Aggregating) -> list[Variation]:
    async def while_writing() -> list[float]:
        async with _writer(url):
            return await passes.timed(NEW_ORDERS)

    async def while_held() -> list[float]:
        holder = await connect(url, application_name="coffeert lab")
        try:
            async with holder.transaction():
                await holder.execute(sql("lab_fill_orders"), 10, _MINUTE)
                return await passes.timed(NEW_ORDERS)
        finally:
            await close(holder)

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
    connection = await connect(url, application_name="coffeert lab")

    async def write() -> None:
        while True:
            await connection.execute(sql("lab_fill_orders"), 50, _MINUTE)

    task = asyncio.create_task(write(), name="writer")
    try:
        yield
    finally:
        await end(task)
        await close(connection)


async def _timed_statement(connection: Connection, statement: str = "SELECT 1") -> float:
    began = time.perf_counter()
    await connection.fetchval(statement, timeout=600)
    return time.perf_counter() - began


async def _judged(passes: Aggregating, truth: Truth) -> Correctness:
    await passes.one()
    stored: int = await passes.other.fetchval("SELECT count(*) FROM orders")
    return Correctness(
        sent=stored, acknowledged=stored, stored=stored, lost=0, duplicated=0,
        exact=await truth.exact(),
    )  # fmt: skip


def _history_measurements(found: Grown, correctness: Correctness) -> list[Measurement]:
    return [
        Measurement(
            label=f"a pass with {NEW_ORDERS:,} new orders, history {found.history:,}",
            unit="",
            latency=found.passes,
            correctness=correctness,
            note=f"server memory {found.memory / 2**20:.0f} MiB; "
            f"catching up on the history {found.catch_up:,.0f} orders/s",
        ),
        Measurement(
            label=f"the full GROUP BY of 30 days, history {found.history:,}",
            unit="",
            latency=Latencies.of([found.naive_ms / 1e3]),
            note="what an aggregator without a watermark does each time; the best of three",
        ),
    ]


def _verdicts(first: Grown, last: Grown, growth: float, memory: float) -> tuple[Verdict, ...]:
    sizes = f"{last.history:,} against {first.history:,} orders of history"
    return (
        Verdict(
            f"a pass with {NEW_ORDERS:,} new orders: median at most {PASS_WANTED:g} ms",
            f"{last.passes.p50:.1f} ms at {last.history:,}",
            judge(last.passes.p50, PASS_WANTED, at_least=False),
        ),
        Verdict(
            f"it takes at most {GROWTH_WANTED} times as long with a hundred times the history",
            f"{growth:.2f} ({sizes})",
            judge(growth, GROWTH_WANTED, at_least=False),
        ),
        Verdict(
            "the server's memory is flat in the history (at most 1.1 times)",
            f"{memory:.2f} ({sizes})",
            judge(memory, 1.1, at_least=False),
        ),
    )


def _picture(grown: list[Grown]) -> Picture:
    return Picture(
        name="aggregation-history",
        title="One aggregation against the history behind it",
        x="orders of history",
        y="ms",
        log_x=True,
        log_y=True,
        curves=(
            Curve("a pass, p50", tuple(Point(g.history, g.passes.p50) for g in grown)),
            Curve("a pass, p99", tuple(Point(g.history, g.passes.p99) for g in grown)),
            Curve("full GROUP BY", tuple(Point(g.history, g.naive_ms) for g in grown)),
        ),
    )
