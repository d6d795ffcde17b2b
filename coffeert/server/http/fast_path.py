"""The fast path: from a plain request to its answer without a framework (decision 0018).

aiohttp stays what defines the server's answers: what the fast path does not certainly understand, or
cannot store at once, it hands to aiohttp, with everything that comes on that connection later. What it
answers, it answers with the bytes that aiohttp would send.
"""

from __future__ import annotations

import asyncio
from typing import cast

from coffeert.errors import ApiError
from coffeert.server.http.auth import Authorizer
from coffeert.server.http.doorway import ConnectionGuard
from coffeert.server.http.idempotency_key import with_key
from coffeert.server.http.plain_request import read_plain
from coffeert.server.http.responses import ResponseEncoder
from coffeert.server.ingest.batch_writer import Outcome, PendingOrder
from coffeert.server.ingest.order_service import OrderService
from coffeert.wire.orders import decode_order


class OrderEndpoint:
    """What the fast path of a server needs; `body_limit` is in bytes."""

    def __init__(self, intake: OrderService, access: Authorizer, *, body_limit: int) -> None:
        self.answers = ResponseEncoder()
        self._intake = intake
        self._access = access
        self._body_limit = body_limit

    def read(self, data: bytes) -> PendingOrder | None:
        """Read a plain request that can be stored as it is; `None` where aiohttp is to have it."""
        request = read_plain(data)
        if (
            request is None
            or request.head.length > self._body_limit
            or not self._access.opens_to_orders(request.head.authorization)
        ):
            return None
        key = request.head.idempotency_key
        try:
            return self._intake.entry(with_key(decode_order(request.body), (key,) if key else ()))
        except ApiError:  # once more, and at leisure, by whoever explains it
            return None

    def store(self, entry: PendingOrder) -> asyncio.Future[list[Outcome]]:
        """Have an order stored; raises `Unavailable`, at once."""
        return self._intake.store(entry)


class OrderConnection(asyncio.Protocol):
    """A connection on which nothing but plain requests has come, one at a time."""

    __slots__ = ("_answer", "_gate", "_held", "_path", "_transport")

    def __init__(self, gate: ConnectionGuard, path: OrderEndpoint) -> None:
        self._gate = gate
        self._path = path
        self._answer: asyncio.Future[list[Outcome]] | None = None
        self._held = b""  # what came before the answer to what came before

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note where answers go."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Store a plain request; leave the connection to aiohttp with anything else."""
        if self._answer is not None:
            self._held += data
            self._transport.pause_reading()
            return
        entry = self._path.read(data)
        if entry is None:
            self._gate.hand_over(data)
            return
        self._gate.begin()
        try:
            self._gate.spend(1)
            self._answer = self._path.store(entry)
        except ApiError as refusal:
            self._send(refusal)
        else:
            self._answer.add_done_callback(self._answered)

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave an order that waits, which is then not stored unless it was sent already."""
        if self._answer is not None:
            self._answer.cancel()

    def pause_writing(self) -> None:
        """Take no more orders of a client that does not read the answers."""
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Go on with a client that reads again."""
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def _answered(self, answer: asyncio.Future[list[Outcome]]) -> None:
        self._answer = None
        if not answer.cancelled():
            (outcome,) = answer.result()
            self._send(outcome)

    def _send(self, outcome: Outcome) -> None:
        closing = self._transport.is_closing()
        if not closing:
            answers = self._path.answers
            self._transport.write(
                answers.refused(outcome)
                if isinstance(outcome, ApiError)
                else answers.placed(outcome.order, replayed=outcome.replayed)
            )
        self._gate.end()
        if self._held and not closing:
            held, self._held = self._held, b""
            self._transport.resume_reading()
            self._gate.data_received(held)
