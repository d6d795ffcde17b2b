"""The list of orders: it follows what arrives, or is held while somebody reads it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from coffeert.domain.orders import Order
from coffeert.tui.model.filter import EVERYTHING, Filter
from coffeert.tui.model.order_search import ListedOrders, OrderPages, OrderSearch, listed
from coffeert.tui.model.session import Session


@dataclass(frozen=True, slots=True)
class _Held:
    received: tuple[Order, ...]
    seen: int


@dataclass(frozen=True, slots=True)
class _Joined:
    received: tuple[Order, ...]
    pages: OrderPages | None
    wanted: Filter
    orders: ListedOrders


class OrderListing:
    """Joins what a session has received with the pages of the server, for the search that is wanted.

    Attributes:
        shown: Whether the list is on the screen, so that pages are worth asking for.
        more_wanted: Whether the reader is near the end of what is listed.
        failure: Why the last page could not be had.
    """

    def __init__(self) -> None:
        self.shown = False
        self.more_wanted = False
        self.failure = ""
        self.pages: OrderPages | None = None
        self._held: _Held | None = None
        self._cached: _Joined | None = None

    @property
    def held(self) -> bool:
        """Whether the list stands still."""
        return self._held is not None

    def hold(self, session: Session) -> None:
        """Let the list stand still; everything else goes on."""
        if self._held is None:
            self._held = _Held(session.log.newest(), session.orders_seen)

    def follow(self) -> None:
        """Let the list follow what arrives."""
        self._held = None

    def unseen(self, session: Session, wanted: Filter) -> int:
        """Return how many orders that match have come since the list was held."""
        held = self._held
        if held is None:
            return 0
        if not wanted:
            return session.orders_seen - held.seen
        known = {order.order_id for order in held.received}
        return sum(
            order.voids is None and order.order_id not in known and wanted.matches_order(order)
            for order in session.log.newest()
        )

    def pages_for(self, search: OrderSearch | None) -> OrderPages | None:
        """Return the pages at hand if they answer this search."""
        pages = self.pages
        return None if pages is None or search is None or pages.search != search else pages

    def listed(
        self,
        session: Session,
        search: OrderSearch | None,
        wanted: Filter = EVERYTHING,
    ) -> ListedOrders:
        """Return the orders to show; the same object as long as nothing has changed."""
        received = session.log.newest() if self._held is None else self._held.received
        pages = self.pages_for(search)
        cached = self._cached
        if (
            cached is None
            or cached.received is not received
            or cached.pages is not pages
            or cached.wanted != wanted
        ):
            joined = listed(received, wanted, pages, _running_day(session))
            cached = self._cached = _Joined(received, pages, wanted, joined)
        return cached.orders


def _running_day(session: Session) -> Callable[[str], float]:
    view = session.view
    if view is None:
        return lambda store: 0.0
    retention = view.cube.retention
    return lambda store: retention.day_of(store).begins
