"""Orders over HTTP, as aiohttp's handlers: one, many, and their corrections."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from typing import Final
from uuid import UUID

from aiohttp import hdrs, web

from coffeert.domain.order_keys import key_to_echo, order_id_from_key
from coffeert.domain.orders import Void
from coffeert.errors import FieldError, Malformed, NotFound, TooLarge, UnsupportedMediaType
from coffeert.server.http.aiohttp_connection import consume_quota
from coffeert.server.http.auth import Authorizer
from coffeert.server.http.batch import BatchEndpoint
from coffeert.server.http.body_timeout import BodyTimeout
from coffeert.server.http.decompression import unpacked
from coffeert.server.http.idempotency_key import NAME, batch_key, with_key
from coffeert.server.http.order_endpoint import NDJSON
from coffeert.server.http.responses import batch_refusal, batch_response, order_response
from coffeert.server.ingest.load_shedding import BATCH_OVERHEAD, LoadShedder, overloaded
from coffeert.server.ingest.order_service import OrderService
from coffeert.wire.order_requests import decode_order
from coffeert.wire.orders import OrderBody, encode

UUID_PATTERN: Final = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
"""Of an order id in a path; other keys are not looked up."""
_AVERAGE_LINE_BYTES: Final = 64


class OrdersApi:
    """The handlers of `/api/orders`, for requests that are not answered in front of aiohttp.

    `max_body_bytes` is for an order; `body_timeout` is in seconds: see `BodyTimeout`.
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
        body_timeout: float = 10.0,
    ) -> None:
        self._service = service
        self._batches = batches
        self._authorizer = authorizer
        self._order_shedder = order_shedder
        self._batch_shedder = batch_shedder
        self._max_body_bytes = max_body_bytes
        self._body_timeout = body_timeout

    async def place(self, request: web.Request) -> web.Response:
        """Store one order: 201 after the commit, 200 if it was stored before."""
        with self._order_shedder.admitting() as admitted:
            if not admitted:
                raise overloaded()
            self._authorizer.check_order(request)
            consume_quota(request)
            if request.content_type != "application/json":
                raise UnsupportedMediaType("Send the order as application/json.")
            draft = decode_order(await self._body(request), self._service.places)
            draft = with_key(draft, request.headers.getall(NAME, ()))
            stored = await self._service.place(draft)
        return order_response(stored, self._service.places).for_aiohttp()

    async def find(self, request: web.Request) -> web.Response:
        """Return one order by its id."""
        self._authorizer.check(request)
        order = await self._service.find(UUID(request.match_info["order_id"]))
        return web.Response(
            body=encode(OrderBody.of(order, self._service.places)), content_type="application/json"
        )

    async def void(self, request: web.Request) -> web.Response:
        """Append the correction of one order."""
        self._authorizer.check_order(request)
        consume_quota(request)
        try:
            key = request.match_info["order_id"]
            order_id = order_id_from_key(key)
        except ValueError as error:
            raise NotFound(
                "No order has this id.", errors=(FieldError("order_id", str(error)),)
            ) from None
        stored = await self._service.void(Void(order_id, key_to_echo(key, order_id)))
        return order_response(stored, self._service.places).for_aiohttp()

    async def place_batch(self, request: web.Request) -> web.Response:
        """Store orders given one a line, committed chunk by chunk while the body still arrives."""
        lines = (request.content_length or 0) // _AVERAGE_LINE_BYTES
        with self._batch_shedder.admitting(BATCH_OVERHEAD + lines) as admitted:
            if not admitted:
                return batch_refusal(overloaded()).for_aiohttp()
            self._authorizer.check_order(request)
            if request.content_type not in NDJSON:
                raise UnsupportedMediaType("Send the orders as application/x-ndjson, one a line.")
            key = batch_key(request.headers.getall(NAME, ()))
            pieces = BodyTimeout(self._body_timeout).pieces(request.content)
            body = unpacked(pieces, request.headers.get(hdrs.CONTENT_ENCODING, ""))
            result, error = await self._batches.place(
                _whole(body), partial(consume_quota, request), key
            )
        return batch_response(result, error).for_aiohttp()

    async def _body(self, request: web.Request) -> bytes:
        try:
            # A small body comes with its headers: then there is nothing to time.
            if request.content.is_eof():
                body = await request.read()
            else:
                body = await BodyTimeout(self._body_timeout).wait(request.read())
        except web.HTTPRequestEntityTooLarge:
            raise self._too_large() from None
        encoding = request.headers.get(hdrs.CONTENT_ENCODING)
        return body if encoding is None else await self._unpacked(body, encoding)

    async def _unpacked(self, packed: bytes, encoding: str) -> bytes:
        body = b""
        async for data in unpacked(_single(packed), encoding):
            body += data
            if len(body) > self._max_body_bytes:
                raise self._too_large()
        return body

    def _too_large(self) -> TooLarge:
        return TooLarge(f"The body is larger than {self._max_body_bytes} bytes.")


async def _whole(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    try:
        async for data in body:
            yield data
    except web.RequestPayloadError:
        raise Malformed("The rest of the body cannot be read.") from None


async def _single(piece: bytes) -> AsyncIterator[bytes]:
    yield piece
