"""The report: figures and tables put into the text of `report_template.md`.

In it `{{intake.rate}}` stands for a metric; `{{table:intake}}`, `{{usage:intake}}`, `{{diagrams:intake}}`
and `{{notes:intake}}` for what an experiment found; `{{machine}}` and `{{verdicts}}` for the run. So the
text outlives every new run.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path

import msgspec

from coffeert.errors import ConfigError
from coffeert.lab.charts import svg_chart
from coffeert.lab.resource_usage import median_other_cores
from coffeert.lab.results import Correctness, Experiment, Measurement, ResourceUsage, Results

_PLACE = re.compile(r"\{\{([a-z_:.0-9-]+)\}\}")
_ABSENT = "not measured in this run"
_RESULTS_FILE = "results.json"


def write_results(results: Results, out: Path, report: Path) -> None:
    """Write `results.json` and the diagrams into a directory, and the report that shows them."""
    out.mkdir(parents=True, exist_ok=True)
    encoded = msgspec.json.format(msgspec.json.encode(results), indent=1)
    (out / _RESULTS_FILE).write_bytes(encoded + b"\n")
    _write_report(results, out, report)


def rewrite_report(out: Path, report: Path) -> None:
    """Write the report of an earlier run again; raises `ConfigError` if its results cannot be read."""
    path = out / _RESULTS_FILE
    try:
        results = msgspec.json.decode(path.read_bytes(), type=Results)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from None
    except msgspec.DecodeError:
        raise ConfigError(f"{path} is not a result of this version of the lab.") from None
    _write_report(results, out, report)


def _write_report(results: Results, out: Path, report: Path) -> None:
    for experiment in results.experiments:
        for diagram in experiment.diagrams:
            (out / f"{diagram.name}.svg").write_text(svg_chart(diagram), encoding="utf-8")
    relative = os.path.relpath(out, report.parent)
    text = render_report(results, "" if relative == "." else f"{Path(relative).as_posix()}/")
    report.write_text(text, encoding="utf-8")


def render_report(results: Results, directory: str = "") -> str:
    """Fill the template; `directory` is prepended to each diagram's file name."""
    template = files("coffeert.lab").joinpath("report_template.md").read_text("utf-8")
    by_name = {experiment.name: experiment for experiment in results.experiments}

    def fill(place: re.Match[str]) -> str:
        return _filled(place[1], results, by_name, directory)

    return _PLACE.sub(fill, template)


def _filled(place: str, results: Results, by_name: Mapping[str, Experiment], directory: str) -> str:
    if place == "machine":
        return _machine(results)
    if place == "verdicts":
        return _verdicts(results)
    kind, _, name = place.partition(":")
    if not name:
        name, _, metric = place.partition(".")
        value = by_name[name].metric(metric) if name in by_name else None
        return f"({_ABSENT})" if value is None else _number(value)
    experiment = by_name.get(name)
    if experiment is None:
        return f"*{name}: {_ABSENT}.*"
    render: dict[str, Callable[[Experiment], str]] = {
        "table": _measurements,
        "usage": _usages,
        "notes": lambda one: "\n\n".join(one.notes),
        "diagrams": lambda one: "\n\n".join(
            f"![{diagram.title}]({directory}{diagram.name}.svg)" for diagram in one.diagrams
        ),
    }
    return render[kind](experiment)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
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
    return _table(("experiment", "target", "measured", "", "note"), rows)


def _measurements(experiment: Experiment) -> str:
    head = (
        "load", "offered", "good", "errors", "503", "p50 ms", "p99 ms", "p99.9 ms", "max ms",
        "lost / duplicated / rollups exact", "remarks",
    )  # fmt: skip
    return _table(head, [_measurement(one) for one in experiment.measurements])


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


def _usages(experiment: Experiment) -> str:
    rows = [_usage(one.label, one.usage) for one in experiment.measurements if one.usage]
    if not rows:
        return ""
    head = (
        "load", "server", "PostgreSQL", "Redis", "generator", "others", "loop lag p95 ms",
        "what PostgreSQL waited for",
    )  # fmt: skip
    return _table(head, rows)


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
    return _table(
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
