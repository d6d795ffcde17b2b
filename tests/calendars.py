"""Business calendars made by Python's own time zones, independently of PostgreSQL's."""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from coffeert.domain.calendar import BusinessCalendar, Calendars
from coffeert.domain.retention_window import RetentionWindow

_QUARTER = 900
_DAY = 86400


@cache
def calendar(
    zone: str = "UTC",
    starts: int = 0,
    *,
    first: datetime = datetime(2026, 1, 1, tzinfo=UTC),
    days: int = 365,
) -> BusinessCalendar:
    """Apply the rule to each quarter hour of a span: a day begins at the first that is late enough."""
    loaded_from = int(first.timestamp())
    loaded_to = loaded_from + days * _DAY
    timezone = ZoneInfo(zone)
    dates: list[int] = []
    begins: list[int] = []
    changes: list[tuple[int, int]] = []
    for quarter in range(loaded_from - 3 * _DAY, loaded_to + 3 * _DAY, _QUARTER):
        ahead = datetime.fromtimestamp(quarter, timezone).utcoffset()
        assert ahead is not None
        offset = ahead // timedelta(seconds=1)
        if not changes or changes[-1][1] != offset:
            changes.append((quarter, offset))
        date = (quarter + offset - 60 * starts) // _DAY * _DAY
        while not dates or dates[-1] < date:
            # More than one at once: the zone has skipped a day, which is empty.
            dates.append(dates[-1] + _DAY if dates else date)
            begins.append(quarter)
    at = bisect_right([start for start, _ in changes], loaded_from) - 1
    kept = [
        (max(start, loaded_from), offset) for start, offset in changes[at:] if start <= loaded_to
    ]
    # The first day began before the scan did.
    return BusinessCalendar(
        id=1,
        zone=zone,
        starts=starts,
        loaded_from=loaded_from,
        loaded_to=loaded_to,
        dates=tuple(dates[1:-1]),
        begins=tuple(begins[1:-1]),
        ends=tuple(begins[2:]),
        offset_from=tuple(start for start, _ in kept),
        offsets=tuple(offset for _, offset in kept),
    )


def calendars(zone: str = "UTC", starts: int = 0, **stores: str) -> Calendars:
    """Make the calendars of 2026: the default's, and that of each store by its zone."""
    zones = sorted(set(stores.values()))
    return Calendars(
        (calendar(zone, starts), *map(calendar, zones)),
        {store: 1 + zones.index(one) for store, one in stores.items()},
    )


def retention(moment: datetime, zone: str = "UTC") -> RetentionWindow:
    """Make the retention window of a moment in 2026, with one calendar for all stores."""
    return RetentionWindow.at(moment, calendars(zone))


def calendars_around(
    moment: datetime, zone: str = "UTC", starts: int = 0, /, **stores: tuple[str, int]
) -> Calendars:
    """Make the calendars for the windows of any moment, and for three weeks after it.

    `stores` have a zone and a start of day of their own.
    """
    # From the first of a month, so that moments near each other share their calendars.
    first = (moment.astimezone(UTC) - timedelta(days=40)).replace(day=1, hour=0)
    first = first.replace(minute=0, second=0, microsecond=0)
    rules = [(zone, starts), *sorted({*stores.values()} - {(zone, starts)})]
    return Calendars(
        tuple(calendar(*rule, first=first, days=95) for rule in rules),
        {store: rules.index(rule) for store, rule in stores.items() if rule != rules[0]},
    )
