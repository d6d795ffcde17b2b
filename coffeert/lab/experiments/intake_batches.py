"""Orders as NDJSON, beside COPY and beside a bare loop that only decodes them."""

from __future__ import annotations

from statistics import median
from typing import Any, NamedTuple

from coffeert.lab.bare_loops import serve_orders
from coffeert.lab.baselines import BaselineJob, copy_rate, start_baseline
from coffeert.lab.environment import free_port
from coffeert.lab.harness import (
    Harness,
    LoadRun,
    cpu_per_order,
    describe_cpu,
    load_baseline,
    median_rate,
    server_under_test,
)
from coffeert.lab.results import Metric, Verdict, judge

BATCH_LINES = 5_000
TARGET_COPY_RATIO, TARGET_LOOP_RATIO = 0.40, 0.20


class BatchRuns(NamedTuple):
    """What was measured; `copied` are rows a second of COPY.

    `single`: over one connection, and `single_loop` the bare loop's beside it.
    """

    batch: list[LoadRun]
    copied: list[float]
    single: list[LoadRun]
    single_loop: list[LoadRun]

    @property
    def runs(self) -> tuple[LoadRun, ...]:
        return (*self.batch, *self.single, *self.single_loop)

    @property
    def copy_ratio(self) -> float:
        """NDJSON's rate as a share of COPY's."""
        return median_rate(self.batch) / median(self.copied)

    @property
    def loop_ratio(self) -> float:
        """The bare loop's CPU of an order over one connection as a share of the server's."""
        server = cpu_per_order(self.single)[0]
        return cpu_per_order(self.single_loop)[0] / server if server else 0.0

    def metrics(self) -> tuple[Metric, ...]:
        postgres = cpu_per_order(self.single)[1]
        return (
            Metric("batch_rate", round(median_rate(self.batch)), "orders/s"),
            Metric("copy_rate", round(median(self.copied)), "orders/s"),
            Metric("batch_ratio", round(self.copy_ratio, 3)),
            Metric("batch_single_rate", round(median_rate(self.single)), "orders/s"),
            Metric("batch_loop_rate", round(median_rate(self.single_loop)), "orders/s"),
            Metric("batch_cpu", round(cpu_per_order(self.single)[0], 1), "us"),
            *([Metric("batch_postgres_cpu", round(postgres, 1), "us")] if postgres else []),
            Metric("batch_loop_cpu", round(cpu_per_order(self.single_loop)[0], 1), "us"),
            Metric("batch_loop_ratio", round(self.loop_ratio, 3)),
        )

    def verdicts(self) -> tuple[Verdict, ...]:
        server, postgres = cpu_per_order(self.single)
        return (
            Verdict(
                f"NDJSON at least {TARGET_COPY_RATIO} of COPY",
                f"{self.copy_ratio:.2f}",
                judge(self.copy_ratio, TARGET_COPY_RATIO, at_least=True),
                f"{median_rate(self.batch):,.0f} orders/s of {median(self.copied):,.0f}",
            ),
            Verdict(
                f"NDJSON over one connection, a core for each process: at least {TARGET_LOOP_RATIO} of a "
                "bare loop that only decodes",
                f"{self.loop_ratio:.2f}",
                judge(self.loop_ratio, TARGET_LOOP_RATIO, at_least=True, valid=server > 0),
                f"CPU of an order: bare loop {cpu_per_order(self.single_loop)[0]:.1f} us, server "
                f"{server:.1f} us, PostgreSQL {describe_cpu(postgres)}; "
                f"{median_rate(self.single):,.0f} orders/s of {median_rate(self.single_loop):,.0f}",
            ),
        )


async def measure_batches(harness: Harness) -> BatchRuns:
    """Load NDJSON, COPY and the bare loop in turn: the same rows; a database each for the first two."""
    preset = harness.preset
    found = BatchRuns([], [], [], [])
    lines = BATCH_LINES if preset.seconds >= 1 else 200
    rows = int(20_000 * preset.seconds)
    load: dict[str, Any] = {"transport": "batch", "lines": lines, "seconds": preset.seconds}
    async with (
        harness.environment.database() as copy_database,
        server_under_test(harness) as server,
        start_baseline(serve_orders, BaselineJob(free_port())) as loop,
    ):
        for _ in range(preset.repeats):
            harness.show_progress("COPY")
            found.copied.append(await copy_rate(copy_database, rows, lines, harness.seed))
            found.batch.append(await server.measure("NDJSON", connections=2, **load))
            found.single.append(
                await server.measure("NDJSON, one connection", connections=1, **load)
            )
            found.single_loop.append(
                await load_baseline(
                    harness, loop, "NDJSON, one connection, bare loop",
                    note="the limit: decodes, and stores nothing", connections=1, **load,
                )
            )  # fmt: skip
    return found
