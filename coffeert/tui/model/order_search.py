"""What the server is asked for when orders are listed, and the pages that it has answered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from types import MappingProxyType
from typing import Final
from uuid import UUID

from coffeert.domain.order_query import OrderQuery
from coffeert.domain.orders import Order
from coffeert.tui.model.filter import Filter
from coffeert.tui.model.report_request import price_bounds, selection_of
from coffeert.wire.order_pages import OrderList

MAX_LISTED: Final = 10_000
"""As many orders as are kept to scroll through; an export has all of them."""


@dataclass(frozen=True, slots=True)
class OrderSearch:
    """A question for orders; `complete` if the server answers the whole filter, so that its total counts.

    What it cannot answer is filtered here, page by page.
    """

    query: OrderQuery
    wanted: Filter
    complete: bool = True


def search_for(
    wanted: Filter,
    stores: Iterable[str],
    drinks: Iterable[str],
    first: datetime | date | None,
    last: datetime | date | None,
) -> OrderSearch | None:
    """Return the search for what a filter matches, of the codes that are known.

    `None` if nothing can match, since no code does or no price.
    """
    selection, prices = selection_of(wanted, stores, drinks), price_bounds(wanted)
    if selection is not None and () in (selection.stores, selection.drinks):
        return None
    lowest, highest = prices or (None, None)
    if highest is not None and (lowest or 0) > highest:
        return None
    query = OrderQuery(
        stores=() if selection is None else selection.stores or (),
        drinks=() if selection is None else selection.drinks or (),
        first=first,
        last=last,
        min_price=lowest,
        max_price=highest,
    )
    return OrderSearch(query, wanted, complete=selection is not None and prices is not None)


@dataclass(frozen=True, slots=True)
class OrderPages:
    """The newest orders that match, without a gap, and when those were voided that are void.

    `next` is where the page after them begins, `total` how many there are; `asked` is when the first page
    was asked for by the monotonic clock, `version` the session's then, `took` the seconds until the answer.
    """

    search: OrderSearch
    orders: tuple[Order, ...]
    voided: Mapping[UUID, datetime]
    next: str | None
    total: int | None
    asked: float
    version: int
    took: float

    @classmethod
    def first(
        cls, search: OrderSearch, page: OrderList, asked: float, version: int, took: float
    ) -> OrderPages:
        """Return the first page."""
        total = page.total if search.complete else None
        empty = cls(search, (), MappingProxyType({}), None, total, asked, version, took)
        return empty.with_next(page)

    def with_next(self, page: OrderList) -> OrderPages:
        """Return these pages and the one after them."""
        wanted = self.search.wanted
        found = tuple(o for body in page.orders if wanted.matches_order(o := body.order()))
        voided = {
            body.order().order_id: body.voided_at
            for body in page.orders
            if body.voided_at is not None
        }
        return replace(
            self,
            orders=self.orders + found,
            voided=MappingProxyType({**self.voided, **voided}),
            next=page.next,
        )


@dataclass(frozen=True, slots=True)
class ListedOrders:
    """Orders as they are listed, newest first: one row for each, and when it was voided if it was.

    `total` is how many there are; `None` if that is not known. `more`: older ones can be had.
    """

    orders: tuple[Order, ...]
    voided: Mapping[UUID, datetime]
    total: int | None = None
    more: bool = False


def listed(
    received: Iterable[Order],
    wanted: Filter,
    pages: OrderPages | None,
    running_day: Callable[[str], float],
) -> ListedOrders:
    """Join the orders that were received here with the pages that the server has answered.

    Above the end of the pages these have no gap, so below it nothing is taken from what was received.
    `running_day` returns when the running business day of a store began, in Unix seconds.
    """
    voided: dict[UUID, datetime] = {}
    found: dict[UUID, Order] = {}
    for order in received:
        if order.voids is not None:
            voided[order.voids] = order.received_at
            found.setdefault(order.voids, _voided_order(order))
        else:
            found[order.order_id] = order
    found = {key: order for key, order in found.items() if wanted.matches_order(order)}
    if pages is None:
        return ListedOrders(_newest_first(found.values()), voided)
    if pages.next is not None and pages.orders:
        end = pages.orders[-1].recency
        found = {key: order for key, order in found.items() if order.recency >= end}
    first, last = pages.search.query.first, pages.search.query.last
    known = {order.order_id for order in pages.orders}
    fresh = [
        order
        for key, order in found.items()
        if key not in known and _begun(order, first, running_day) and _open(order, last)
    ]
    orders = _newest_first((*fresh, *pages.orders)) if fresh else pages.orders
    total = None if pages.total is None else pages.total + len(fresh)
    more = pages.next is not None and len(orders) < MAX_LISTED
    return ListedOrders(orders, {**pages.voided, **voided}, total, more)


def _begun(
    order: Order, first: datetime | date | None, running_day: Callable[[str], float]
) -> bool:
    if isinstance(first, datetime):
        return order.placed_at >= first
    # Of an order that came late to an earlier day, the server knows whether it belongs here.
    return first is None or order.placed_at.timestamp() >= running_day(order.store)


def _open(order: Order, last: datetime | date | None) -> bool:
    return last is None or (isinstance(last, datetime) and order.placed_at < last)


def _newest_first(orders: Iterable[Order]) -> tuple[Order, ...]:
    return tuple(sorted(orders, key=lambda order: order.recency, reverse=True))


def _voided_order(correction: Order) -> Order:
    """Return the order that a correction cancels, as far as the correction tells."""
    assert correction.voids is not None
    return Order(
        order_id=correction.voids,
        store=correction.store,
        drink=correction.drink,
        quantity=-correction.quantity,
        price_cents=correction.price_cents,
        placed_at=correction.placed_at,
        received_at=correction.placed_at,
        amount=None if correction.amount is None else -correction.amount,
        source=correction.source,
        receipt=correction.receipt,
    )
