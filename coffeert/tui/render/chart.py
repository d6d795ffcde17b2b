"""What a chart shows: one figure of a window, bucket by bucket, beside the window before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from coffeert.domain.currency import DEFAULT_PLACES
from coffeert.domain.rollups import SECONDS, Totals
from coffeert.tui.model.arrival_rates import SLOT_SECONDS, Arrivals
from coffeert.tui.model.filter import Filter
from coffeert.tui.model.window import Window
from coffeert.tui.render.format import money
from coffeert.tui.render.frame_context import FrameContext

Metric = Literal["orders", "revenue"]

Lost = Callable[[float, float], bool]
"""Returns True if events were missed at any time in [start, end), in Unix seconds."""


@dataclass(frozen=True, slots=True)
class ChartModel:
    """What a chart shows. `None` is an unknown bucket: a gap, not a zero.

    Values are orders, or minor units of a currency with `places`. The last bucket is still running.
    `cursor` is an index of a bucket.
    """

    metric: Metric
    unit: str
    starts: tuple[float, ...]
    labels: tuple[str, ...]
    values: tuple[int | None, ...]
    previous: tuple[int | None, ...]
    marks: tuple[tuple[float, str], ...] = ()
    cursor: int | None = None
    approximate: bool = False
    places: int = DEFAULT_PLACES

    def figure(self, value: int) -> str:
        """Return a value with all digits."""
        return money(value, self.places) if self.metric == "revenue" else f"{value:,}"


def chart_of(
    context: FrameContext,
    metric: Metric,
    arrivals: Arrivals,
    wanted: Filter,
    cursor: int | None,
    lost: Lost,
) -> ChartModel | None:
    """Return the chart of a window."""
    window = context.charted
    if window is None:
        return None
    if window.span.fine:
        return _fine(context, window, metric, arrivals, wanted, cursor, lost)
    step = SECONDS[window.span.grain]
    values = tuple(
        None if totals.orders == 0 and lost(start, start + step) else _value(totals, metric)
        for start, totals in zip(window.starts, window.bucket_totals, strict=True)
    )
    previous = window.previous_bucket_totals or ()
    return ChartModel(
        metric,
        window.span.grain,
        tuple(map(float, window.starts)),
        tuple(_label(context, start, window.span.grain == "day") for start in window.starts),
        values,
        tuple(_value(totals, metric) for totals in previous),
        cursor=cursor,
        approximate=wanted.approximate,
        places=context.places,
    )


def _fine(
    context: FrameContext,
    window: Window,
    metric: Metric,
    arrivals: Arrivals,
    wanted: Filter,
    cursor: int | None,
    lost: Lost,
) -> ChartModel:
    slots = arrivals.starts(window.span.seconds, window.now)
    bucket_totals = [
        None
        if totals is None or (totals.orders == 0 and lost(slot, slot + SLOT_SECONDS))
        else totals
        for slot, totals in ((slot, arrivals.totals(slot, wanted)) for slot in slots)
    ]
    before = [arrivals.totals(slot - window.span.seconds, wanted) for slot in slots]
    return ChartModel(
        metric,
        f"{SLOT_SECONDS} s",
        tuple(map(float, slots)),
        tuple(context.local(slot).strftime("%H:%M:%S") for slot in slots),
        tuple(None if t is None else _value(t, metric) for t in bucket_totals),
        tuple(None if t is None else _value(t, metric) for t in before)
        if any(t is not None for t in before)
        else (),
        cursor=cursor,
        approximate=wanted.approximate,
        places=context.places,
    )


def _value(totals: Totals, metric: Metric) -> int:
    return totals.cents if metric == "revenue" else totals.orders


def _label(context: FrameContext, start: float, is_day: bool) -> str:
    if is_day:  # named by the midnight of its date in UTC
        return datetime.fromtimestamp(start, UTC).strftime("%d %b")
    return context.local(start).strftime("%H:%M")
