"""What the viewer has chosen, and what the panels show of the session because of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Final

from coffeert.domain.rollup_cube import RollupCube
from coffeert.domain.view import View
from coffeert.tui.model.axis_scale import AxisScale
from coffeert.tui.model.bucket_sums import BucketSumCache
from coffeert.tui.model.data_status import DataStatus, data_status_of
from coffeert.tui.model.filter import EVERYTHING, Filter, Term
from coffeert.tui.model.order_listing import OrderListing
from coffeert.tui.model.order_search import OrderSearch, search_for
from coffeert.tui.model.past import TimeTravel
from coffeert.tui.model.report_request import (
    NO_REPORTS,
    ReportAnswer,
    ReportAnswers,
    Selection,
    ShownReports,
    WantedReport,
    selection_of,
    sums_of,
)
from coffeert.tui.model.session import Session
from coffeert.tui.model.window import (
    DEFAULT_RANGE,
    ONE_DAY,
    Range,
    RangeName,
    Window,
    minutes_window,
    today_window,
)
from coffeert.tui.render.breakdown import BreakdownRow, SortColumn
from coffeert.tui.render.chart import Metric
from coffeert.tui.render.frame_context import FrameContext
from coffeert.tui.render.glyphs import Glyphs
from coffeert.tui.render.layout import Listing, PanelName, TabName
from coffeert.tui.render.orders import OrdersModel
from coffeert.wire.orders import MenuBody
from coffeert.wire.reports import Comparison as ReportComparison
from coffeert.wire.reports import Report

OLD_REPORT_SECONDS: Final = 150.0
"""A report is asked for each minute: one this old has been missed at least once."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The rollup cube as it was one range before `moment`, in Unix seconds by the server's clock.

    It is used for moments up to `max_distance` seconds earlier or later.
    """

    cube: RollupCube
    moment: float
    max_distance: float


class DashboardState:
    """Tab, range, filter, drill-down, rewind and freeze; the filtered sums are cached until one changes."""

    def __init__(self, session: Session, glyphs: Glyphs) -> None:
        self.live = session
        self.travel = TimeTravel(session.now)
        self.glyphs = glyphs
        self.tab: TabName = "live"
        self.span: Range = DEFAULT_RANGE
        self.metric: Metric = "takings"
        self.compare: ReportComparison = "last-week"
        self.sort: SortColumn = "takings"
        self.enlarged: PanelName | None = None
        self.reports = ReportAnswers()
        self.axis = AxisScale()
        self.filter: Filter = EVERYTHING
        self.path: tuple[Term, ...] = ()
        self.cursor: int | None = None
        self.comparisons: dict[RangeName, Comparison] = {}
        self.listing_orders = OrderListing()
        self._sums: BucketSumCache | None = None
        self._selected: tuple[tuple[Filter, MenuBody, int], Selection | None] | None = None
        self._search: tuple[tuple[object, ...], OrderSearch | None] | None = None
        self._comparison_sums: tuple[Comparison, BucketSumCache] | None = None

    @property
    def session(self) -> Session:
        """The session shown: the live one, or how it was at the moment rewound to."""
        shown = self.travel.shown
        return self.live if shown is None else shown[1]

    @property
    def rewound_to(self) -> datetime | None:
        """The moment of the past that is shown."""
        return None if self.travel.shown is None else self.travel.shown[0]

    @property
    def effective_filter(self) -> Filter:
        """The filter together with the store and drink drilled down to."""
        return self.filter.also(*self.path).in_places(self.session.places)

    @property
    def listing(self) -> Listing:
        """What the tabs of stores and drinks list: the one that has not been drilled into."""
        inside = {term.field for term in self.path}
        if inside == {"store"}:
            return "drinks"
        if inside == {"drink"}:
            return "stores"
        return "drinks" if self.tab == "drinks" else "stores"

    @property
    def sums_filter(self) -> Filter:
        """The part of the filter that sums obey: what was sold at which price, they do not tell."""
        terms = self.effective_filter.terms
        return Filter(tuple(term for term in terms if term.field != "price"))

    @property
    def comparison(self) -> ReportComparison | None:
        """What the range is compared with; `None` for the latest minutes."""
        known = self.span.comparisons
        return self.compare if self.compare in known else next(iter(known), None)

    @property
    def breadcrumbs(self) -> tuple[str, ...]:
        """The codes drilled down to, outermost first."""
        return tuple(term.words[0] for term in self.path)

    @property
    def frozen(self) -> bool:
        """Whether the list of orders is held."""
        return self.listing_orders.held

    def drill(self, row: BreakdownRow) -> None:
        """Drill down into a store or a drink."""
        kept = tuple(term for term in self.path if term.field != row.dimension)
        self.listing_orders.follow()
        self.path = (*kept, Term(row.dimension, (row.code,), exact=True))

    def drill_up(self) -> bool:
        """Leave the innermost store or drink; return whether there was one."""
        if not self.path:
            return False
        self.listing_orders.follow()
        self.path = self.path[:-1]
        return True

    def freeze(self, *, on: bool) -> None:
        """Hold the list of orders, or let it follow again; everything else goes on either way."""
        if on:
            self.listing_orders.hold(self.session)
        else:
            self.listing_orders.follow()

    def view(self) -> View | None:
        """Return the view shown; `None` before the first snapshot."""
        return self.session.view

    def sums(self) -> BucketSumCache | None:
        """Return the filtered sums of the view shown, up to date."""
        view = self.view()
        if view is None:
            return None
        touched = self.session.drain_touched()
        wanted = self.sums_filter
        if self._sums is None or self._sums.cube is not view.cube or self._sums.wanted != wanted:
            self._sums = BucketSumCache(view.cube, wanted)
        else:
            self._sums.forget(touched)
            self._sums.trim()
        return self._sums

    def frame_context(self) -> FrameContext:
        """Return everything that a repaint is drawn from, as of now."""
        sums, view = self.sums(), self.view()
        data_status, now = self.data_status(), self.session.now()
        window_shown = charted = None
        reports = self._shown_reports()
        if sums is not None and view is not None:
            moment = now.timestamp()
            window_shown = charted = self._window(sums, moment, reports)
            if data_status.old and (self.span.minutes or self.span.name == "today"):
                known = min(moment, _known_until(view).timestamp())
                window_shown = self._window(sums, known, reports)
        return FrameContext(
            now=now,
            zone=self.session.zone(),
            glyphs=self.glyphs,
            data_status=data_status,
            menu=self.session.menu,
            view=view,
            window=window_shown,
            charted=charted,
            reports=reports,
            span=self.span,
            comparison=self.comparison,
            wanted=self.sums_filter,
        )

    def _window(self, sums: BucketSumCache, moment: float, reports: ShownReports) -> Window | None:
        if self.span.minutes:
            return minutes_window(sums, self._comparison(moment), self.span, moment)
        if self.span.name == "today":
            return today_window(sums, self.span, moment)
        reported = sums_of(reports)
        return None if reported is None else Window(self.span, moment, reported)

    def selection(self) -> Selection | None:
        """Return what reports are asked for; `None` if they cannot answer for the filter."""
        view, menu, wanted = self.live.view, self.live.menu, self.sums_filter
        if view is None or menu is None:
            return None
        if not wanted:
            return Selection()
        # What is not on the menu any more has been sold, too; to look for it at each repaint is too dear.
        key = wanted, menu, view.cube.retention.as_of
        if self._selected is None or self._selected[0] != key:
            sold = view.cube.cells_total("day")
            stores = {store.code for store in menu.stores} | {pair.store for pair in sold}
            drinks = {drink.code for drink in menu.drinks} | {pair.drink for pair in sold}
            self._selected = key, selection_of(wanted, stores, drinks)
        return self._selected[1]

    def wanted_reports(self) -> tuple[WantedReport, ...]:
        """Return what is to be asked for what the screen shows."""
        selection = self.selection()
        if selection is None or () in (selection.stores, selection.drinks):
            return ()
        week = WantedReport("28-days", ("weekday", "hour"), None, selection)
        period = self.span.period
        if self.rewound_to is not None or not period:
            return (week,)
        compare = self.comparison
        return (
            WantedReport(period, (self.span.grouping,), compare, selection),
            WantedReport(period, ("store",), compare, selection),
            WantedReport(period, ("drink",), compare, selection),
            week,
        )

    def _shown_reports(self) -> ShownReports:
        if self.live.replaying:
            return replace(NO_REPORTS, missing="a recording has no days to compare with")
        wanted = self.wanted_reports()
        if not wanted:
            return replace(NO_REPORTS, missing=_not_asked(self.selection()))
        activity = None if self.rewound_to is not None else self.live.activity
        answers = [self.reports.answer(request) for request in wanted]
        week = answers.pop()
        if not answers:
            why = "the past is compared with nothing" if self.rewound_to is not None else ""
            return ShownReports(week=week.report, activity=activity, missing=why)
        curve, stores, drinks = (self._current(answer) for answer in answers)
        missing = ""
        if curve is None:
            missing = next((a.failure for a in answers if a.failure), "asking the server")
        moment = self.live.clock.monotonic()
        ages = [moment - answer.received for answer in answers if answer.report is not None]
        age = max(ages, default=0.0)
        return ShownReports(
            curve=curve,
            stores=stores,
            drinks=drinks,
            week=week.report,
            activity=activity,
            missing=missing,
            age=age if age >= OLD_REPORT_SECONDS else None,
        )

    def _current(self, answer: ReportAnswer) -> Report | None:
        """Return a report unless it is of a day that has ended since."""
        report, view = answer.report, self.live.view
        if report is None or view is None or self.span.name not in ONE_DAY:
            return report
        today = datetime.fromtimestamp(view.cube.retention.days[0].date, UTC).date()
        ended = today - timedelta(days=0 if self.span.ends_now else 1)
        return report if report.period.first == ended else None

    def data_status(self) -> DataStatus:
        """Return the status of what is shown."""
        data_status = data_status_of(self.session)
        if self.rewound_to is not None:
            ago = (self.live.now() - self.rewound_to).total_seconds()
            return replace(data_status, status="rewind", age=round(ago, 1), retry_in=None)
        if self.live.replaying and data_status.status in ("live", "stale", "lost"):
            return replace(data_status, status="replay")
        return data_status

    def order_search(self) -> OrderSearch | None:
        """Return what the server is asked for the list; `None` if it cannot be asked or nothing can match.

        What was drilled down to is limited to the range, so that the list has the orders that its figures
        count.
        """
        view, menu, wanted = self.session.view, self.live.menu, self.effective_filter
        if view is None or menu is None or self.live.replaying:
            return None
        pages = self.listing_orders.pages
        if self.listing_orders.held and pages is not None and pages.search.wanted == wanted:
            return pages.search  # the range moves on meanwhile
        first, last = self._listed_span() if self.path else (None, None)
        if self.rewound_to is not None:
            last = self.rewound_to + timedelta(microseconds=1)
        key = wanted, menu, first, last, view.cube.retention.as_of
        if self._search is None or self._search[0] != key:
            sold = view.cube.cells_total("day")
            stores = {store.code for store in menu.stores} | {pair.store for pair in sold}
            drinks = {drink.code for drink in menu.drinks} | {pair.drink for pair in sold}
            self._search = key, search_for(wanted, stores, drinks, first, last)
        return self._search[1]

    def _listed_span(self) -> tuple[datetime | date | None, datetime | date | None]:
        """Return from when and until when orders are listed that were drilled down to."""
        view, now = self.session.view, self.session.now().timestamp()
        if self.span.minutes:
            return datetime.fromtimestamp(self.span.starts(now)[0], UTC), None
        report = self._shown_reports().curve
        if report is not None:
            return report.period.first, None if self.span.ends_now else report.period.last
        if view is None or self.span.name not in ONE_DAY:
            return None, None
        today = datetime.fromtimestamp(view.cube.retention.days[0].date, UTC).date()
        return (today, None) if self.span.ends_now else (today - timedelta(days=1),) * 2

    def orders(self, context: FrameContext | None = None) -> OrdersModel:
        """Return the list of orders: filtered, following or held; `context` has the names of codes."""
        wanted, listing = self.effective_filter, self.listing_orders
        search = self.order_search()
        listed = listing.listed(self.session, search, wanted)
        return OrdersModel(
            listed,
            self.live.own.by_id(),
            self.session.zone(),
            held=listing.held,
            unseen=listing.unseen(self.session, wanted),
            filtered=bool(wanted),
            places=self.session.places,
            span=self.span.name if self.path and listing.pages_for(search) else "",
            asked=listing.pages_for(search) is not None,
            store_names=None if context is None else context.store_names,
            drink_names=None if context is None else context.drink_names,
            until=self.session.now() if self.rewound_to is not None else None,
        )

    def _comparison(self, now: float) -> BucketSumCache | None:
        earlier = self.comparisons.get(self.span.name)
        if earlier is None or abs(now - earlier.moment) > earlier.max_distance:
            return None
        wanted, cached = self.sums_filter, self._comparison_sums
        if cached is None or cached[0] is not earlier or cached[1].wanted != wanted:
            cached = self._comparison_sums = earlier, BucketSumCache(earlier.cube, wanted)
        return cached[1]


def _not_asked(selection: Selection | None) -> str:
    if selection is None:
        return "a word that names stores and drinks has no history: use store: or drink:"
    return "nothing on the menu is called so"


def _known_until(view: View) -> datetime:
    """Return the moment up to which the view is known: orders may arrive while passes do not."""
    newest = (order.placed_at for order in view.recent[:1])
    return max((view.data_time, *newest))
