"""What the screen asks the server's reports, and the answers that are at hand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from coffeert.domain.money import MAX_PRICE_CENTS, units_from_text
from coffeert.domain.rollups import Totals
from coffeert.tui.model.bucket_sums import BucketSums
from coffeert.tui.model.filter import Filter, Term
from coffeert.wire.reports import Activity, Comparison, Figures, Grouping, Report, ReportRow

MAX_ANSWERS: Final = 48


@dataclass(frozen=True, slots=True)
class Selection:
    """What is counted, `None` for all: codes of stores and drinks, prices of one piece in minor units."""

    stores: tuple[str, ...] | None = None
    drinks: tuple[str, ...] | None = None
    min_price: int | None = None
    max_price: int | None = None


@dataclass(frozen=True, slots=True)
class WantedReport:
    """One question to `GET /api/report`."""

    period: str
    by: tuple[Grouping, ...]
    compare: Comparison | None = None
    selection: Selection = Selection()
    details: bool = False


@dataclass(slots=True)
class ReportAnswer:
    """The latest answer to a request, when it came by the monotonic clock, and why no newer one did."""

    report: Report | None = None
    received: float = 0.0
    minute: int = -1
    """The minute of the server's clock in which it was asked."""
    took: float = 0.0
    """How many seconds the server needed, or was given, for the last one."""
    failure: str = ""
    failed: float = 0.0


@dataclass(slots=True)
class ReportAnswers:
    """The answers to the latest requests, and when the activity of the stores was asked for."""

    answers: dict[WantedReport, ReportAnswer] = field(default_factory=dict)
    calendars: object = None
    """Zones and beginnings of days by which the answers were made."""
    activity_received: float = 0.0
    activity_failed: float = 0.0

    def answer(self, request: WantedReport) -> ReportAnswer:
        """Return what is known about a request, which counts as used now; old ones are dropped."""
        known = self.answers.pop(request, None) or ReportAnswer()
        self.answers[request] = known
        while len(self.answers) > MAX_ANSWERS:
            del self.answers[next(iter(self.answers))]
        return known


def selection_of(wanted: Filter, stores: Iterable[str], drinks: Iterable[str]) -> Selection | None:
    """Return what a filter selects of these codes; prices are left out.

    `None` if that is not every chosen drink at every chosen store: reports cannot be asked for the rest.
    """
    chosen_stores, chosen_drinks = list(stores), list(drinks)
    every = len(chosen_stores), len(chosen_drinks)
    for term in wanted.terms:
        if term.field == "price":
            continue
        by_store = [code for code in chosen_stores if _names(term, code, "")]
        by_drink = [code for code in chosen_drinks if _names(term, "", code)]
        if term.field == "any" and by_store and by_drink and not term.negated:
            return None
        if term.negated:
            chosen_stores = [code for code in chosen_stores if code not in by_store]
            chosen_drinks = [code for code in chosen_drinks if code not in by_drink]
        elif term.field == "store" or (term.field == "any" and by_store):
            chosen_stores = by_store
        else:
            chosen_drinks = by_drink
    return Selection(
        None if len(chosen_stores) == every[0] else tuple(sorted(chosen_stores)),
        None if len(chosen_drinks) == every[1] else tuple(sorted(chosen_drinks)),
    )


def price_bounds(wanted: Filter) -> tuple[int | None, int | None] | None:
    """Return the lowest and the highest price that a filter lets through; `None` in it for any.

    `None` if there is a gap between those that match. None matches if the lowest is the higher one.
    """
    prices = wanted.prices()
    if prices is None:
        return None
    lowest, highest = prices
    return lowest or None, None if lowest <= highest == MAX_PRICE_CENTS else highest


def report_selection(
    wanted: Filter, stores: Iterable[str], drinks: Iterable[str]
) -> Selection | str:
    """Return what reports are asked for, or in words why they have no answer for a filter."""
    selection, prices = selection_of(wanted, stores, drinks), price_bounds(wanted)
    if selection is None:
        return "a word that names stores and drinks has no history: use store: or drink:"
    if () in (selection.stores, selection.drinks):
        return "nothing on the menu is called so"
    if prices is None:
        return "a single price cannot be left out of sums: use price< or price>"
    lowest, highest = prices
    if highest is not None and (lowest or 0) > highest:
        return "no order can have such a price"
    return replace(selection, min_price=lowest, max_price=highest)


def _names(term: Term, store: str, drink: str) -> bool:
    """Return True if the words of a term, negated or not, name one of these codes."""
    if (term.field == "store" and not store) or (term.field == "drink" and not drink):
        return False
    return term.matches(store, drink) != term.negated


@dataclass(frozen=True, slots=True)
class ShownReports:
    """The reports of the range shown: its curve, by store, by drink, and the usual week by hour.

    `details` has receipts and closing of a single day. `missing` says in words why there is nothing to
    compare with, `age` how old the oldest report is, in seconds, if it should have been renewed.
    """

    curve: Report | None = None
    stores: Report | None = None
    drinks: Report | None = None
    details: Report | None = None
    week: Report | None = None
    activity: Activity | None = None
    missing: str = ""
    age: float | None = None

    @property
    def total(self) -> ReportRow | None:
        """The sums of the whole range."""
        return None if self.curve is None else self.curve.total


NO_REPORTS: Final = ShownReports()


def totals_of(figures: Figures) -> Totals:
    """Return the sums of a report's row in minor units."""
    return Totals(figures.orders, figures.pieces, units_from_text(figures.takings))


def sums_of(reports: ShownReports) -> BucketSums | None:
    """Return a range as reports have it; `None` as long as one is missing."""
    if reports.total is None or reports.stores is None or reports.drinks is None:
        return None
    return BucketSums(
        totals_of(reports.total.figures),
        {row.keys[0]: totals_of(row.figures) for row in reports.stores.rows},
        {row.keys[0]: totals_of(row.figures) for row in reports.drinks.rows},
    )
