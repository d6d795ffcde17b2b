"""From the days of a report to the spans of time whose sums it is made of."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Final, Literal, NamedTuple, get_args

import msgspec

from coffeert.domain.calendar import QUARTER_SECONDS, BusinessCalendar
from coffeert.domain.periods import DateSpan, ElapsedDays

Grouping = Literal["store", "drink", "source", "quarter", "hour", "day", "weekday"]
"""What the rows of a report are of. A quarter or an hour is one of the local day, a weekday 1 to 7."""
GROUPINGS: Final[tuple[Grouping, ...]] = get_args(Grouping)
Side = Literal["now", "then"]
Part = Literal["all", "rows", "total"]
"""Whether sums belong to the rows and to the total, or to one of them."""
TimeGrain = Literal["quarter", "minute", "order"]
"""Which table a span of time is summed from."""

_HOUR_SECONDS: Final = 3600


class DayPiece(NamedTuple):
    """Whole business days of the stores of a calendar, to be read from the sums of days.

    They are compared with those so many days later.
    """

    calendar: int
    side: Side
    part: Part
    days_later: int
    first: date
    last: date


class TimePiece(NamedTuple):
    """A span of time in a business day of the stores of a calendar; `days_later` as in `DayPiece`."""

    calendar: int
    side: Side
    part: Part
    days_later: int
    date: date
    begins: datetime
    ends: datetime
    grain: TimeGrain


Piece = DayPiece | TimePiece
_Use = tuple[Side, Part, int]


class StoreDays(msgspec.Struct, frozen=True, kw_only=True):
    """The days of a store's period that have begun, and those compared with them.

    `weights`: see `usual_days`; `None` if each compared day counts once. `traded` are all days on which
    something was sold. `reason` says why the store is not compared, `None` if it is.
    """

    span: DateSpan
    now: ElapsedDays
    then: ElapsedDays
    weights: Mapping[date, int] | None = None
    traded: frozenset[date] = frozenset()
    reason: str | None = None


class Cut(msgspec.Struct, frozen=True, kw_only=True):
    """How days are cut into pieces.

    `until` is in Unix seconds. Of `by_hour`, rows are of hours or quarters of so many seconds, and have
    the compared days whole. Of `means`, such rows are also of weekdays: they leave out marked days, what
    is not over yet, and compared figures. `from_orders`: rollups do not hold what is asked.
    """

    until: int
    by_hour: int = 0
    means: bool = False
    from_orders: bool = False
    marked: Collection[date] = ()


def pieces_of(calendar: BusinessCalendar, stores: Iterable[StoreDays], cut: Cut) -> list[Piece]:
    """Return what to read for stores that share a calendar."""
    stores = list(stores)
    now = stores[0].now
    found = list(_now(calendar, now, cut))
    today = datetime.fromtimestamp(calendar.day_of(cut.until), UTC).date()
    whole, running = _compared_days(stores, now)
    part: Part = "total" if cut.means else "all"
    by_time = bool(cut.by_hour and not cut.means)
    for span, later in sorted(whole.items()):
        found += _whole(calendar, ("then", part, later), span, cut, by_time=by_time)
    for day, later in sorted(running.items()):
        midnight = _midnight(day)
        begins, ends = calendar.day(midnight)
        end = calendar.day_until(midnight, calendar.wall_clock(cut.until, _midnight(today)))
        found += _time(calendar, ("then", part, later), day, begins, end, cut)
        if by_time:
            found += _time(calendar, ("then", "rows", later), day, end, ends, cut)
    return found


def _compared_days(
    stores: Iterable[StoreDays], now: ElapsedDays
) -> tuple[dict[DateSpan, int], dict[date, int]]:
    """Return whole and running days, and by how many days they are before those of now."""
    whole: dict[DateSpan, int] = {}
    running: dict[date, int] = {}
    for store in stores:
        if store.reason is not None:
            continue
        if store.weights is None:
            later = 0 if store.then.first is None else (store.span.first - store.then.first).days
            if store.then.whole is not None:
                whole[store.then.whole] = later
            if store.then.running is not None:
                running[store.then.running] = later
            continue
        for day in store.weights:
            later = next(
                (other - day).days for other in now.dates() if other.weekday() == day.weekday()
            )
            if now.running == day + timedelta(days=later):
                running[day] = later
            else:
                whole[DateSpan(day, day)] = later
    return whole, running


def _now(calendar: BusinessCalendar, days: ElapsedDays, cut: Cut) -> Iterator[Piece]:
    if days.whole is not None and not cut.means:
        yield from _whole(calendar, ("now", "all", 0), days.whole, cut, by_time=bool(cut.by_hour))
    elif days.whole is not None:
        for day in days.whole.dates():
            part: Part = "total" if day in cut.marked else "all"
            yield from _whole(calendar, ("now", part, 0), DateSpan(day, day), cut, by_time=True)
    if days.running is None:
        return
    begins, ends = calendar.day(_midnight(days.running))
    end = min(cut.until, ends)
    over = end
    if cut.means:
        over = begins if days.running in cut.marked else max(begins, _last_over(calendar, cut))
    yield from _time(calendar, ("now", "all", 0), days.running, begins, over, cut)
    yield from _time(calendar, ("now", "total", 0), days.running, over, end, cut)


def _last_over(calendar: BusinessCalendar, cut: Cut) -> int:
    """Return when the last hour or quarter on the wall clocks was over."""
    if cut.by_hour == _HOUR_SECONDS:
        return calendar.hour_of(cut.until)
    return cut.until // QUARTER_SECONDS * QUARTER_SECONDS


def _whole(
    calendar: BusinessCalendar, use: _Use, span: DateSpan, cut: Cut, *, by_time: bool
) -> Iterator[Piece]:
    if not by_time and not cut.from_orders:
        yield DayPiece(calendar.id, *use, *span)
        return
    for day in span.dates():
        yield from _time(calendar, use, day, *calendar.day(_midnight(day)), cut)


def _time(
    calendar: BusinessCalendar, use: _Use, day: date, begins: int, ends: int, cut: Cut
) -> Iterator[TimePiece]:
    """Cut a span into whole quarters and the minutes before and after them."""
    first = min(-(-begins // QUARTER_SECONDS) * QUARTER_SECONDS, ends)
    last = max(ends // QUARTER_SECONDS * QUARTER_SECONDS, first)
    spans: tuple[tuple[int, int, TimeGrain], ...] = (
        (begins, first, "minute"),
        (first, last, "quarter"),
        (last, ends, "minute"),
    )
    if cut.from_orders:
        spans = ((begins, ends, "order"),)
    for start, end, grain in spans:
        if start < end:
            first_moment, end_moment = (datetime.fromtimestamp(at, UTC) for at in (start, end))
            yield TimePiece(calendar.id, *use, day, first_moment, end_moment, grain)


def _midnight(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
