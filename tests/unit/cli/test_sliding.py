"""Moving windows as text."""

from __future__ import annotations

from datetime import UTC, datetime

from coffeert.cli.sliding import lines
from coffeert.wire.windows import SlidingSeries, SlidingSums

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


def _sums(*series: SlidingSeries) -> SlidingSums:
    return SlidingSums(as_of=NOON, width=600, step=600, currency="EUR", series=series)


def test_that_nothing_was_ordered_is_said_with_the_last_window() -> None:
    quiet = SlidingSeries(
        store="uptown",
        name="Uptown",
        begins=NOON,
        orders=(0, 0),
        pieces=(0, 0),
        takings=("0.00", "0.00"),
    )
    heading = "in the 10 min before, times of UTC"
    assert lines(_sums(quiet), UTC) == [
        f"{heading}: nothing was ordered; the last window ended at 2026-11-28 12:20"
    ]
    assert lines(_sums(), UTC) == [f"{heading}: no window has ended yet"]
