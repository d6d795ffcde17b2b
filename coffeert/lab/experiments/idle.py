"""What does it cost when nothing happens? Starting on existing data, and standing by."""

from __future__ import annotations

import asyncio
from statistics import median

from coffeert.lab.bench import Bench, subject
from coffeert.lab.evidence import cpu_seconds
from coffeert.lab.results import Experiment, Figure, Measurement, Verdict, judge

START_WANTED, CPU_WANTED = 1.5, 0.02


async def run(bench: Bench) -> Experiment:
    """Start the server over and over on data, then let it stand with nobody there."""
    seconds = bench.effort.idle_seconds
    async with bench.stage.database() as database_url:
        async with subject(bench, database_url=database_url) as server:
            filled = await server.measure("some data", rate=500.0, seconds=bench.effort.seconds)
        starts = []
        for number in range(max(3, bench.effort.repeats)):
            bench.tell(f"start {number + 1}")
            async with bench.stage.server(database_url) as running:
                starts.append(running.started_in)
        bench.tell("idle")
        async with bench.stage.server(database_url) as running:
            await asyncio.sleep(min(2.0, seconds))
            before = cpu_seconds(running.processes())
            postgres = cpu_seconds(bench.stage.postgres_processes())
            await asyncio.sleep(seconds)
            cpu = (cpu_seconds(running.processes()) - before) / seconds
            postgres = (cpu_seconds(bench.stage.postgres_processes()) - postgres) / seconds
            memory = running.memory()
    start = median(starts)
    return Experiment(
        name="idle",
        question="What does it cost when nothing happens?",
        measurements=(
            filled.measurement,
            Measurement(
                label="start to ready", good=round(start, 3), unit="s",
                note="each: " + ", ".join(f"{took:.2f}" for took in starts),
            ),
            Measurement(
                label="idle CPU of the server", good=round(cpu * 100, 2), unit="% of a core",
                note=f"PostgreSQL {postgres:.1%}; memory {memory / 2**20:.0f} MiB",
            ),
        ),
        figures=(
            Figure("start_s", round(start, 2), "s"),
            Figure("idle_cpu", round(cpu * 100, 2), "%"),
            Figure("memory_mib", round(memory / 2**20), "MiB"),
        ),
        verdicts=(
            Verdict(
                f"cold start on existing data at most {START_WANTED:g} s",
                f"{start:.2f} s",
                judge(start, START_WANTED, at_least=False),
            ),
            Verdict(
                f"idle CPU at most {CPU_WANTED:.0%}",
                f"{cpu:.1%}",
                judge(cpu, CPU_WANTED, at_least=False),
            ),
        ),
    )  # fmt: skip
