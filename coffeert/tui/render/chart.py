"""What a chart shows: takings or orders of a range by buckets, beside what they are compared with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final, Literal

from coffeert.domain.rollups import ZERO, Totals, sliding_minutes
from coffeert.tui.model.bucket_sums import BucketSumCache
from coffeert.tui.model.report_request import totals_of
from coffeert.tui.model.window import Window
from coffeert.tui.render.currency import NO_CURRENCY, Currency
from coffeert.tui.render.frame_context import FrameContext, zone_of
from coffeert.wire.reports import Report

Metric = Literal["takings", "orders"]

Lost = Callable[[float, float], bool]
"""Returns True if events were missed at any time in [start, end), in Unix seconds."""

PACE_MINUTES: Final = 10
"""The end of a curve is what the last minutes would make of a whole bucket."""

_QUARTERS: Final = 96
_QUARTER_SECONDS: Final = 900.0
_FEWEST_QUARTERS: Final = 16


@dataclass(frozen=True, slots=True)
class ChartModel:
    """What a chart shows. `None` is an unknown bucket: a gap, not a zero.

    Values are orders, or minor units of the currency. `running` is the bucket that is not over; later ones
    are still to come. `pace` is what the running bucket comes to if it goes on as in the last minutes.
    `bars` are drawn even if they are narrow, `ticks` are buckets with a label under them, `cursor` is the
    bucket under the crosshair.
    """

    metric: Metric
    labels: tuple[str, ...]
    values: tuple[int | None, ...]
    compared: tuple[int | None, ...] = ()
    ticks: tuple[tuple[int, str], ...] = ()
    running: int | None = None
    elapsed: float = 1.0
    pace: float | None = None
    marks: tuple[tuple[float, str], ...] = ()
    cursor: int | None = None
    top: float = 1.0
    title: str = ""
    now_name: str = ""
    compared_name: str = ""
    bucket_name: str = ""
    note: str = ""
    currency: Currency = NO_CURRENCY
    bars: bool = False

    def figure(self, value: int) -> str:
        """Return a value with all digits."""
        return self.currency.text(value) if self.metric == "takings" else f"{value:,}"

    @property
    def greatest(self) -> float:
        """The greatest value shown."""
        known = [value for value in (*self.values, *self.compared) if value is not None]
        least = 2 if self.metric == "orders" else 2 * 10**self.currency.places
        return float(max([*known, self.pace or 0, least]))


def value_of(totals: Totals, metric: Metric) -> int:
    """Return the charted figure."""
    return totals.cents if metric == "takings" else totals.orders


def last_minutes(sums: BucketSumCache, now: float, minutes: int = PACE_MINUTES) -> Totals:
    """Return what was sold in the last minutes: the running one, those before, a share of the oldest."""
    running = int(now) - int(now) % 60
    total = ZERO
    for start in range(running - (minutes - 1) * 60, running + 60, 60):
        total = total.plus(sums.bucket("minute", start).total)
    oldest = sums.bucket("minute", running - minutes * 60).total
    share = 1 - (now - running) / 60
    return total.plus(
        Totals(
            round(oldest.orders * share),
            round(oldest.quantity * share),
            round(oldest.cents * share),
        )
    )


def minutes_chart(context: FrameContext, window: Window, metric: Metric, lost: Lost) -> ChartModel:
    """Chart a range of minutes; what was missed is unknown."""
    values = tuple(
        None if totals.orders == 0 and lost(start, start + 60) else value_of(totals, metric)
        for start, totals in zip(window.starts, window.bucket_totals, strict=True)
    )
    labels = tuple(context.local(start).strftime("%H:%M") for start in window.starts)
    every = 5 if len(labels) > 20 else 3
    ticks = tuple((i, label) for i, label in enumerate(labels) if int(label[3:]) % every == 0)
    last = len(values) - 1
    of_minute = dict(zip(window.starts, window.bucket_totals, strict=True))
    orders, cents = sliding_minutes(lambda start: of_minute.get(start, ZERO), window.now)
    pace = cents if metric == "takings" else orders
    return ChartModel(
        metric,
        labels,
        values,
        tuple(value_of(totals, metric) for totals in window.previous_bucket_totals or ()),
        ticks,
        running=last,
        elapsed=window.elapsed,
        pace=None if values[last] is None else pace,
        bucket_name="a minute",
    )


def day_chart(
    context: FrameContext,
    sums: BucketSumCache,
    report: Report,
    metric: Metric,
    lost: Lost,
    *,
    running: bool,
) -> ChartModel:
    """Chart a day by quarter hours of the local day; live minutes since the report are added."""
    assert context.view is not None
    retention = context.view.cube.retention
    first = retention.days[0].starts // 15
    labels = [_clock((first + index) % _QUARTERS) for index in range(_QUARTERS)]
    own = {row.keys[0]: totals_of(row.figures) for row in report.rows}
    now, elapsed = None, 1.0
    if running:
        if context.is_live:
            own = _with_latest(own, context, sums, report)
        moments = [_quarter_of(context, day.zone, day.starts) for day in retention.days]
        now, elapsed = max(moments)
    values: list[int | None] = [value_of(own.get(label, ZERO), metric) for label in labels]
    if now is not None:
        values[now + 1 :] = [None] * (_QUARTERS - now - 1)
        began = context.now.timestamp() - elapsed * _QUARTER_SECONDS
        for index in range(now + 1):
            start = began - (now - index) * _QUARTER_SECONDS
            if values[index] == 0 and lost(start, start + _QUARTER_SECONDS):
                values[index] = None
    before: list[int | None] = []
    if report.compared is not None:
        compared = {
            row.keys[0]: totals_of(row.compared) for row in report.rows if row.compared is not None
        }
        before = [value_of(compared.get(label, ZERO), metric) for label in labels]
    begin, end = _opening(values, before, now)
    pace = None
    shows_pace = context.is_live and len(context.zones) <= 1 and not context.data_status.old
    if now is not None and shows_pace:
        recent = last_minutes(sums, context.now.timestamp())
        pace = value_of(recent, metric) * 15 / PACE_MINUTES
    shown = labels[begin:end]
    return ChartModel(
        metric,
        tuple(shown),
        tuple(values[begin:end]),
        tuple(before[begin:end]),
        tuple((i, label[:2]) for i, label in enumerate(shown) if label.endswith(":00")),
        running=None if now is None else now - begin,
        elapsed=elapsed,
        pace=pace,
        bucket_name="a quarter hour",
    )


def hours_chart(context: FrameContext, sums: BucketSumCache, metric: Metric) -> ChartModel:
    """Chart the running day by the hours at hand, as long as there is no report of it."""
    assert context.view is not None
    moment, day = context.now.timestamp(), context.view.cube.retention.days[0]
    hour = int(moment) - (int(moment) - day.hour) % 3600
    begins = day.begins - (day.begins - day.hour) % 3600
    starts = list(range(max(begins, hour - 23 * 3600), hour + 3600, 3600))
    values = [value_of(sums.bucket("hour", start).total, metric) for start in starts]
    while len(values) > 2 and values[0] == 0:
        del values[0], starts[0]
    labels = tuple(context.local(start).strftime("%H:%M") for start in starts)
    recent = last_minutes(sums, moment)
    return ChartModel(
        metric,
        labels,
        tuple(values),
        ticks=tuple((i, label[:2]) for i, label in enumerate(labels)),
        running=len(values) - 1,
        elapsed=(moment - hour) / 3600,
        pace=value_of(recent, metric) * 60 / PACE_MINUTES,
        bucket_name="an hour",
    )


def days_chart(context: FrameContext, report: Report, metric: Metric) -> ChartModel:
    """Chart a period by days."""
    assert context.view is not None
    first, count = report.period.first, (report.period.last - report.period.first).days + 1
    dates = [first + timedelta(days=index) for index in range(count)]
    rows = {row.keys[0]: row for row in report.rows}
    today = datetime.fromtimestamp(context.view.cube.retention.days[0].date, UTC).date()
    values: list[int | None] = []
    compared: list[int | None] = []
    for day in dates:
        row = rows.get(day.isoformat())
        values.append(
            None if day > today else 0 if row is None else value_of(totals_of(row.figures), metric)
        )
        if row is not None and row.compared is not None:
            compared.append(value_of(totals_of(row.compared), metric))
        else:
            compared.append(None if report.compared is None else 0)
    running = dates.index(today) if today in dates and report.period.until is not None else None
    return ChartModel(
        metric,
        tuple(f"{day:%a} {day.day} {day:%b}" for day in dates),
        tuple(values),
        tuple(compared) if report.compared is not None else (),
        tuple((index, _day_name(day, count)) for index, day in enumerate(dates)),
        running=running,
        bucket_name="a day",
        bars=True,
    )


def _day_name(day: date, count: int) -> str:
    return f"{day:%a} {day.day}" if count <= 14 else str(day.day)


def _clock(quarter: int) -> str:
    return f"{quarter // 4:02d}:{quarter % 4 * 15:02d}"


def _quarter_of(context: FrameContext, zone: str, starts: int) -> tuple[int, float]:
    """Return the quarter of a zone's business day that is running, and the part of it that is over."""
    local = context.now.astimezone(zone_of(zone) or context.zone)
    minutes = (local.hour * 60 + local.minute - starts) % 1440
    return minutes // 15, (minutes % 15 + local.second / 60) / 15


def _with_latest(
    own: Mapping[str, Totals], context: FrameContext, sums: BucketSumCache, report: Report
) -> dict[str, Totals]:
    """Return quarters with the minutes added that were not over when the report was made."""
    assert context.view is not None
    retention, until = context.view.cube.retention, report.period.until
    quarters = dict(own)
    if until is None:
        return quarters
    from_minute = -(-int(until.timestamp()) // 60) * 60
    latest = int(context.now.timestamp()) + 60
    for start in range(max(from_minute, retention.first_minute), latest, 60):
        for store, totals in sums.bucket("minute", start).stores.items():
            zone = zone_of(retention.day_of(store).zone) or context.zone
            local = datetime.fromtimestamp(start, zone)
            label = _clock(local.hour * 4 + local.minute // 15)
            quarters[label] = quarters.get(label, ZERO).plus(totals)
    return quarters


def _opening(
    values: Sequence[int | None], compared: Sequence[int | None], now: int | None
) -> tuple[int, int]:
    """Return from where to where anything was sold, in whole hours, and at least some."""
    sold = {index for side in (values, compared) for index, value in enumerate(side) if value}
    if now is not None:
        sold.add(now)
    begin = min(sold, default=32) // 4 * 4
    end = min(_QUARTERS, -(-(max(sold, default=begin) + 1) // 4) * 4)
    end = min(_QUARTERS, max(end, begin + _FEWEST_QUARTERS))
    return max(0, min(begin, end - _FEWEST_QUARTERS)), end
