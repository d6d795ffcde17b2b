"""What the viewer has chosen, and what the panels show of the session because of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from coffeert.domain.rollup_cube import RollupCube
from coffeert.domain.view import View
from coffeert.tui.model.axis_scale import AxisScale
from coffeert.tui.model.bucket_sums import BucketSumCache
from coffeert.tui.model.data_status import DataStatus, data_status_of
from coffeert.tui.model.filter import EVERYTHING, Filter, Term
from coffeert.tui.model.filter_entry import Vocabulary
from coffeert.tui.model.order_listing import OrderListing
from coffeert.tui.model.order_search import OrderSearch, search_for
from coffeert.tui.model.past import TimeTravel
from coffeert.tui.model.range_reports import RangeChoice, RangeReports
from coffeert.tui.model.report_request import ReportAnswers, ShownReports, WantedReport, sums_of
from coffeert.tui.model.session import Session
from coffeert.tui.model.window import (
    DEFAULT_RANGE,
    ONE_DAY,
    Range,
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
        self.opened_from: Range | None = None
        """The range in whose chart the day shown was opened."""
        self.metric: Metric = "takings"
        self.compare: ReportComparison = "last-week"
        self.sort: SortColumn = "takings"
        self.enlarged: PanelName | None = None
        self._range_reports = RangeReports(session)
        self.axis = AxisScale()
        self.filter: Filter = EVERYTHING
        self.path: tuple[Term, ...] = ()
        self.cursor: int | None = None
        self.comparisons: dict[str, Comparison] = {}
        self.listing_orders = OrderListing()
        self._sums: BucketSumCache | None = None
        self._vocabulary: tuple[MenuBody, int, Vocabulary] | None = None
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
        wanted = self.effective_filter
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
        reports = self.shown_reports()
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
            wanted=self.effective_filter,
        )

    def _window(self, sums: BucketSumCache, moment: float, reports: ShownReports) -> Window | None:
        if not self.effective_filter.by_price:  # which the live view does not tell
            if self.span.minutes:
                return minutes_window(sums, self._comparison(moment), self.span, moment)
            if self.span.name == "today":
                return today_window(sums, self.span, moment)
        reported = sums_of(reports)
        return None if reported is None else Window(self.span, moment, reported)

    def vocabulary(self) -> Vocabulary | None:
        """Return what a filter can name; `None` before the first data."""
        view, menu = self.live.view, self.live.menu
        if view is None or menu is None:
            return None
        # What is not on the menu any more has been sold, too; to look for it at each repaint is too dear.
        cached, as_of = self._vocabulary, view.cube.retention.as_of
        if cached is None or cached[0] is not menu or cached[1] != as_of:
            known = Vocabulary.of(menu, view.cube.cells_total("day"))
            if cached is not None and cached[2] == known:
                known = cached[2]
            cached = self._vocabulary = menu, as_of, known
        return cached[2]

    @property
    def reports(self) -> ReportAnswers:
        """The answers of the server's reports."""
        return self._range_reports.answers

    def wanted_reports(self) -> tuple[WantedReport, ...]:
        """Return what is to be asked for what the screen shows."""
        return self._range_reports.wanted(self._range_choice(), self.vocabulary())

    def shown_reports(self) -> ShownReports:
        """Return what is at hand of the reports that the screen shows."""
        return self._range_reports.shown(self._range_choice(), self.vocabulary())

    def _range_choice(self) -> RangeChoice:
        past = self.rewound_to is not None
        return RangeChoice(self.span, self.comparison, self.effective_filter, past)

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
        known, wanted = self.vocabulary(), self.effective_filter
        if self.session.view is None or known is None or self.live.replaying:
            return None
        pages = self.listing_orders.pages
        if self.listing_orders.held and pages is not None and pages.search.wanted == wanted:
            return pages.search  # the range moves on meanwhile
        first, last = self._listed_span() if self.path else (None, None)
        if self.rewound_to is not None:
            last = self.rewound_to + timedelta(microseconds=1)
        key = wanted, known, first, last
        if self._search is None or self._search[0] != key:
            self._search = (
                key,
                search_for(wanted, known.store_codes, known.drink_codes, first, last),
            )
        return self._search[1]

    def _listed_span(self) -> tuple[datetime | date | None, datetime | date | None]:
        """Return from when and until when orders are listed that were drilled down to."""
        view, now = self.session.view, self.session.now().timestamp()
        if self.span.minutes:
            return datetime.fromtimestamp(self.span.starts(now)[0], UTC), None
        report = self.shown_reports().curve
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
        wanted, cached = self.effective_filter, self._comparison_sums
        if cached is None or cached[0] is not earlier or cached[1].wanted != wanted:
            cached = self._comparison_sums = earlier, BucketSumCache(earlier.cube, wanted)
        return cached[1]


def _known_until(view: View) -> datetime:
    """Return the moment up to which the view is known: orders may arrive while passes do not."""
    newest = (order.placed_at for order in view.recent[:1])
    return max((view.data_time, *newest))
