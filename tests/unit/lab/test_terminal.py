"""What the benchmarks of the terminal replay, read and compute."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from coffeert.lab.terminal import record_shop
from coffeert.lab.terminal_memory import _slope_with_error
from coffeert.lab.terminal_outages import FirstReport, header_trouble, system_trouble


def test_a_recorded_shop_has_a_line_for_each_frame(tmp_path: Path) -> None:
    lines = record_shop(tmp_path / "shop", 2, 5, 3).read_bytes().splitlines()
    kinds = [json.loads(line)["coffeert"] for line in lines]
    assert kinds[0] == "recording"
    assert kinds.count("change") == 6


def test_the_screens_tell_what_is_wrong() -> None:
    assert header_trouble("coffeert ● live\n all well") == ""
    assert header_trouble("coffeert  ○ no news for 3 s │ x\n") == "no news for 3 s"
    assert (
        header_trouble("coffeert ● live\n ✗ Redis: cannot be reached") == "Redis: cannot be reached"
    )
    assert system_trouble("─ 2 redis ✗ cannot be reached ─┐") == "2 redis: cannot be reached"
    assert system_trouble("─ 2 redis ✓ ─┐") == ""


def test_the_first_report_is_kept() -> None:
    report = FirstReport()
    assert report.cell() == "never"
    for text, at in (("", 0.1), ("STALE", 0.2), ("OFFLINE", 0.3)):
        report.update(text, at)
    assert report.cell() == "0.2 s: STALE"


@pytest.mark.parametrize(("per_hour", "expected"), [(0.0, "+0.00 ± 0.00"), (6.0, "+6.00 ± 0.00")])
def test_the_slope_is_that_of_the_last_half(per_hour: float, expected: str) -> None:
    seconds = [10.0 * n for n in range(240)]
    mib = [72 + max(0.0, second - 1_200) / 3_600 * per_hour for second in seconds]
    assert _slope_with_error(seconds, mib) == expected
    assert _slope_with_error(seconds[:10], mib[:10]) == "too short"
