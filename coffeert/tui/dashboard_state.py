"""What the viewer has chosen, and what the panels show of the session because of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from coffeert.domain.orders import Order
from coffeert.domain.rollup_cube import RollupCube
from coffeert.domain.view import View
from coffeert.tui.history.rewind_buffer import MAX_BUFFER_BYTES, RewindBuffer
from coffeert.tui.model.bucket_sums import BucketSumCache
from coffeert.tui.model.data_status import DataStatus, data_status_of
from coffeert.tui.model.filter import EVERYTHING, Filter, Term
from coffeert.tui.model.session import Session
from coffeert.tui.model.window import DEFAULT_RANGE, Range, RangeName, Window, window
from coffeert.tui.render.breakdown import BreakdownRow
from coffeert.tui.render.chart import Metric
from coffeert.tui.render.frame_context import FrameContext
from coffeert.tui.render.glyphs import Glyphs
from coffeert.tui.render.layout import TabName
from coffeert.tui.render.orders import OrdersModel


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

    def __init__(
        self, session: Session, glyphs: Glyphs, rewind_bytes: int = MAX_BUFFER_BYTES
    ) -> None:
        self.live = session
        self.rewind_buffer = RewindBuffer(session, rewind_bytes)
        self._rewound: tuple[float, Session] | None = None
        self.glyphs = glyphs
        self.tab: TabName = "live"
        self.span: Range = DEFAULT_RANGE
        self.metric: Metric = "orders"
        self.filter: Filter = EVERYTHING
        self.path: tuple[Term, ...] = ()
        self.cursor: int | None = None
        self.comparisons: dict[RangeName, Comparison] = {}
        self._frozen: tuple[Order, ...] | None = None
        self._frozen_at = 0
        self._sums: BucketSumCache | None = None
        self._comparison_sums: tuple[Comparison, BucketSumCache] | None = None

    @property
    def session(self) -> Session:
        """The session shown: the live one, or how it was at the moment rewound to."""
        return self.live if self._rewound is None else self._rewound[1]

    @property
    def rewound_to(self) -> float | None:
        """The moment of the past that is shown, in Unix seconds."""
        return None if self._rewound is None else self._rewound[0]

    def seek(self, seconds: float) -> bool:
        """Go back (negative) or forth in time, at most to live; return whether anything changed."""
        start = self.live.now().timestamp() if self._rewound is None else self._rewound[0]
        return self.seek_to(start + seconds)

    def seek_to(self, moment: float) -> bool:
        """Show a moment, in Unix seconds and as far back as possible; return whether anything changed."""
        span = self.rewind_buffer.span
        if span is None:
            return False
        if moment >= self.live.now().timestamp() - 0.5:
            changed = self._rewound is not None
            self._rewound = None
            return changed
        earlier = self.rewind_buffer.session_at(max(moment, span[0]))
        if earlier is None:
            return False
        self._rewound = max(moment, span[0]), earlier
        self._frozen = None
        return True

    def go_live(self) -> None:
        """Show what is now."""
        self._rewound = None

    @property
    def effective_filter(self) -> Filter:
        """The filter together with the store and drink drilled down to."""
        return self.filter.also(*self.path).in_places(self.session.places)

    @property
    def breadcrumbs(self) -> tuple[str, ...]:
        """The codes drilled down to, outermost first."""
        return tuple(term.words[0] for term in self.path)

    @property
    def frozen(self) -> bool:
        """Whether the list of orders is frozen."""
        return self._frozen is not None

    def drill(self, row: BreakdownRow) -> None:
        """Drill down into a store or a drink."""
        kept = tuple(term for term in self.path if term.field != row.dimension)
        self.path = (*kept, Term(row.dimension, (row.code,), exact=True))

    def drill_up(self) -> bool:
        """Leave the innermost store or drink; return whether there was one."""
        if not self.path:
            return False
        self.path = self.path[:-1]
        return True

    def freeze(self, *, on: bool) -> None:
        """Freeze the list of orders, or let it follow again; everything else goes on either way."""
        self._frozen = self.orders_in_memory() if on else None
        self._frozen_at = self.session.orders_seen

    def view(self) -> View | None:
        """Return the view shown; `None` before the first snapshot."""
        return self.session.view

    def orders_in_memory(self) -> tuple[Order, ...]:
        """Return the orders of the session shown, newest first, unfiltered."""
        return self.session.log.newest()

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
        if sums is not None and view is not None:
            moment = now.timestamp()
            window_shown = charted = self._window(sums, moment)
            if data_status.old:
                window_shown = self._window(sums, min(moment, _known_until(view).timestamp()))
        return FrameContext(
            now=now,
            zone=self.session.zone(),
            glyphs=self.glyphs,
            data_status=data_status,
            menu=self.session.menu,
            view=view,
            window=window_shown,
            charted=charted,
        )

    def _window(self, sums: BucketSumCache, moment: float) -> Window:
        return window(sums, self._comparison(moment), self.span, moment)

    def data_status(self) -> DataStatus:
        """Return the status of what is shown."""
        data_status = data_status_of(self.session)
        if self._rewound is not None:
            ago = self.live.now().timestamp() - self._rewound[0]
            return replace(data_status, status="rewind", age=round(ago, 1), retry_in=None)
        if self.live.replaying and data_status.status in ("live", "stale", "lost"):
            return replace(data_status, status="replay")
        return data_status

    def orders(self) -> OrdersModel:
        """Return the list of orders: filtered, live or frozen."""
        wanted = self.effective_filter
        orders = self.orders_in_memory() if self._frozen is None else self._frozen
        if wanted:
            orders = tuple(order for order in orders if wanted.matches_order(order))
        return OrdersModel(
            orders,
            self.live.own.by_id(),
            self.session.zone(),
            frozen=self.frozen,
            unseen=self.session.orders_seen - self._frozen_at if self.frozen else 0,
            filtered=bool(wanted),
            places=self.session.places,
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
