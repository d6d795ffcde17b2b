"""The report: metrics in their places, and a template that any run can fill."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import msgspec
import pytest

from coffeert.errors import ConfigError
from coffeert.lab.appendix import render_appendix
from coffeert.lab.experiments import EXPERIMENTS
from coffeert.lab.report import prepare_output, render_report, rewrite_report, write_results
from coffeert.lab.resource_usage import describe_machine
from coffeert.lab.results import (
    Correctness,
    Curve,
    Diagram,
    Experiment,
    Latencies,
    Measurement,
    Metric,
    Point,
    ResourceUsage,
    Results,
    Verdict,
    WaitEvent,
)
from coffeert.lab.rivals.results import (
    RIVALS_FILE,
    KillOutcome,
    LateOutcome,
    RivalDelay,
    RivalResult,
    RivalResults,
    compare_rivals,
)

DIAGRAM = Diagram(
    name="a-diagram", title="Rate < time", x="orders/s", y="ms", log_y=True,
    curves=(Curve("p50", (Point(10, 1.5), Point(20, 300))), Curve("p99", (Point(10, 4),))),
)  # fmt: skip
MEASUREMENT = Measurement(
    label="single | orders", head="browser", offered=100.0, good=99.5, shed=3,
    latency=Latencies.of([0.001, 0.02]),
    usage=ResourceUsage(
        server_cores=0.5, postgres_cores=0.25, redis_cores=0.01, generator_cores=0.2,
        others_cores=0.75, loop_lag_ms=1.5, waits=(WaitEvent("IO:WalSync", 0.6),),
    ),
    correctness=Correctness(sent=10, acknowledged=9, stored=10, lost=0, duplicated=0, exact=True),
)  # fmt: skip


def _results(*experiments: Experiment) -> Results:
    return Results(
        machine=describe_machine(), started="2026-01-01T00:00:00+00:00", preset="tiny", seed=1,
        seconds=1.0, experiments=experiments,
    )  # fmt: skip


def _intake(correctness: Correctness | None = None) -> Experiment:
    measurement = msgspec.structs.replace(
        MEASUREMENT, correctness=correctness or MEASUREMENT.correctness
    )
    return Experiment(
        name="intake", question="Where?", measurements=(measurement,),
        metrics=(Metric("rate", 12_345.0, "orders/s"),), diagrams=(DIAGRAM,),
        verdicts=(Verdict("fast enough", "0.9", "pass"),),
    )  # fmt: skip


def test_metrics_and_diagrams_fill_the_template_and_the_rest_is_in_the_appendix(
    tmp_path: Path,
) -> None:
    write_results(_results(_intake()), tmp_path, tmp_path / "SCALE.md")
    report = (tmp_path / "SCALE.md").read_text("utf-8")
    assert "12,345" in report
    assert "1 loads, 9 orders acknowledged: 0 lost, 0 duplicated, every rollup equal" in report
    assert "![Rate < time](a-diagram.svg)" in report
    assert (tmp_path / "a-diagram.svg").exists()
    assert "{{" not in report
    assert "](appendix.md)" in report
    appendix = (tmp_path / "appendix.md").read_text("utf-8")
    assert "| single \\| orders | 100 |" in appendix
    assert "![Rate < time](a-diagram.svg)" in appendix
    assert "0 / 0 / yes" in appendix
    assert "IO:WalSync 60%" in appendix
    assert "| intake | fast enough | 0.9 | **pass** |" in appendix


def test_an_inexact_rollup_cannot_be_overlooked() -> None:
    wrong = Correctness(sent=10, acknowledged=10, stored=9, lost=1, duplicated=2, exact=False)
    results = _results(_intake(wrong))
    assert "1 lost, 2 duplicated, rollups wrong in 1." in render_report(results)
    assert "1 / 2 / NO" in render_appendix(results)
    assert not wrong.clean


def test_targets_that_were_missed_are_named_the_failed_ones_first() -> None:
    verdicts = (
        Verdict("met", "1", "pass"), Verdict("unsure", "2", "inconclusive", "2 cores"),
        Verdict("missed", "3", "fail", "a note"),
    )  # fmt: skip
    report = render_report(_results(msgspec.structs.replace(_intake(), verdicts=verdicts)))
    assert (
        "Of 3 targets 1 are met ([all](appendix.md#the-targets)):\n"
        "- intake, **fail**: missed: 3\n- intake, **inconclusive**: unsure: 2 (2 cores)\n" in report
    )


def test_the_report_is_short_enough_to_be_read_to_the_end() -> None:
    missed = tuple(Verdict(f"target {n}", "0", "fail") for n in range(4))
    rivals = RivalResults(
        machine=describe_machine(), started="", seconds=0.0,
        rivals=tuple(RivalResult(name=f"rival {n}", note=f"note {n}") for n in range(9)),
    )  # fmt: skip
    results = _results(msgspec.structs.replace(_intake(), verdicts=missed))
    assert len(render_report(results, "", rivals).splitlines()) <= 200


def test_a_rival_that_is_not_installed_is_named_with_the_reason(tmp_path: Path) -> None:
    rivals = RivalResults(
        machine=msgspec.structs.replace(describe_machine(), cpu="Some CPU", cores=3),
        started="2026-01-02", seconds=90.0,
        rivals=(
            RivalResult(
                name="NATS", version="2", durable="yes", maximum=5_000.4, processes=2, memory_mib=48,
                delays=(RivalDelay(100, 3.04, 13, True), RivalDelay(5_000, 9e3, 2e4, False)),
                kills=(KillOutcome("worker", 100, 100, 0.5),), late=LateOutcome(9, 2, 7, 9, 9),
                note="by hand",
            ),
            RivalResult(name="Kafka", note="by hand"),
            RivalResult(name="Flink", skipped="no Java"),
        ),
    )  # fmt: skip
    (tmp_path / RIVALS_FILE).write_bytes(msgspec.json.encode(rivals))
    write_results(_results(), tmp_path, tmp_path / "SCALE.md")
    report = (tmp_path / "SCALE.md").read_text("utf-8")
    assert "| NATS 2 | yes | 5,000 | 3.0 / 13.0 | – | not reached | 48 | – | 2 |" in report
    assert "| worker: all counted, back in 0.5 s |" in report
    assert "NATS, Kafka: by hand." in report
    assert "| of 9 within a minute: minutes 7, hours 9, days 9 |" in report
    assert "Not here: Flink (no Java)." in report
    assert "Run of 2026-01-02 in 2 minutes on Some CPU, 3 cores." in report


def test_a_sentence_names_who_counts_most_and_who_shows_orders_soonest() -> None:
    def measured(name: str, maximum: float, delay: float, *, reached: bool = True) -> RivalResult:
        delays = (RivalDelay(1_000, delay, 9.0, reached),)
        return RivalResult(name=name, maximum=maximum, delays=delays)

    def compared(*rivals: RivalResult) -> str:
        run = RivalResults(machine=describe_machine(), started="", seconds=0.0, rivals=rivals)
        return compare_rivals(run)

    ours = measured("coffeert (batches)", 300, 15.0), measured("coffeert (single)", 100, 13.0)
    assert compared(
        *ours, measured("NATS", 200, 1.5), measured("Flink", 900, 1.0, reached=False)
    ) == (
        "Flink counts 900 orders/s, coffeert (batches) 300; at 1,000/s NATS shows an order after "
        "1.5 ms (p50), coffeert (single) after 13.0."
    )
    assert compared(*ours, RivalResult(name="NATS", skipped="no")).startswith(
        "(the others were not"
    )
    assert compare_rivals(None).startswith("(the others were not")


def test_a_place_that_cannot_be_written_is_said_before_anything_is_measured(tmp_path: Path) -> None:
    out, report = tmp_path / "new" / "out", tmp_path / "other" / "SCALE.md"
    prepare_output(out, report)
    write_results(_results(), out, report)
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(ConfigError, match=r"file/out cannot be written: Not a directory"):
        prepare_output(file / "out", report)
    with pytest.raises(ConfigError, match=r"file cannot be written: File exists"):
        prepare_output(out, file / "SCALE.md")


def test_results_can_be_read_back(tmp_path: Path) -> None:
    results = _results(_intake())
    write_results(results, tmp_path, tmp_path / "SCALE.md")
    raw = (tmp_path / "results.json").read_bytes()
    assert msgspec.json.decode(raw, type=Results) == results


def test_the_report_can_be_written_again_elsewhere(tmp_path: Path) -> None:
    out, report = tmp_path / "scale", tmp_path / "SCALE.md"
    write_results(_results(_intake()), out, report)
    first = report.read_text("utf-8")
    assert "](scale/a-diagram.svg)" in first
    report.unlink()
    rewrite_report(out, report)
    assert report.read_text("utf-8") == first
    with pytest.raises(ConfigError, match=r"results\.json cannot be read"):
        rewrite_report(tmp_path, report)


def test_what_was_not_run_is_marked_as_missing() -> None:
    assert "not measured in this run" in render_report(_results())


def test_every_place_of_the_template_names_an_experiment() -> None:
    text = files("coffeert.lab").joinpath("report_template.md").read_text("utf-8")
    places = re.findall(r"\{\{([^}]+)\}\}", text)
    assert places
    for place in places:
        if place in ("machine", "verdicts", "correctness", "rivals", "rivals-best", "out"):
            continue
        name = place.partition(":")[2] or place.partition(".")[0]
        assert name in EXPERIMENTS, place
