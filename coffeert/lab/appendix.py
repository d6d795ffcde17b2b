"""The appendix of the report: every measurement of a run, as tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from coffeert.lab.resource_usage import median_other_cores
from coffeert.lab.results import Correctness, Experiment, Measurement, ResourceUsage, Results

_HEAD = """# All measurements

Written by `coffeert lab`, beside the report, which explains the words. `good`: stored and answered within
the objective (100 ms in the open loops of the intake, a second in the overload, the target in "order to the
screen"); in a closed loop (offered: empty) what was stored. "Browser" requests have what Chromium sends and
a new `X-Request-Id` each time; others the fewest header fields that work. CPU is in cores; at 0.92 of the
generator's nothing is concluded. Loop lag is how long a server's `/livez` took under the load. PostgreSQL's
waits are samples of `pg_stat_activity`, 20 a second.
"""


def render_appendix(results: Results) -> str:
    """Return the appendix as Markdown."""
    parts = [_HEAD, "## The machine", _machine(results), "## The targets", _verdicts(results)]
    for experiment in results.experiments:
        parts += [f"## {experiment.name}", experiment.question, _measurements(experiment)]
        parts += [*experiment.notes, _usages(experiment)]
        parts += [f"![{diagram.title}]({diagram.name}.svg)" for diagram in experiment.diagrams]
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def correctness_line(experiments: Iterable[Experiment]) -> str:
    """Say how many orders were lost, duplicated and counted wrongly in all loads of experiments."""
    found = [
        one.correctness
        for experiment in experiments
        for one in experiment.measurements
        if one.correctness is not None
    ]
    if not found:
        return "no load was checked."
    lost, duplicated = sum(one.lost for one in found), sum(one.duplicated for one in found)
    wrong = sum(not one.exact for one in found)
    exact = f"rollups wrong in {wrong:,}" if wrong else "every rollup equal to the orders"
    return (
        f"{len(found):,} loads, {sum(one.acknowledged for one in found):,} orders acknowledged: "
        f"{lost:,} lost, {duplicated:,} duplicated, {exact}."
    )


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _verdicts(results: Results) -> str:
    rows = [
        (experiment.name, verdict.target, verdict.measured, f"**{verdict.outcome}**", verdict.note)
        for experiment in results.experiments
        for verdict in experiment.verdicts
    ]
    return table(("experiment", "target", "measured", "", "note"), rows)


def _measurements(experiment: Experiment) -> str:
    head = (
        "load", "offered", "good", "errors", "503", "p50 ms", "p99 ms", "p99.9 ms", "max ms",
        "lost / duplicated / rollups exact", "remarks",
    )  # fmt: skip
    return table(head, [_measurement(one) for one in experiment.measurements])


def _measurement(one: Measurement) -> tuple[str, ...]:
    latency = one.latency
    times = (
        (latency.p50, latency.p99, latency.p99_9, latency.max) if latency and latency.count else ()
    )
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


def _usages(experiment: Experiment) -> str:
    rows = [_usage(one.label, one.usage) for one in experiment.measurements if one.usage]
    if not rows:
        return ""
    head = (
        "load", "server", "PostgreSQL", "Redis", "generator", "others", "loop lag p95 ms",
        "what PostgreSQL waited for",
    )  # fmt: skip
    return table(head, rows)


def _usage(label: str, one: ResourceUsage) -> tuple[str, ...]:
    cores = (
        one.server_cores, one.postgres_cores, one.redis_cores, one.generator_cores, one.others_cores,
    )  # fmt: skip
    waits = ", ".join(f"{wait.event} {wait.share:.0%}" for wait in one.waits)
    return (label, *(f"{used:.2f}" for used in cores), f"{one.loop_lag_ms:.1f}", waits)


def _machine(results: Results) -> str:
    machine = results.machine
    packages = ", ".join(f"{package.name} {package.version}" for package in machine.packages)
    others = median_other_cores(*results.experiments)
    return table(
        ("", ""),
        [
            ("processor", f"{machine.cpu}, {machine.cores} cores"),
            ("memory", f"{machine.memory_gib:g} GiB"),
            ("system", machine.system),
            ("Python", machine.python),
            ("packages", packages),
            *([("conditions", results.conditions)] if results.conditions else []),
            ("load average at the start", f"{machine.load:g}"),
            ("CPU used by other programs", f"{others:.2f} cores (median)"),
            (
                "run",
                f"{results.started}, {results.preset}, seed {results.seed}, "
                f"{results.seconds / 60:.1f} minutes",
            ),
        ],
    )
