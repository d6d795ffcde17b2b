"""Which usual days the lowest and highest are of."""

from __future__ import annotations

from datetime import date, timedelta

from coffeert.domain.periods import DateSpan, ElapsedDays
from coffeert.domain.report_plan import StoreDays
from coffeert.domain.usual_range import DayPlaces, usual_places

TODAY = date(2026, 11, 26)
SPAN = DateSpan(TODAY, TODAY)


def back(weeks: int) -> date:
    return TODAY - timedelta(weeks=weeks)


def days(*weeks: int, reason: str | None = None) -> StoreDays:
    return StoreDays(
        span=SPAN,
        now=ElapsedDays(None, TODAY),
        then=ElapsedDays(None, back(1)),
        weights={back(week): 3 for week in weeks},
        reason=reason,
    )


def test_stores_share_the_days_on_which_all_of_them_traded() -> None:
    found = usual_places({"uptown": days(1, 2, 3, 4), "central": days(1, 3, 4, 5)})
    assert (found.counts, found.count) == ({"uptown": 4, "central": 4}, 3)
    assert found.places["uptown"][back(2)] == DayPlaces(2, None)
    assert found.places["uptown"][back(4)] == DayPlaces(4, 3)
    assert found.places["central"][back(4)] == DayPlaces(3, 3)


def test_fewer_than_three_days_in_common_are_no_range() -> None:
    found = usual_places({"uptown": days(1, 2, 3, 4), "central": days(3, 4, 5, 6)})
    assert (found.counts["central"], found.count) == (4, 0)


def test_a_store_that_is_not_compared_has_no_say() -> None:
    found = usual_places({"uptown": days(1, 2, 3), "central": days(7, 8, 9, reason="nothing sold")})
    assert (found.counts, found.count) == ({"uptown": 3}, 3)
