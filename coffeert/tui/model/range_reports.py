"""Which reports a range needs, and what is at hand of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from coffeert.tui.model.filter import Filter
from coffeert.tui.model.filter_entry import Vocabulary
from coffeert.tui.model.report_request import (
    NO_REPORTS,
    ReportAnswer,
    ReportAnswers,
    Selection,
    ShownReports,
    WantedReport,
    report_selection,
)
from coffeert.tui.model.session import Session
from coffeert.tui.model.window import ONE_DAY, Range
from coffeert.wire.reports import Comparison, Grouping, Report

OLD_REPORT_SECONDS: Final = 150.0
"""A report is asked for each minute: one this old has been missed at least once."""


@dataclass(frozen=True, slots=True)
class RangeChoice:
    """What reports are about; `past`: a past moment is shown, which is compared with nothing."""

    span: Range
    comparison: Comparison | None
    wanted: Filter
    past: bool


class RangeReports:
    """The reports of the range that is shown, by the live session of a server or of a recording."""

    def __init__(self, live: Session) -> None:
        self.answers = ReportAnswers()
        self._live = live
        self._selected: tuple[Filter, Vocabulary, Selection | str] | None = None

    def wanted(self, choice: RangeChoice, known: Vocabulary | None) -> tuple[WantedReport, ...]:
        """Return what is to be asked for: curve, stores, drinks, details of a single day; last a week."""
        selection = self._selection(choice.wanted, known)
        if isinstance(selection, str):
            return ()
        week = WantedReport("28-days", ("weekday", "hour"), None, selection)
        span = choice.span
        if choice.past or not span.period:
            return (week,)
        groupings: tuple[Grouping, ...] = (span.grouping, "store", "drink")
        asked = [WantedReport(span.period, (by,), choice.comparison, selection) for by in groupings]
        if span.name in ONE_DAY:
            asked.append(WantedReport(span.period, (), choice.comparison, selection, details=True))
        return (*asked, week)

    def shown(self, choice: RangeChoice, known: Vocabulary | None) -> ShownReports:
        """Return what is at hand, and why there is no more."""
        by_price = choice.wanted.by_price
        if self._live.replaying:
            why = "is not summed by price" if by_price else "has no days to compare with"
            return replace(NO_REPORTS, missing=f"a recording {why}")
        selection = self._selection(choice.wanted, known)
        if isinstance(selection, str):
            return replace(NO_REPORTS, missing=selection)
        activity = None if choice.past else self._live.activity
        answers = [self.answers.answer(request) for request in self.wanted(choice, known)]
        week = answers.pop()
        if not answers:
            why = "the past is compared with nothing" if choice.past else ""
            if by_price:
                what = "the past is" if choice.past else f"the last {choice.span.name} are"
                why = f"{what} not summed by price"
            return ShownReports(week=week.report, activity=activity, missing=why)
        assert known is not None  # or there would be no selection
        stores_shown = selection.stores or known.store_codes
        curve, stores, drinks, *details = (
            self._current(choice.span, one, stores_shown) for one in answers
        )
        missing = ""
        if curve is None:
            missing = next((a.failure for a in answers if a.failure), "asking the server")
        moment = self._live.clock.monotonic()
        ages = [moment - answer.received for answer in answers[:3] if answer.report is not None]
        age = max(ages, default=0.0)
        return ShownReports(
            curve=curve,
            stores=stores,
            drinks=drinks,
            details=details[0] if details else None,
            week=week.report,
            activity=activity,
            missing=missing,
            age=age if age >= OLD_REPORT_SECONDS else None,
        )

    def _selection(self, wanted: Filter, known: Vocabulary | None) -> Selection | str:
        if known is None:
            return "asking the server"
        if not wanted:
            return Selection()
        cached = self._selected
        if cached is None or cached[0] != wanted or cached[1] is not known:
            found = report_selection(wanted, known.store_codes, known.drink_codes)
            cached = self._selected = wanted, known, found
        return cached[2]

    def _current(self, span: Range, answer: ReportAnswer, stores: Sequence[str]) -> Report | None:
        """Return a report unless it is of a day that has ended since at one of its stores."""
        report, view = answer.report, self._live.view
        if report is None or view is None or span.name not in ONE_DAY:
            return report
        retention = view.cube.retention
        dates = {retention.day_of(store).date for store in stores}
        default = retention.days[0].date  # also of stores that nobody knows here any more
        before = timedelta(days=0 if span.ends_now else 1)
        first = datetime.fromtimestamp(min(dates | {default}), UTC).date() - before
        last = datetime.fromtimestamp(max(dates or {default}), UTC).date() - before
        return report if first <= report.period.first and last <= report.period.last else None
