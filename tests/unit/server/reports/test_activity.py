"""Which stores are quiet when clocks go forward and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from coffeert.domain.calendar import BusinessCalendar
from coffeert.postgres.windows import QuarterRow
from coffeert.server.reports.activity import UsualDay, store_activity

HOUR = 3600


def night_of(change: datetime, before: int, after: int) -> BusinessCalendar:
    """Make the calendar of two days around a change of clocks."""
    midnight = int(change.replace(hour=0).timestamp())
    begins = (midnight - before, midnight + 24 * HOUR - after)
    return BusinessCalendar(
        id=1,
        zone="Europe/Berlin",
        starts=0,
        loaded_from=begins[0],
        loaded_to=begins[1] + 24 * HOUR,
        dates=(midnight, midnight + 24 * HOUR),
        begins=begins,
        ends=(begins[1], begins[1] + 24 * HOUR),
        offset_from=(begins[0], int(change.timestamp())),
        offsets=(before, after),
    )


@pytest.mark.parametrize(
    "calendar",
    [
        night_of(datetime(2026, 3, 29, 1, tzinfo=UTC), HOUR, 2 * HOUR),
        night_of(datetime(2026, 10, 25, 1, tzinfo=UTC), 2 * HOUR, HOUR),
    ],
    ids=["forward", "back"],
)
@pytest.mark.parametrize(("minutes", "quiet"), [(10, False), (40, True)])
def test_silence_over_a_change_of_clocks_is_as_long_as_it_was(
    calendar: BusinessCalendar, minutes: int, quiet: bool
) -> None:
    """A store that sells each five minutes, day and night."""
    usual = UsualDay.of(calendar, [QuarterRow("uptown", n, 12, 12) for n in range(96)], 4)
    last_sale = datetime.fromtimestamp(calendar.offset_from[1] - 300, UTC)
    now = last_sale + timedelta(minutes=minutes)
    found = store_activity("uptown", "Uptown", calendar, now, last_sale, 0, usual)
    assert (found.quiet, found.silent_for) == (quiet, minutes * 60 if quiet else 0)
