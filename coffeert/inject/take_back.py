"""Taking a run of made-up orders back: each of them is voided."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import NamedTuple

from coffeert.client import OrderClient
from coffeert.domain.order_keys import order_id_from_key
from coffeert.domain.order_query import OrderQuery
from coffeert.domain.orders import Void
from coffeert.inject.generator import SOURCE
from coffeert.wire.order_pages import MAX_LIMIT, ListedOrder


class TakenBack(NamedTuple):
    """How many orders of a run were voided now, and how many had been voided before."""

    voided: int
    before: int


async def take_back(client: OrderClient, run: str) -> TakenBack:
    """Void all orders of a run; repeating it changes nothing. Raises `CoffeertError`.

    Only made-up orders can have the run's name together with their source, so no other order is voided.
    """
    wanted = OrderQuery(sources=(SOURCE,), receipt=run)
    voided = before = 0
    place: str | None = None
    while True:
        page = await client.orders(wanted, before=place, limit=MAX_LIMIT)
        left = [order for order in page.orders if order.voided_by is None]
        before += len(page.orders) - len(left)
        if left:
            result = await client.batch(_voids(left))
            voided += result.accepted
            before += result.replayed
        if page.next is None:
            return TakenBack(voided, before)
        place = page.next


async def _voids(orders: Iterable[ListedOrder]) -> AsyncIterator[Void]:
    for order in orders:
        yield Void(order_id_from_key(order.order_id))
