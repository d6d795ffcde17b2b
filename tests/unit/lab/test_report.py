"""The written report: figures in their places, and a text that any run can fill."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffeert.errors import ConfigError
from coffeert.lab.conclusions import SENTENCES
from coffeert.lab.latency import Latencies
from coffeert.lab.machine import Machine
from coffeert.lab.plot import printed
from coffeert.lab.report import rewrite_report, write_results, written
from coffeert.lab.results import (
    Correctness,
    Curve,
    Evidence,
    Experiment,
    Figure,
    Measurement,
    Picture,
    Point,
    Results,
    Verdict,
    Wait,
)
from coffeert.lab.run import EXPERIMENTS, chosen
from coffeert.lab.svg import chart

PICTURE = Picture(
    name="a-picture", title="Rate < time", x="orders/s", y="ms", log_y=True,
    curves=(Curve("p50", (Point(10, 1.5), Point(20, 300))), Curve("p99", (Point(10, 4),))),
)  # fmt: skip
MEASUREMENT = Measurement(
    label="single | orders", offered=100.0, good=99.5, shed=3,
    latency=Latencies.of([0.001, 0.02]),
    evidence=Evidence(
        server_cores=0.5, postgres_cores=0.25, redis_cores=0.01, generator_cores=0.2,
        others_cores=0.75, loop_lag_ms=1.5, waits=(Wait("IO:WalSync", 0.6),),
    ),
    correctness=Correctness(sent=10, acknowledged=9, stored=10, lost=0, duplicated=0, exact=True),
)  # fmt: skip


def _results(*experiments: Experiment) -> Results:
    return Results(
        machine=Machine.here(), started="2026-01-01T00:00:00+00:00", effort="tiny", seed=1,
        seconds=1.0, experiments=experiments,
    )  # fmt: skip


def _intake(correctness: Correctness | None = None) -> Experiment:
    measurement = msgspec.structs.replace(
        MEASUREMENT, correctness=correctness or MEASUREMENT.correctness
    )
    return Experiment(
        name="intake", question="Where?", measurements=(measurement,),
        figures=(Figure("rate", 12_345.0, "orders/s"),), pictures=(PICTURE,),
        verdicts=(Verdict("fast enough", "0.9", "holds"),),
    )  # fmt: skip


def test_figures_tables_and_pictures_are_put_into_the_text(tmp_path: Path) -> None:
    write_results(_results(_intake()), tmp_path, tmp_path / "SCALE.md")
    report = (tmp_path / "SCALE.md").read_text("utf-8")
    assert "12,345" in report
    assert "single \\| orders" in report
    assert "0 / 0 / yes" in report
    assert "IO:WalSync 60%" in report
    assert "![Rate < time](a-picture.svg)" in report
    assert (tmp_path / "a-picture.svg").exists()
    assert "{{" not in report


def test_an_inexact_rollup_cannot_be_overlooked() -> None:
    wrong = Correctness(sent=10, acknowledged=10, stored=9, lost=1, duplicated=2, exact=False)
    assert "1 / 2 / NO" in written(_results(_intake(wrong)))
    assert not wrong.clean


def test_results_can_be_read_back(tmp_path: Path) -> None:
    results = _results(_intake())
    write_results(results, tmp_path, tmp_path / "SCALE.md")
    raw = (tmp_path / "results.json").read_bytes()
    assert msgspec.json.decode(raw, type=Results) == results


def test_the_report_can_lie_elsewhere_and_be_written_anew(tmp_path: Path) -> None:
    out, report = tmp_path / "scale", tmp_path / "SCALE.md"
    write_results(_results(_intake()), out, report)
    first = report.read_text("utf-8")
    assert "](scale/a-picture.svg)" in first
    report.unlink()
    rewrite_report(out, report)
    assert report.read_text("utf-8") == first
    with pytest.raises(ConfigError, match=r"results\.json cannot be read"):
        rewrite_report(tmp_path, report)


def test_what_was_not_run_is_said_to_be_missing() -> None:
    assert "not measured in this run" in written(_results())


def test_every_place_of_the_text_names_an_experiment() -> None:
    text = files("coffeert.lab").joinpath("report_template.md").read_text("utf-8")
    places = re.findall(r"\{\{([^}]+)\}\}", text)
    assert places
    for place in places:
        if place in ("machine", "verdicts"):
            continue
        if place.startswith("says:"):
            assert place.removeprefix("says:") in SENTENCES
            continue
        name = place.partition(":")[2] or place.partition(".")[0]
        assert name in EXPERIMENTS, place


def test_a_chart_is_well_formed_and_within_its_frame() -> None:
    root = ElementTree.fromstring(chart(PICTURE))
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    circles = [node for node in root.iter() if node.tag.endswith("circle")]
    assert len(circles) == 3
    for circle in circles:
        assert 0 <= float(circle.attrib["cx"]) <= width
        assert 0 <= float(circle.attrib["cy"]) <= height


positive = st.floats(min_value=1e-3, max_value=1e7)


@given(st.lists(st.tuples(positive, positive), min_size=1), st.booleans(), st.booleans())
def test_any_figures_can_be_drawn(
    pairs: list[tuple[float, float]], log_x: bool, log_y: bool
) -> None:
    points = tuple(Point(*pair) for pair in pairs)
    picture = Picture(
        name="p", title="t", x="x", y="y", curves=(Curve("c", points),), log_x=log_x, log_y=log_y
    )
    assert len(ElementTree.fromstring(chart(picture))) > len(points)


def test_pictures_are_printed_with_their_title_and_scale() -> None:
    text = re.sub(r"\x1b\[[0-9;]*m", "", printed(PICTURE, 60))
    assert "Rate < time" in text
    assert "300" in text


def test_experiments_are_run_in_their_own_order() -> None:
    assert chosen(()) == chosen(("redis", "all")) == EXPERIMENTS
    assert chosen(("redis", "intake")) == ("intake", "redis")
    with pytest.raises(ConfigError, match="no experiment 'kafka'"):
        chosen(("kafka",))
