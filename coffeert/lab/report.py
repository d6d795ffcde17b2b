"""The written report: figures and tables put into a text that people have written.

The text lies in `report_template.md`. `{{intake.rate}}` stands for a figure, `{{table:intake}}`,
`{{evidence:intake}}`, `{{pictures:intake}}` and `{{notes:intake}}` for what an experiment found, and
`{{machine}}` and `{{verdicts}}` for the run. `{{says:overload_kept}}` is a sentence that depends on the
figures (`conclusions.py`). So the interpretation outlives every new run.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import msgspec

from coffeert.errors import ConfigError
from coffeert.lab import tables
from coffeert.lab.conclusions import SENTENCES, Unknown, figure
from coffeert.lab.results import Experiment, Results
from coffeert.lab.svg import chart

_PLACE = re.compile(r"\{\{([a-z_:.0-9-]+)\}\}")
_ABSENT = "not measured in this run"
_RESULTS = "results.json"


def write_results(results: Results, out: Path, report: Path) -> None:
    """Write `results.json` and the pictures into a directory, and the report that shows them."""
    out.mkdir(parents=True, exist_ok=True)
    encoded = msgspec.json.format(msgspec.json.encode(results), indent=1)
    (out / _RESULTS).write_bytes(encoded + b"\n")
    write_report(results, out, report)


def rewrite_report(out: Path, report: Path) -> None:
    """Write the report anew from the results of an earlier run; raises `ConfigError` without any."""
    try:
        results = msgspec.json.decode((out / _RESULTS).read_bytes(), type=Results)
    except OSError as error:
        raise ConfigError(f"{out / _RESULTS} cannot be read: {error.strerror}.") from None
    except msgspec.DecodeError:
        raise ConfigError(f"{out / _RESULTS} is not a result of this version of the lab.") from None
    write_report(results, out, report)


def write_report(results: Results, out: Path, report: Path) -> None:
    """Write the pictures into a directory, and the report that shows them."""
    for experiment in results.experiments:
        for picture in experiment.pictures:
            (out / f"{picture.name}.svg").write_text(chart(picture), encoding="utf-8")
    way = os.path.relpath(out, report.parent)
    text = written(results, pictures="" if way == "." else f"{Path(way).as_posix()}/")
    report.write_text(text, encoding="utf-8")


def written(results: Results, pictures: str = "") -> str:
    """Fill the text with the results; `pictures` is put before each picture's file name."""
    template = files("coffeert.lab").joinpath("report_template.md").read_text("utf-8")
    by_name = {experiment.name: experiment for experiment in results.experiments}

    def fill(place: re.Match[str]) -> str:
        return _filled(place[1], results, by_name, pictures)

    return _PLACE.sub(fill, template)


def _filled(place: str, results: Results, by_name: dict[str, Experiment], pictures: str) -> str:
    if place == "machine":
        return tables.machine(results)
    if place == "verdicts":
        return tables.verdicts(results)
    kind, _, name = place.partition(":")
    try:
        if kind == "says":
            return SENTENCES[name](by_name)
        if not name:
            return _number(figure(by_name, place))
    except Unknown:
        return f"({_ABSENT})"
    experiment = by_name.get(name)
    if experiment is None:
        return f"*{name}: {_ABSENT}.*"
    writers: dict[str, Callable[[Experiment], str]] = {
        "table": tables.measurements,
        "evidence": tables.evidence,
        "notes": lambda one: "\n\n".join(one.notes),
        "pictures": lambda one: "\n\n".join(
            f"![{picture.title}]({pictures}{picture.name}.svg)" for picture in one.pictures
        ),
    }
    return writers[kind](experiment)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
