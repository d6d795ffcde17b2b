"""What does it cost when nothing happens? Starting on existing data, and idling."""

from __future__ import annotations

import asyncio
from statistics import median

from coffeert.lab.harness import Harness, server_under_test
from coffeert.lab.resource_usage import cpu_seconds
from coffeert.lab.results import Experiment, Measurement, Metric, Verdict, judge

TARGET_START_SECONDS, TARGET_CPU_SHARE = 1.5, 0.02


async def run_idle(harness: Harness) -> Experiment:
    """Start the server over and over on data, then let it idle without clients."""
    environment, seconds = harness.environment, harness.preset.idle_seconds
    async with environment.database() as database_url:
        async with server_under_test(harness, database_url) as server:
            filled = await server.measure("some data", rate=500.0, seconds=harness.preset.seconds)
        starts = []
        for number in range(max(3, harness.preset.repeats)):
            harness.show_progress(f"start {number + 1}")
            async with environment.server(database_url) as running:
                starts.append(running.started_in)
        harness.show_progress("idle")
        async with environment.server(database_url) as running:
            await asyncio.sleep(min(2.0, seconds))
            before = cpu_seconds(running.processes())
            postgres = cpu_seconds(environment.postgres_processes())
            await asyncio.sleep(seconds)
            cpu = (cpu_seconds(running.processes()) - before) / seconds
            postgres = (cpu_seconds(environment.postgres_processes()) - postgres) / seconds
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
        metrics=(
            Metric("start_s", round(start, 2), "s"),
            Metric("idle_cpu", round(cpu * 100, 2), "%"),
            Metric("memory_mib", round(memory / 2**20), "MiB"),
        ),
        verdicts=(
            Verdict(
                f"cold start on existing data at most {TARGET_START_SECONDS:g} s",
                f"{start:.2f} s",
                judge(start, TARGET_START_SECONDS, at_least=False),
            ),
            Verdict(
                f"idle CPU at most {TARGET_CPU_SHARE:.0%}",
                f"{cpu:.1%}",
                judge(cpu, TARGET_CPU_SHARE, at_least=False),
            ),
        ),
    )  # fmt: skip
