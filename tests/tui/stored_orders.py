"""What the scripted server answers for the list of orders."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime

from coffeert.domain.order_query import ListPlace, OrderQuery
from coffeert.domain.orders import Order
from coffeert.wire.order_pages import ListedOrder, OrderList


def matching(orders: Iterable[Order], wanted: OrderQuery) -> list[Order]:
    """Return the orders that match, newest first; business days are those of UTC."""
    found = {order.order_id: order for order in orders if _matches(order, wanted)}
    return sorted(found.values(), key=lambda order: order.recency, reverse=True)


def page_of(
    orders: Iterable[Order], wanted: OrderQuery, before: str | None, limit: int
) -> OrderList:
    """Return a page of the orders that match; corrections are told with what they void."""
    rows = list(orders)
    voids = {order.voids: order for order in rows if order.voids is not None}
    found = matching((order for order in rows if order.voids is None), wanted)
    total = len(found) if before is None else None
    if before is not None:
        place = ListPlace.from_text(before)
        found = [o for o in found if o.recency < (place.placed_at, place.order_id)]
    page = tuple(
        ListedOrder.listed(
            order,
            2,
            None if (void := voids.get(order.order_id)) is None else void.order_id,
            None if void is None else void.received_at,
        )
        for order in found[:limit]
    )
    more = len(found) > limit
    return OrderList(page, ListPlace.behind(found[limit - 1]).text() if more else None, total)


def _matches(order: Order, wanted: OrderQuery) -> bool:
    return (
        (not wanted.stores or order.store in wanted.stores)
        and (not wanted.drinks or order.drink in wanted.drinks)
        and (wanted.min_price or 0) <= order.price_cents
        and order.price_cents <= (10**9 if wanted.max_price is None else wanted.max_price)
        and (wanted.first is None or order.placed_at >= _begin(wanted.first))
        and (
            wanted.last is None
            or (
                order.placed_at < wanted.last
                if isinstance(wanted.last, datetime)
                else _day(order) <= wanted.last
            )
        )
    )


def _begin(first: datetime | date) -> datetime:
    if isinstance(first, datetime):
        return first
    return datetime(first.year, first.month, first.day, tzinfo=UTC)


def _day(order: Order) -> date:
    return order.placed_at.astimezone(UTC).date()
