"""What a second worker brings, with the CPU that the generator and PostgreSQL take set aside."""

from __future__ import annotations

from coffeert.lab.bench import Bench, Run, middle, subject
from coffeert.lab.results import Experiment, Figure, Verdict, judge

SPEEDUP_WANTED = 1.5


async def run(bench: Bench) -> Experiment:
    """Measure the closed loop with one worker and with two, in turn, as many connections for each."""
    runs: dict[int, list[Run]] = {1: [], 2: []}
    for _ in range((bench.effort.repeats + 1) // 2):
        for workers, found in runs.items():
            async with subject(bench, workers=workers) as server:
                seconds, connections = bench.effort.seconds, workers * bench.effort.connections
                await server.warm_up(seconds=seconds / 4, connections=connections)
                label = f"{workers} worker{'s' * (workers > 1)}, {connections} connections"
                found.append(await server.measure(label, seconds=seconds, connections=connections))
    raw = middle(runs[2]) / middle(runs[1])
    one, two = _per_core(runs[1]), _per_core(runs[2])
    speedup = 2 * two / one if one else 0.0
    return Experiment(
        name="workers",
        question="What does a second worker bring?",
        measurements=tuple(run.measurement for found in runs.values() for run in found),
        figures=(
            Figure("raw_speedup", round(raw, 2)),
            Figure("per_core_one", round(one), "orders/s"),
            Figure("per_core_two", round(two), "orders/s"),
            Figure("cpu_one", round(1e6 / one, 1) if one else 0.0, "us"),
            Figure("cpu_two", round(1e6 / two, 1) if two else 0.0, "us"),
            Figure("speedup", round(speedup, 2)),
        ),
        verdicts=(
            Verdict(
                f"two workers at least {SPEEDUP_WANTED} times one, a core for each",
                f"{speedup:.2f}",
                judge(speedup, SPEEDUP_WANTED, at_least=True, valid=one > 0),
                f"2 x {two:,.0f} orders/s per core of two workers / {one:,.0f} of one; as they "
                f"shared this machine with the generator and PostgreSQL: {raw:.2f}",
            ),
        ),
        notes=(
            "On a machine that generator, PostgreSQL and servers fill, a second worker can only take "
            "CPU from the others. What counts is whether an order costs more CPU with two: orders/s "
            "divided by the cores that the servers used is what one worker does with a core of its "
            "own, and two workers with a core each do twice what each does per core. Each worker is "
            f"given {bench.effort.connections} connections: with the same ones shared between two, "
            "both would work at half the concurrency, in batches of half the size, which costs one "
            "worker alone just as much more.",
        ),
    )


def _per_core(runs: list[Run]) -> float:
    found = sorted(
        run.rate / run.measurement.evidence.server_cores
        for run in runs
        if run.measurement.evidence is not None and run.measurement.evidence.server_cores
    )
    return found[len(found) // 2] if found else 0.0
