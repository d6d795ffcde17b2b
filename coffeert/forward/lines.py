"""Orders and voids as lines of a batch for another installation, and what became of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from coffeert.client import OrderClient
from coffeert.domain.orders import Draft, Order
from coffeert.errors import ApiError, ConfigError, NotFound
from coffeert.postgres.forwarding import ForwardProgress, ForwardRefusal
from coffeert.wire.orders import BatchResult, LineProblem, OrderBody, draft_body, encode

_CONFLICT: Final = 409


class LineSender:
    """Sends orders to one installation, whose currency must be the same; it has `places` decimal places."""

    def __init__(self, client: OrderClient, url: str, places: int, currency: str | None) -> None:
        self._currency = currency
        self._compared = False
        self._client = client
        self._url = url
        self._places = places

    async def send(self, orders: Sequence[Order]) -> ForwardProgress:
        """Send orders and voids in the order given; return when each was stored, replayed or refused.

        Raises `ServerUnavailable` and `ApiError` if that is not known of all; they can be sent again.
        """
        await self._compare_currencies()
        result = await self._client.batch_lines([self._line(order) for order in orders])
        if result.rejected > len(result.errors) and len(orders) > 1:
            # Not all of the refused are named; what was stored is a replay now.
            half = len(orders) // 2
            halves = (await self.send(orders[:half])).plus(await self.send(orders[half:]))
            return msgspec.structs.replace(
                halves,
                stored=halves.stored + result.accepted,
                replayed=halves.replayed - result.accepted,
            )
        return await self._progress(orders, result)

    async def _compare_currencies(self) -> None:
        if self._compared:
            return
        theirs = (await self._client.menu()).currency
        if theirs != self._currency:
            raise ConfigError(
                f"The currency here is {self._currency or 'not set'}, and there {theirs or 'not set'}: "
                "amounts would mean something else."
            )
        self._compared = True

    def refusal(self, order: Order, status: int, reason: str) -> ForwardRefusal:
        """Describe an order that is not taken."""
        body = msgspec.Raw(encode(OrderBody.of(order, self._places)))
        return ForwardRefusal(self._url, order.order_id, status, reason, body, None)

    async def _progress(self, orders: Sequence[Order], result: BatchResult) -> ForwardProgress:
        refused = [await self._refused(orders[error.line - 1], error) for error in result.errors]
        ids = {one.order_id for one in refused}
        taken = tuple(order.order_id for order in orders if order.order_id not in ids)
        return ForwardProgress(result.accepted, result.replayed, tuple(refused), taken)

    async def _refused(self, order: Order, error: LineProblem) -> ForwardRefusal:
        reason = "; ".join(
            [error.detail, *(f"{fault.field} {fault.message}" for fault in error.errors)]
        )
        found = self.refusal(order, error.status, reason)
        if error.status != _CONFLICT:
            return found
        try:
            theirs = await self._client.order(order.order_id)
        except NotFound:
            return found
        return msgspec.structs.replace(found, theirs=msgspec.Raw(encode(theirs)))

    def _line(self, order: Order) -> bytes:
        if order.voids is not None:
            return encode({"void": order.voids})
        draft = Draft(
            order.store,
            order.drink,
            order.quantity,
            order.price_cents,
            order.placed_at,
            order.order_id,
            order.amount,
            order.source,
            order.receipt,
        )
        return encode(draft_body(draft, self._places))


def is_final(error: ApiError) -> bool:
    """Whether the whole installation refuses us, such as for a wrong token."""
    return error.status in {401, 403, 404, 405, 415, 421}
