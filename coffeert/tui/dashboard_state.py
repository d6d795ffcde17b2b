"""The board: what the viewer has chosen, and the scene that this makes of the session."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from coffeert.domain.orders import Order
from coffeert.domain.rollups import RollupCube
from coffeert.domain.view import View
from coffeert.tui.history.rewind_buffer import TAPE_BYTES, RewindBuffer
from coffeert.tui.model.bucket_sums import BucketSumCache
from coffeert.tui.model.data_status import DataStatus, data_status_of
from coffeert.tui.model.filter import EVERYTHING, Filter, Term
from coffeert.tui.model.ranges import DEFAULT_RANGE, Range, RangeName
from coffeert.tui.model.session import Session
from coffeert.tui.model.window import Window, window
from coffeert.tui.render.breakdown import BreakdownRow
from coffeert.tui.render.chart import Metric
from coffeert.tui.render.frame_context import FrameContext
from coffeert.tui.render.glyphs import Glyphs
from coffeert.tui.render.layout import TabName
from coffeert.tui.render.orders import OrdersModel


@dataclass(frozen=True, slots=True)
class Past:
    """The picture as it was one range before `moment`, in the server's Unix seconds.

    It may stand in for that of up to `margin` seconds earlier or later.
    """

    picture: RollupCube
    moment: float
    margin: float


class DashboardState:
    """Choices, and the sums they lead to; the sums are kept until a bucket or a choice changes."""

    def __init__(self, session: Session, glyphs: Glyphs, rewind_bytes: int = TAPE_BYTES) -> None:
        self.live = session
        self.tape = RewindBuffer(session, rewind_bytes)
        self._rewound: tuple[float, Session] | None = None
        self.glyphs = glyphs
        self.tab: TabName = "live"
        self.span: Range = DEFAULT_RANGE
        self.metric: Metric = "orders"
        self.filter: Filter = EVERYTHING
        self.path: tuple[Term, ...] = ()
        self.cursor: int | None = None
        self.past: dict[RangeName, Past] = {}
        self._frozen: tuple[Order, ...] | None = None
        self._frozen_at = 0
        self._sums: BucketSumCache | None = None
        self._past_sums: tuple[Past, BucketSumCache] | None = None

    @property
    def session(self) -> Session:
        """The session shown: as it is, or as it was."""
        return self.live if self._rewound is None else self._rewound[1]

    @property
    def rewound_to(self) -> float | None:
        """The moment of the past that is shown, in Unix seconds."""
        return None if self._rewound is None else self._rewound[0]

    def scrub(self, seconds: float) -> bool:
        """Go back or forth in time; past the end is live. Tell whether anything changed."""
        start = self.live.now().timestamp() if self._rewound is None else self._rewound[0]
        return self.scrub_to(start + seconds)

    def scrub_to(self, moment: float) -> bool:
        """Show a moment of the past, as far back as the tape reaches."""
        span = self.tape.span
        if span is None:
            return False
        if moment >= self.live.now().timestamp() - 0.5:
            changed = self._rewound is not None
            self._rewound = None
            return changed
        past = self.tape.session_at(max(moment, span[0]))
        if past is None:
            return False
        self._rewound = max(moment, span[0]), past
        self._frozen = None
        return True

    def go_live(self) -> None:
        """Show what is now."""
        self._rewound = None

    @property
    def wanted(self) -> Filter:
        """The filter together with the way drilled down."""
        return self.filter.also(*self.path)

    @property
    def crumbs(self) -> tuple[str, ...]:
        """The codes on the way drilled down."""
        return tuple(term.words[0] for term in self.path)

    @property
    def frozen(self) -> bool:
        """Whether the list of orders stands still."""
        return self._frozen is not None

    def drill(self, row: BreakdownRow) -> None:
        """Go down into a store or a drink."""
        kept = tuple(term for term in self.path if term.field != row.dimension)
        self.path = (*kept, Term(row.dimension, (row.code,), exact=True))

    def rise(self) -> bool:
        """Go up one step; tell whether there was one."""
        if not self.path:
            return False
        self.path = self.path[:-1]
        return True

    def freeze(self, *, on: bool) -> None:
        """Let the list of orders stand still, or follow again. Data goes on either way."""
        self._frozen = self.orders_at_hand() if on else None
        self._frozen_at = self.session.orders_seen

    def view(self) -> View | None:
        """Return the view to show."""
        return self.session.view

    def orders_at_hand(self) -> tuple[Order, ...]:
        """Return the orders to list, before any filter."""
        return self.session.log.newest()

    def sums(self) -> BucketSumCache | None:
        """Return the filtered sums of the view, brought up to date."""
        view = self.view()
        if view is None:
            return None
        touched = self.session.drain_touched()
        wanted = self.wanted
        if self._sums is None or self._sums.picture is not view.cube or self._sums.wanted != wanted:
            self._sums = BucketSumCache(view.cube, wanted)
        else:
            self._sums.forget(touched)
            self._sums.trim()
        return self._sums

    def scene(self) -> FrameContext:
        """Take in the moment."""
        sums, view = self.sums(), self.view()
        truth, now = self.truth(), self.session.now()
        shown = charted = None
        if sums is not None and view is not None:
            moment = now.timestamp()
            shown = charted = self._window(sums, moment)
            if truth.old:
                shown = self._window(sums, min(moment, _known_until(view).timestamp()))
        return FrameContext(
            now=now,
            zone=self.session.zone(),
            glyphs=self.glyphs,
            truth=truth,
            menu=self.session.menu,
            view=view,
            window=shown,
            charted=charted,
        )

    def _window(self, sums: BucketSumCache, moment: float) -> Window:
        return window(sums, self._past(moment), self.span, moment)

    def truth(self) -> DataStatus:
        """Judge what is shown."""
        truth = data_status_of(self.session)
        if self._rewound is not None:
            ago = self.live.now().timestamp() - self._rewound[0]
            return replace(truth, mood="rewind", age=round(ago, 1), retry_in=None)
        if self.live.replaying and truth.mood in ("live", "stale", "lost"):
            return replace(truth, mood="replay")
        return truth

    def orders(self) -> OrdersModel:
        """Make the list of orders."""
        wanted = self.wanted
        orders = self.orders_at_hand() if self._frozen is None else self._frozen
        if wanted:
            orders = tuple(order for order in orders if wanted.takes_order(order))
        return OrdersModel(
            orders,
            self.live.own.by_id(),
            self.session.zone(),
            frozen=self.frozen,
            unseen=self.session.orders_seen - self._frozen_at if self.frozen else 0,
            filtered=bool(wanted),
        )

    def find_order(self, order_id: UUID) -> Order | None:
        """Return an order that is at hand."""
        for orders in (self.orders_at_hand(), self._frozen or ()):
            for order in orders:
                if order.order_id == order_id:
                    return order
        return None

    def _past(self, now: float) -> BucketSumCache | None:
        past = self.past.get(self.span.name)
        if past is None or abs(now - past.moment) > past.margin:
            return None
        if (
            self._past_sums is None
            or self._past_sums[0] is not past
            or self._past_sums[1].wanted != self.wanted
        ):
            self._past_sums = past, BucketSumCache(past.picture, self.wanted)
        return self._past_sums[1]


def _known_until(view: View) -> datetime:
    """Return the moment that figures reach: orders may come in while no pass of the aggregator does."""
    newest = (order.placed_at for order in view.recent[:1])
    return max((view.data_time, *newest))
