"""What the connections in front of aiohttp need to answer orders, and how an order's key is read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Final

from coffeert.domain.order_keys import BatchKey
from coffeert.errors import ApiError
from coffeert.server.http.auth import Authorizer
from coffeert.server.http.batch import BatchEndpoint
from coffeert.server.http.errors import api_error
from coffeert.server.http.idempotency_key import batch_key, with_key
from coffeert.server.http.request_head import Head, RecentHeads
from coffeert.server.http.request_reader import BATCHES, ORDERS, FramedRequest
from coffeert.server.http.responses import (
    Response,
    ResponseEncoder,
    batch_refusal,
    batch_response,
    error_response,
    order_response,
)
from coffeert.server.ingest.batch_insert import Outcome, PendingOrder
from coffeert.server.ingest.load_shedding import BATCH_OVERHEAD, LoadShedder, overloaded
from coffeert.server.ingest.order_service import OrderService
from coffeert.wire.order_requests import decode_order

NDJSON = frozenset({"application/x-ndjson", "application/ndjson", "application/jsonl"})
_MAX_BATCH_BYTES = 1 << 20  # what is larger is stored while it arrives, by aiohttp's handler


class OrderEndpoint:
    """Reads, stores and answers orders and batches without a framework.

    aiohttp's handlers define the answers: what is not certainly an order that can be stored as it is gets
    `None` here, and aiohttp explains it. `max_body_bytes` is for an order.
    """

    def __init__(
        self,
        service: OrderService,
        batches: BatchEndpoint,
        authorizer: Authorizer,
        *,
        order_shedder: LoadShedder,
        batch_shedder: LoadShedder,
        max_body_bytes: int,
    ) -> None:
        self.encoder = ResponseEncoder()
        self.recent_heads = RecentHeads()
        self.max_bytes = {ORDERS: max_body_bytes, BATCHES: _MAX_BATCH_BYTES}
        self._service = service
        self._batches = batches
        self._authorizer = authorizer
        self._order_shedder = order_shedder
        self._batch_shedder = batch_shedder

    def shedder(self, head: Head) -> LoadShedder:
        """Return the policy that applies to a request."""
        return self._batch_shedder if head.target == BATCHES else self._order_shedder

    def cost(self, request: FramedRequest) -> tuple[LoadShedder, int]:
        """Return the policy that applies to a request, and what it costs in orders."""
        if request.head.target == ORDERS:
            return self._order_shedder, 1
        return self._batch_shedder, BATCH_OVERHEAD + request.body.count(b"\n")

    def accepts(self, head: Head) -> bool:
        """Return True if the sender may order, and the body is of a kind that is read here."""
        kind = head.content_type.partition(";")[0].strip().lower()
        return (
            (kind in NDJSON if head.target == BATCHES else kind == "application/json")
            and self._authorizer.allows_orders(head.authorization)
            and self._authorizer.allows_host(head.host)
            and self._authorizer.allows_origin(head.origin, head.host)
        )

    def read_order(self, request: FramedRequest) -> PendingOrder | None:
        """Read an order of an accepted head that can be stored as it is; `None` if aiohttp must answer."""
        key = request.idempotency_key
        try:
            draft = decode_order(request.body, self._service.places)
            return self._service.entry(draft if key is None else with_key(draft, (key,)))
        except ApiError:
            return None

    def store(self, order: PendingOrder) -> asyncio.Future[list[Outcome]]:
        """Have an order stored; raises `Unavailable` at once."""
        return self._service.store(order)

    def order_response(self, outcome: Outcome, head: Head) -> bytes:
        """Encode what became of an order."""
        if isinstance(outcome, ApiError):
            return self.encode(error_response(outcome), head)
        places = self._service.places
        if outcome.replayed:
            return self.encode(order_response(outcome, places), head)
        created = self.encoder.created(outcome, places, head.version, keep_alive=head.keep_alive)
        if head.origin is None:
            return created
        return self._authorizer.cors.insert_fields(created, head.origin)

    def accepts_key(self, request: FramedRequest) -> bool:
        """Return True if the key of a batch can be used; if not, aiohttp must answer."""
        try:
            _batch_key(request)
        except ApiError:
            return False
        return True

    async def place_batch(
        self, request: FramedRequest, consume_quota: Callable[[int], object]
    ) -> Response:
        """Store the lines of a body whose key is accepted."""
        try:
            result, error = await self._batches.place(
                _single(request.body), consume_quota, _batch_key(request)
            )
        except Exception as fault:  # noqa: BLE001 (`api_error` logs it)
            return error_response(api_error(fault, request.head.target.decode()))
        return batch_response(result, error)

    def overloaded_response(self, head: Head) -> bytes:
        """Encode the refusal of a request that was not looked at."""
        return self.encode(_OVERLOADED[head.target], head)

    def encode(self, response: Response, head: Head) -> bytes:
        """Encode the response to a request."""
        encoded = self.encoder.encode(response, head.version, keep_alive=head.keep_alive)
        if head.origin is None:
            return encoded
        return self._authorizer.cors.insert_fields(encoded, head.origin)


# Made once, since under overload refusals are most of the answers.
_OVERLOADED: Final = {ORDERS: error_response(overloaded()), BATCHES: batch_refusal(overloaded())}


def _batch_key(request: FramedRequest) -> BatchKey | None:
    key = request.idempotency_key
    return None if key is None else batch_key((key,))


async def _single(piece: bytes) -> AsyncIterator[bytes]:
    yield piece
