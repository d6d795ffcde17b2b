"""Results as Markdown tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from coffeert.lab.disturbance import others_during
from coffeert.lab.results import Correctness, Evidence, Experiment, Measurement, Results


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def verdicts(results: Results) -> str:
    """Write every target and whether it holds."""
    rows = [
        (experiment.name, verdict.target, verdict.measured, f"**{verdict.held}**", verdict.note)
        for experiment in results.experiments
        for verdict in experiment.verdicts
    ]
    return table(("experiment", "target", "measured", "", "note"), rows)


def measurements(experiment: Experiment) -> str:
    """Write every measurement of an experiment, its correctness beside it."""
    head = (
        "load", "offered", "good", "errors", "503", "p50 ms", "p99 ms", "p99.9 ms", "max ms",
        "lost / duplicated / rollup = truth", "remarks",
    )  # fmt: skip
    return table(head, [_measurement(one) for one in experiment.measurements])


def evidence(experiment: Experiment) -> str:
    """Write what was busy during the measurements that were watched; empty where none was."""
    rows = [_evidence(one.label, one.evidence) for one in experiment.measurements if one.evidence]
    if not rows:
        return ""
    head = (
        "load", "server", "PostgreSQL", "Redis", "generator", "others", "loop lag p95 ms",
        "what PostgreSQL waited for",
    )  # fmt: skip
    return table(head, rows)


def machine(results: Results) -> str:
    """Write what the run was made on."""
    here = results.machine
    packages = ", ".join(f"{package.name} {package.version}" for package in here.packages)
    return table(
        ("", ""),
        [
            ("processor", f"{here.cpu}, {here.cores} cores"),
            ("memory", f"{here.memory_gib:g} GiB"),
            ("system", here.system),
            ("Python", here.python),
            ("packages", packages),
            *([("conditions", results.conditions)] if results.conditions else []),
            ("load average at the start", f"{here.load:g}"),
            (
                "CPU used by others meanwhile",
                f"{others_during(*results.experiments):.2f} cores (median)",
            ),
            (
                "run",
                f"{results.started}, {results.effort}, seed {results.seed}, "
                f"{results.seconds / 60:.1f} minutes",
            ),
        ],
    )


def _measurement(one: Measurement) -> tuple[str, ...]:
    latency = one.latency
    times = (latency.p50, latency.p99, latency.p99_9, latency.max) if latency else ()
    return (
        one.label,
        f"{one.offered:,.0f}" if one.offered else "",
        f"{one.good:,.{0 if one.good >= 100 else 2}f} {one.unit}" if one.good else "",
        f"{one.errors:,}",
        f"{one.shed:,}",
        *(f"{time:,.1f}" for time in times),
        *("" for _ in range(4 - len(times))),
        _correctness(one.correctness),
        one.note,
    )


def _correctness(one: Correctness | None) -> str:
    if one is None:
        return "–"
    return f"{one.lost:,} / {one.duplicated:,} / {'yes' if one.exact else 'NO'}"


def _evidence(label: str, one: Evidence) -> tuple[str, ...]:
    cores = (
        one.server_cores, one.postgres_cores, one.redis_cores, one.generator_cores, one.others_cores,
    )  # fmt: skip
    waits = ", ".join(f"{wait.event} {wait.share:.0%}" for wait in one.waits)
    return (label, *(f"{used:.2f}" for used in cores), f"{one.loop_lag_ms:.1f}", waits)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
