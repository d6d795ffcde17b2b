"""How a change is written, and what it refers to."""

from __future__ import annotations

from typing import Final

from coffeert.domain.changes import Changes, changes_of
from coffeert.domain.rollups import ZERO, Totals
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


def minutes_changes(now: Totals, before: Totals | None) -> Changes:
    """Compare the sums of the latest minutes with those of the minutes before; `None`: not known."""
    return changes_of(now, before or ZERO, reason="not known before" if before is None else None)


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
        return f"the {span.name.removeprefix('1 ')} before"
    if report is not None and report.compared is not None and report.compared.title:
        return report.compared.title.partition(" by ")[0].partition(" (")[0]
    return "" if context.comparison is None else _WORDS[context.comparison]
