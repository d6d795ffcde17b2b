"""The command `coffeert lab`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from coffeert.cli import cli, run
from coffeert.lab.experiments import EXPERIMENTS
from coffeert.lab.runner import LabOptions


def test_an_experiment_that_does_not_exist_is_refused_in_a_sentence(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(cli, ["lab", "kafka"]) == 2
    assert "no experiment 'kafka'" in capsys.readouterr().err


def test_the_rivals_are_checked_before_anything_is_measured(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(cli, ["lab", "all", "rivals", "spark"]) == 2
    assert "no rival 'spark'" in capsys.readouterr().err


def test_experiments_and_rivals_share_a_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = list[object]()

    def lose_an_order(options: LabOptions) -> int:
        runs.append(options)
        return 1

    monkeypatch.setattr("coffeert.lab.runner.run_lab", lose_an_order)
    monkeypatch.setattr(
        "coffeert.lab.rivals.runner.run_rivals", lambda names, *_: runs.append(names)
    )
    assert run(cli, ["lab", "idle", "rivals", "nats", "--out", str(tmp_path)]) == 1
    assert isinstance(runs[0], LabOptions)
    assert runs[0].names == ("idle",)
    assert runs[1:] == [("nats",)]
    runs.clear()
    assert run(cli, ["lab", "rivals", "nats", "--out", str(tmp_path)]) == 0
    assert runs == [("nats",)]


@pytest.mark.parametrize("missing", ["hdrh", "psutil"])
def test_without_the_extra_one_sentence_names_it(
    missing: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    assert run(cli, ["lab", "idle", "--quick"]) == 2
    said = capsys.readouterr().err
    assert said == "coffeert: The lab needs more packages: pip install '.[lab]' in this project.\n"


def test_help_names_every_experiment(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(cli, ["lab", "--help"]) == 0
    told = " ".join(capsys.readouterr().out.split()).replace("- ", "-")  # wrapped at hyphens
    for name in EXPERIMENTS:
        assert name in told


def test_the_lab_loads_neither_server_nor_terminal() -> None:
    code = (
        "import sys, coffeert.lab.runner, coffeert.lab.experiments.intake; "
        "print([n for n in sys.modules if n.startswith(('textual', 'plotext', 'coffeert.server'))])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
