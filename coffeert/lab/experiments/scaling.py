"""What the intake's rate depends on: one setting changed at a time, and a second worker."""

from __future__ import annotations

from statistics import median

from coffeert.lab.bare_loops import serve_orders
from coffeert.lab.baselines import BaselineJob, start_baseline
from coffeert.lab.environment import connection_to, free_port
from coffeert.lab.harness import (
    Harness,
    LoadRun,
    load_baseline,
    median_rate,
    server_under_test,
)
from coffeert.lab.resource_usage import CORES
from coffeert.lab.results import Experiment, Measurement, Metric, Verdict, judge

TARGET_SPEEDUP, TARGET_LOOP_RATIO = 1.5, 0.55
_CORES_FOR_TWO_WORKERS = 4  # with the generator's and PostgreSQL's
_CONNECTIONS = (1, 8, 256)
_SETTINGS: tuple[tuple[str, dict[str, object]], ...] = (
    ("batches of at most 64", {"max_batch_rows": 64}),
    ("batches of at most 2,000", {"max_batch_rows": 2_000}),
    ("one writer", {"max_concurrent_commits": 1}),
    ("four writers", {"max_concurrent_commits": 4}),
    ("a pool of 16", {"database_pool_size": 16}),
    ("live view off", {"live_updates": "off"}),
)
_DATABASE: tuple[tuple[str, str], ...] = (
    ("without the index on placed_at", "DROP INDEX orders_placed_at"),
    ("without the index on voids", "DROP INDEX orders_voids"),
    ("without the index on xid", "DROP INDEX orders_xid"),
)


async def vary_settings(harness: Harness) -> list[Measurement]:
    """Measure the closed loop with one thing changed at a time."""
    return [
        *await _vary_connections(harness),
        *[await _measure(harness, label, settings) for label, settings in _SETTINGS],
        await _aggregator_elsewhere(harness),
        *[await _measure(harness, label, {}, statement) for label, statement in _DATABASE],
    ]


async def run_workers(harness: Harness) -> Experiment:
    """Measure the closed loop with one worker and with two, in turn, as many connections for each."""
    runs: dict[int, list[LoadRun]] = {1: [], 2: []}
    loop: list[LoadRun] = []
    for _ in range((harness.preset.repeats + 1) // 2):
        async with start_baseline(serve_orders, BaselineJob(free_port())) as limit:
            loop.append(
                await load_baseline(harness, limit, "bare loop", seconds=harness.preset.seconds)
            )
        for workers, found in runs.items():
            async with server_under_test(harness, workers=workers) as server:
                seconds, connections = harness.preset.seconds, workers * harness.preset.connections
                await server.warm_up(seconds=seconds / 4, connections=connections)
                label = f"{workers} worker{'s' * (workers > 1)}, {connections} connections"
                found.append(await server.measure(label, seconds=seconds, connections=connections))
    raw = median_rate(runs[2]) / median_rate(runs[1])
    one, two = _rate_per_core(runs[1]), _rate_per_core(runs[2])
    speedup = 2 * two / one if one else 0.0
    of_loop = two / bare if (bare := _rate_per_core(loop)) else 0.0
    return Experiment(
        name="workers",
        question="What does a second worker bring?",
        measurements=tuple(run.measurement for found in (loop, *runs.values()) for run in found),
        metrics=(
            Metric("raw_speedup", round(raw, 2)),
            Metric("per_core_one", round(one), "orders/s"),
            Metric("per_core_two", round(two), "orders/s"),
            Metric("cpu_one", round(1e6 / one, 1) if one else 0.0, "us"),
            Metric("cpu_two", round(1e6 / two, 1) if two else 0.0, "us"),
            Metric("speedup", round(speedup, 2)),
            Metric("of_loop", round(of_loop, 3)),
        ),
        verdicts=(
            Verdict(
                f"two workers at least {TARGET_SPEEDUP} times one, a core for each",
                f"{speedup:.2f}",
                judge(speedup, TARGET_SPEEDUP, at_least=True, valid=one > 0),
                f"2 x {two:,.0f} orders/s per core of two workers / {one:,.0f} of one; as they "
                f"shared this machine with the generator and PostgreSQL: {raw:.2f}",
            ),
            Verdict(
                f"two workers, a core for each, at least {TARGET_LOOP_RATIO} of two bare loops",
                f"{of_loop:.2f}",
                judge(
                    of_loop,
                    TARGET_LOOP_RATIO,
                    at_least=True,
                    valid=CORES >= _CORES_FOR_TWO_WORKERS and of_loop > 0,
                ),
                f"needs {_CORES_FOR_TWO_WORKERS} cores, and this machine has {CORES}"
                if CORES < _CORES_FOR_TWO_WORKERS
                else f"{two:,.0f} orders/s per core of {bare:,.0f}",
            ),
        ),
        notes=(
            "On a machine that generator, PostgreSQL and servers fill, a second worker can only take "
            "CPU from the others. What counts is whether an order costs more CPU with two: orders/s "
            "divided by the cores that the servers used is what one worker does with a core of its "
            "own, and two workers with a core each do twice what each does per core. Each worker has "
            f"{harness.preset.connections} connections: if two shared the same ones, both would work at "
            "half the concurrency, in batches of half the size, which costs one worker alone just as "
            "much more.",
        ),
    )


def _rate_per_core(runs: list[LoadRun]) -> float:
    found = [run.rate / run.server_cores for run in runs if run.server_cores]
    return median(found) if found else 0.0


async def _vary_connections(harness: Harness) -> list[Measurement]:
    seconds = harness.preset.seconds / 2
    async with server_under_test(harness) as server:
        runs = [
            await server.measure(f"{count} connections", connections=count, seconds=seconds)
            for count in _CONNECTIONS
        ]
        return [run.measurement for run in runs]


async def _aggregator_elsewhere(harness: Harness) -> Measurement:
    label = "aggregator in another process"
    async with (
        harness.environment.database() as database_url,
        # Only aggregates: the load goes to the other server.
        harness.environment.server(database_url, live_updates="off"),
        server_under_test(harness, database_url, run_aggregator="false") as server,
    ):
        return (await server.measure(label, seconds=harness.preset.seconds / 2)).measurement


async def _measure(
    harness: Harness, label: str, settings: dict[str, object], statement: str = ""
) -> Measurement:
    async with harness.environment.database() as database_url:
        if statement:
            async with connection_to(database_url) as connection:
                await connection.execute(statement)
        async with server_under_test(harness, database_url, **settings) as server:
            return (await server.measure(label, seconds=harness.preset.seconds / 2)).measurement
