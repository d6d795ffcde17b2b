"""Which experiments a run has, and what it needs of the machine."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from coffeert.errors import ConfigError
from coffeert.lab.experiments import EXPERIMENTS
from coffeert.lab.presets import FULL, QUICK
from coffeert.lab.runner import LabOptions, bytes_needed, run_lab, select_experiments

GIB = 2**30


class Usage(NamedTuple):
    free: int


def _options(tmp_path: Path, *names: str) -> LabOptions:
    return LabOptions(names=names, preset=FULL, out=tmp_path / "out", report=tmp_path / "report.md")


def test_a_full_run_needs_space_for_ten_million_orders(tmp_path: Path) -> None:
    full = _options(tmp_path, *EXPERIMENTS)
    quick = LabOptions(names=tuple(EXPERIMENTS), preset=QUICK, out=full.out, report=full.report)
    assert 7 * GIB < bytes_needed(full) < 8 * GIB
    assert bytes_needed(quick) < 3 * GIB
    assert bytes_needed(_options(tmp_path, "idle")) == 2 * GIB


def test_a_small_disk_is_reported_before_anything_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(free=3 * GIB))
    with pytest.raises(ConfigError, match=r"needs 8 GiB in .*, where 3\.0 are free"):
        run_lab(_options(tmp_path, "aggregation"))
    assert not (tmp_path / "out").exists()


def test_results_that_cannot_be_kept_are_reported_before_anything_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(free=30 * GIB))
    file = tmp_path / "out"
    file.touch()
    with pytest.raises(ConfigError, match="out cannot be written"):
        run_lab(_options(tmp_path, "idle"))


def test_experiments_run_in_their_own_order() -> None:
    assert select_experiments(()) == select_experiments(("redis", "all")) == tuple(EXPERIMENTS)
    assert select_experiments(("redis", "intake")) == ("intake", "redis")
    with pytest.raises(ConfigError, match=r"no experiment 'kafka'.*idle, rivals, and all"):
        select_experiments(("kafka",))
