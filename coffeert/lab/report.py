"""The written report: figures and tables put into a text that people have written.

The text lies in `report_template.md`. `{{intake.rate}}` stands for a figure, `{{table:intake}}`,
`{{evidence:intake}}`, `{{pictures:intake}}` and `{{notes:intake}}` for what an experiment found, and
`{{machine}}` and `{{verdicts}}` for the run. So the interpretation outlives every new run.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import msgspec

from coffeert.lab import tables
from coffeert.lab.results import Experiment, Results
from coffeert.lab.svg import chart

_PLACE = re.compile(r"\{\{([a-z_:.0-9-]+)\}\}")
_ABSENT = "not measured in this run"


def write_report(results: Results, out: Path, *, report: str = "SCALE.md") -> Path:
    """Write `results.json`, the pictures and the report into a directory; return the report's path."""
    out.mkdir(parents=True, exist_ok=True)
    encoded = msgspec.json.format(msgspec.json.encode(results), indent=1)
    (out / "results.json").write_bytes(encoded + b"\n")
    for experiment in results.experiments:
        for picture in experiment.pictures:
            (out / f"{picture.name}.svg").write_text(chart(picture), encoding="utf-8")
    path = out / report
    path.write_text(written(results), encoding="utf-8")
    return path


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
    if not name:
        return _figure(place, by_name)
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


def _figure(place: str, by_name: dict[str, Experiment]) -> str:
    name, _, figure = place.partition(".")
    value = by_name[name].figure(figure) if name in by_name else None
    if value is None:
        return f"({_ABSENT})"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,g}"
