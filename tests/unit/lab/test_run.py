"""What a run asks of the machine before it begins."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from coffeert.errors import ConfigError
from coffeert.lab.effort import FULL, QUICK
from coffeert.lab.run import EXPERIMENTS, Order, bytes_needed, run_lab

GIB = 2**30


class Usage(NamedTuple):
    free: int


def _order(tmp_path: Path, *names: str) -> Order:
    return Order(names=names, effort=FULL, out=tmp_path / "out", report=tmp_path / "report.md")


def test_a_full_run_needs_room_for_ten_millions_of_orders(tmp_path: Path) -> None:
    full = _order(tmp_path, *EXPERIMENTS)
    quick = Order(names=EXPERIMENTS, effort=QUICK, out=full.out, report=full.report)
    assert 7 * GIB < bytes_needed(full) < 8 * GIB
    assert bytes_needed(quick) < 3 * GIB
    assert bytes_needed(_order(tmp_path, "idle")) == 2 * GIB


def test_a_disk_that_is_too_small_is_told_before_anything_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(free=3 * GIB))
    with pytest.raises(ConfigError, match=r"needs 8 GiB in .*, where 3\.0 are free"):
        run_lab(_order(tmp_path, "aggregation"))
    assert not (tmp_path / "out").exists()
