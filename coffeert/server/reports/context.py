"""What a report is made from, and the periods that it names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from coffeert.domain.calendar import Calendars
from coffeert.domain.menu import Menu
from coffeert.domain.period_titles import compared_title, span_title, usual_title
from coffeert.domain.periods import DateSpan
from coffeert.domain.report_plan import Cut, StoreDays
from coffeert.domain.usual_range import UsualPlaces
from coffeert.server.reports.days import Comparing, date_of
from coffeert.server.reports.request import ReportRequest
from coffeert.wire.reports import ReportSpan


class ReportContext(msgspec.Struct, frozen=True, kw_only=True):
    """What a report was made from; `until` is in Unix seconds."""

    request: ReportRequest
    comparing: Comparing
    menu: Menu
    calendars: Calendars
    until: int
    days: Mapping[str, StoreDays]
    places: UsualPlaces
    cut: Cut


def period_span(context: ReportContext) -> ReportSpan:
    today = date_of(context.calendars.calendars[0], context.until)
    span = context.comparing.period.span(today, context.comparing.week_starts)
    spans = [of.span for of in context.days.values()] or [span]
    running = any(of.now.running for of in context.days.values())
    return ReportSpan(
        name=context.comparing.period.name,
        title=span_title(span, context.comparing.period.unit, today),
        first=min(one.first for one in spans),
        last=max(one.last for one in spans),
        until=datetime.fromtimestamp(context.until, UTC) if running else None,
    )


def compared_span(context: ReportContext, stores: Sequence[StoreDays]) -> ReportSpan | None:
    calendar = context.calendars.calendars[0]
    today = date_of(calendar, context.until)
    comparing = context.comparing
    if not stores:
        return None
    dates = sorted({day for of in stores for day in (of.weights or of.then.dates())})
    own = comparing.days(today)
    span = comparing.period.span(today, comparing.week_starts)
    running = own.now.running
    if comparing.comparison == "usual":
        title = usual_title(span, max(len(of.weights or ()) for of in stores))
    else:
        then = sorted(own.then.dates()) or dates
        title = compared_title(
            comparing.comparison,
            comparing.period.unit,
            span,
            DateSpan(then[0], then[-1]),
            today,
            mark=comparing.marked.get(then[0], "") if len(then) == 1 else "",
        )
    until = None
    if running is not None:
        wall = calendar.wall_clock(context.until, 0) % 86400
        words = f"by {wall // 3600:02}:{wall % 3600 // 60:02}"
        name, space, bracket = title.partition(" (")
        title = f"{name} {words}{space}{bracket}"
        until = _compared_until(context, own)
    return ReportSpan(
        name=comparing.comparison, title=title, first=dates[0], last=dates[-1], until=until
    )


def _compared_until(context: ReportContext, own: StoreDays) -> datetime | None:
    calendar = context.calendars.calendars[0]
    if own.then.running is None or context.comparing.comparison == "usual":
        return None
    today, then = (
        int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
        for day in (date_of(calendar, context.until), own.then.running)
    )
    wall = calendar.wall_clock(context.until, today)
    return datetime.fromtimestamp(calendar.day_until(then, wall), UTC)
