"""How a figure differs from what it is compared with, in words and signs."""

from __future__ import annotations

from typing import Final

from coffeert.domain.comparisons import SMALLEST_BASE
from coffeert.tui.render.frame_context import FrameContext
from coffeert.tui.render.glyphs import Glyphs
from coffeert.tui.render.spans import Role
from coffeert.wire.reports import Comparison, PercentChange

_WORDS: Final[dict[Comparison, str]] = {
    "last-week": "the week before",
    "yesterday": "the day before",
    "before": "the time before",
    "usual": "usual",
    "last-year": "last year",
}


def change_of(
    now: float, before: float | None, *, base: int, unknown: str = "not known before"
) -> PercentChange:
    """Compare two figures; `base` is how many orders the one before is made of."""
    if before is None:
        return PercentChange(reason=unknown)
    if before <= 0 or base < SMALLEST_BASE:
        return PercentChange(reason=f"fewer than {SMALLEST_BASE} orders then")
    return PercentChange(percent=round((now / before - 1) * 100))


def change_text(change: PercentChange | None, glyphs: Glyphs) -> tuple[str, Role]:
    """Write a change as `▲ +8 %`, or the reason why there is none."""
    if change is None:
        return "", "dim"
    if change.percent is None:
        return change.reason or "", "dim"
    if change.percent > 0:
        return f"{glyphs.up} +{change.percent:,} %", "good"
    if change.percent < 0:
        return f"{glyphs.down} {change.percent:,} %", "bad"
    return f"{glyphs.flat} 0 %", "dim"


def compared_words(context: FrameContext) -> str:
    """Name what the range is compared with, such as `last Thursday`; without `by 12:40` and such."""
    span, report = context.span, context.reports.curve
    if span.minutes:
        return f"the {span.name} before"
    if report is not None and report.compared is not None and report.compared.title:
        return report.compared.title.partition(" by ")[0].partition(" (")[0]
    return "" if context.comparison is None else _WORDS[context.comparison]


def average(cents: int, orders: int) -> int:
    """Return the takings of an order in minor units, rounded half to even; zero without orders."""
    return round(cents / orders) if orders > 0 else 0
