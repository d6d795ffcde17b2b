"""The report: figures and tables put into the text of `report_template.md`.

In it `{{intake.rate}}` stands for a metric; `{{diagrams:intake}}` and `{{correctness:intake}}` for what an
experiment found; `{{correctness}}`, `{{machine}}` and `{{verdicts}}` for the run, `{{rivals}}` and
`{{rivals-best}}` for that of `coffeert lab rivals`, and `{{out}}` for the directory of the results. So the
text outlives every new run.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Final

import msgspec

from coffeert.errors import ConfigError
from coffeert.lab.appendix import correctness_line, render_appendix
from coffeert.lab.charts import svg_chart
from coffeert.lab.resource_usage import median_other_cores
from coffeert.lab.results import Experiment, Results
from coffeert.lab.rivals.results import (
    RivalResults,
    compare_rivals,
    read_rivals,
    render_rivals,
)

_PLACE = re.compile(r"\{\{([a-z_:.0-9-]+)\}\}")
_ABSENT = "not measured in this run"
RESULTS_FILE: Final = "results.json"
_APPENDIX_FILE: Final = "appendix.md"


def prepare_output(out: Path, report: Path) -> None:
    """Make the directories of results and report; raises `ConfigError` if files cannot be written there.

    It is asked before anything is measured, which may take three quarters of an hour.
    """
    for directory in (out, report.parent):
        try:
            directory.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=directory):
                pass
        except OSError as error:
            raise ConfigError(f"{directory} cannot be written: {error.strerror}.") from None


def write_results(results: Results, out: Path, report: Path) -> None:
    """Write `results.json`, appendix and diagrams into a directory, and the report that shows them."""
    out.mkdir(parents=True, exist_ok=True)
    encoded = msgspec.json.format(msgspec.json.encode(results), indent=1)
    (out / RESULTS_FILE).write_bytes(encoded + b"\n")
    _write_report(results, out, report)


def rewrite_report(out: Path, report: Path) -> None:
    """Write the report of an earlier run again; raises `ConfigError` if its results cannot be read."""
    path = out / RESULTS_FILE
    try:
        results = msgspec.json.decode(path.read_bytes(), type=Results)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from None
    except msgspec.DecodeError:
        raise ConfigError(f"{path} is not a result of this version of the lab.") from None
    prepare_output(out, report)
    _write_report(results, out, report)


def _write_report(results: Results, out: Path, report: Path) -> None:
    for experiment in results.experiments:
        for diagram in experiment.diagrams:
            (out / f"{diagram.name}.svg").write_text(svg_chart(diagram), encoding="utf-8")
    (out / _APPENDIX_FILE).write_text(render_appendix(results), encoding="utf-8")
    relative = os.path.relpath(out, report.parent)
    directory = "" if relative == "." else f"{Path(relative).as_posix()}/"
    report.write_text(render_report(results, directory, read_rivals(out)), encoding="utf-8")


def render_report(results: Results, directory: str = "", rivals: RivalResults | None = None) -> str:
    """Fill the template; `directory` is prepended to each file name."""
    template = files("coffeert.lab").joinpath("report_template.md").read_text("utf-8")
    by_name = {experiment.name: experiment for experiment in results.experiments}
    of_the_run: dict[str, Callable[[], str]] = {
        "machine": lambda: _machine(results),
        "verdicts": lambda: _verdicts(results, directory),
        "correctness": lambda: correctness_line(results.experiments),
        "rivals": lambda: render_rivals(rivals),
        "rivals-best": lambda: compare_rivals(rivals),
        "out": lambda: directory,
    }

    def fill(place: re.Match[str]) -> str:
        render = of_the_run.get(place[1])
        return render() if render else _filled(place[1], by_name, directory)

    return _PLACE.sub(fill, template)


def _filled(place: str, by_name: Mapping[str, Experiment], directory: str) -> str:
    kind, _, name = place.partition(":")
    if not name:
        name, _, metric = place.partition(".")
        value = by_name[name].metric(metric) if name in by_name else None
        return f"({_ABSENT})" if value is None else _number(value)
    experiment = by_name.get(name)
    if experiment is None:
        return f"*{name}: {_ABSENT}.*"
    if kind == "correctness":
        return f"Correctness: {correctness_line([experiment])}"
    return "\n\n".join(
        f"![{diagram.title}]({directory}{diagram.name}.svg)" for diagram in experiment.diagrams
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _verdicts(results: Results, directory: str) -> str:
    """Count the verdicts, and name those that are no pass, the failed ones first."""
    verdicts = [
        (experiment.name, verdict)
        for experiment in results.experiments
        for verdict in experiment.verdicts
    ]
    missed = [
        f"- {name}, **{outcome}**: {verdict.target}: {verdict.measured}"
        + (f" ({verdict.note})" if verdict.note and outcome == "inconclusive" else "")
        for outcome in ("fail", "inconclusive")
        for name, verdict in verdicts
        if verdict.outcome == outcome
    ]
    met = len(verdicts) - len(missed)
    said = (
        f"Of {len(verdicts)} targets {met} are met ([all]({directory}{_APPENDIX_FILE}#the-targets))"
    )
    return "\n".join([said + (":" if missed else "."), *missed])


def _machine(results: Results) -> str:
    machine, others = results.machine, median_other_cores(*results.experiments)
    conditions = f" Conditions: {results.conditions}." if results.conditions else ""
    return (
        f"{machine.cpu}, {machine.cores} cores, {machine.memory_gib:g} GiB, {machine.system}, Python "
        f"{machine.python}; other programs used {others:.2f} cores (median). Run of {results.started}, "
        f"{results.preset}, seed {results.seed}, {results.seconds / 60:.1f} minutes.{conditions}"
    )
