"""The value axis grows at once and shrinks slowly."""

from __future__ import annotations

from coffeert.tui.model.axis_scale import SHRINK_AFTER_SECONDS, AxisScale


def test_it_grows_at_once_and_shrinks_after_a_while() -> None:
    axis = AxisScale()
    assert axis.top("today", 90, 0) == 100
    assert axis.top("today", 130, 1) == 150
    assert axis.top("today", 90, 2) == 150
    assert axis.top("today", 98, 60) == 150
    assert axis.top("today", 70, SHRINK_AFTER_SECONDS + 1.9) == 150
    # To the greatest that was needed meanwhile.
    assert axis.top("today", 70, SHRINK_AFTER_SECONDS + 2) == 100
    assert axis.top("today", 70, 2 * SHRINK_AFTER_SECONDS + 1.9) == 100
    assert axis.top("today", 70, 3 * SHRINK_AFTER_SECONDS + 2) == 80


def test_a_value_that_comes_back_keeps_the_axis() -> None:
    axis = AxisScale()
    for moment in range(0, 1000, 50):
        assert axis.top("today", 90 if moment % 100 else 140, moment) == 150 or moment < 100


def test_something_else_has_an_axis_of_its_own() -> None:
    axis = AxisScale()
    axis.top("today", 1000, 0)
    assert axis.top("yesterday", 90, 1) == 100
