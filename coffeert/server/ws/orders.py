"""The text frames of one WebSocket client: orders, each stored, queued or refused, and resyncs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Final, Protocol, assert_never

import structlog

from coffeert.domain.orders import Void
from coffeert.errors import ApiError, Forbidden, Invalid, Unavailable
from coffeert.server.ingest.batch_insert import Outcome, StoredOrder
from coffeert.server.ingest.load_shedding import LoadShedder, overloaded
from coffeert.server.ingest.order_service import OrderService
from coffeert.wire import frames
from coffeert.wire.order_requests import draft_from_request, void_from_request
from coffeert.wire.orders import OrderBody

log = structlog.get_logger(__name__)

MAX_UNANSWERED_ORDERS: Final = 256
"""With so many orders without an answer a connection is not read from: backpressure."""


class ClientSession(Protocol):
    """The client that sends the frames."""

    def send(self, *payloads: bytes) -> object:
        """Send text frames."""

    def consume_quota(self) -> None:
        """Count one order against the client's rate limit; raises `TooManyRequests`."""

    def resync(self) -> None:
        """Have a whole snapshot sent."""


class WebSocketOrders:
    """Handles what one client sends. `group` runs orders for which the database must be asked first.

    `unanswered` counts the orders that are queued or being stored; `on_capacity` is called when they
    fall below `MAX_UNANSWERED_ORDERS`.
    """

    def __init__(
        self,
        session: ClientSession,
        order_service: OrderService,
        shedder: LoadShedder,
        group: asyncio.TaskGroup,
        *,
        may_order: bool,
    ) -> None:
        self._session = session
        self._order_service = order_service
        self._shedder = shedder
        self._group = group
        self._may_order = may_order
        self._loop = asyncio.get_running_loop()
        self.unanswered = 0
        self.on_capacity: Callable[[], object] | None = None
        self._waiter: tuple[int, asyncio.Future[None]] | None = None
        self._pending: set[asyncio.Future[list[Outcome]]] = set()
        self._refusals: list[bytes] = []
        self._closed = False

    async def wait_until_below(self, unanswered: int) -> None:
        """Wait until fewer orders than that have no answer."""
        while self.unanswered >= unanswered:
            self._waiter = unanswered, self._loop.create_future()
            await self._waiter[1]

    def handle(self, text: str) -> None:
        """Handle one text frame, valid or not; `flush_refusals` after the last one."""
        if self._closed:
            return
        shedder = self._shedder
        overloaded = shedder.full or shedder.shedding
        peek = frames.peek(text) if overloaded or not self._may_order else None
        if not self._may_order and (peek is None or peek.type in frames.ORDERING):
            # Without the right to order a frame costs no more than this, however long it is. One whose
            # type cannot be read is no resync, so it is not looked at closely either.
            self._refusals.append(_FORBIDDEN.encode(None if peek is None else peek.ref))
        elif peek is None or peek.type not in frames.ORDERING:
            self.unanswered += 1
            self._decode(text, admitted=False)
        elif not shedder.try_admit():
            self._refusals.append(_OVERLOADED.encode(peek.ref))
        else:
            self.unanswered += 1
            if shedder.full:
                shedder.enqueue(_QueuedOrder(self, text))
            else:
                self._decode(text, admitted=True)

    def flush_refusals(self) -> None:
        """Send the refusals of orders that were not decoded, which are many at a time."""
        if self._refusals:
            refusals, self._refusals = self._refusals, []
            self._session.send(*refusals)

    def close(self) -> None:
        """Forget the client: its orders that were not sent to the database yet are not stored."""
        self._closed = True
        for answer in list(self._pending):
            answer.cancel()

    def resume(self, text: str) -> None:
        """Handle an order that was queued."""
        if self._closed:
            self._done(admitted=True)
        else:
            self._decode(text, admitted=True)

    def _decode(self, text: str, *, admitted: bool) -> None:
        if self._shedder.enter():
            self._loop.call_soon(self._shedder.next_iteration)
        try:
            frame = frames.decode_client_frame(text, self._order_service.places)
            match frame:
                case frames.OrderFrame():
                    self._store(frame, admitted)
                    return
                case frames.VoidFrame():
                    self._session.consume_quota()
                    void = void_from_request(frame.void)
                    self._answer_later(frame.ref, admitted, self._void(void))
                    return
                case frames.Resync():
                    self._session.resync()
                case _:
                    assert_never(frame)
        except ApiError as error:
            self._refuse(frames.ref_of(text), error)
        except Exception:
            log.exception("order failed")
            self._refuse(frames.ref_of(text), _internal_error())
        self._done(admitted)

    def _store(self, frame: frames.OrderFrame, admitted: bool) -> None:
        self._session.consume_quota()
        draft = draft_from_request(frame, self._order_service.places)
        try:
            entry = self._order_service.entry(draft)
        except Invalid:
            self._answer_later(frame.ref, admitted, self._order_service.place(draft))
            return
        answer = self._order_service.store(entry)
        self._pending.add(answer)
        answer.add_done_callback(partial(self._answered, frame.ref, admitted))

    def _answered(self, ref: str, admitted: bool, answer: asyncio.Future[list[Outcome]]) -> None:
        self._pending.discard(answer)
        if not answer.cancelled():
            self._send_outcome(ref, answer.result()[0])
        self._done(admitted)

    def _answer_later(
        self, ref: str, admitted: bool, work: Coroutine[object, object, StoredOrder]
    ) -> None:
        """Do what needs to ask the database first.

        That is a void, or an order of which something is not on the menu: it may be stored already.
        """
        self._group.create_task(self._answer(ref, admitted, work))

    async def _answer(
        self, ref: str, admitted: bool, work: Coroutine[object, object, StoredOrder]
    ) -> None:
        try:
            self._send_outcome(ref, await work)
        except ApiError as error:
            self._refuse(ref, error)
        except Exception:
            log.exception("order failed")
            self._refuse(ref, _internal_error())
        finally:
            self._done(admitted)

    async def _void(self, void: Void) -> StoredOrder:
        """Cancel an order, which this client may have sent just before."""
        if self._pending:
            await asyncio.wait(self._pending.copy())
        return await self._order_service.void(void)

    def _send_outcome(self, ref: str, outcome: Outcome) -> None:
        if isinstance(outcome, ApiError):
            self._refuse(ref, outcome)
            return
        status = 200 if outcome.replayed else 201
        body = OrderBody.of(outcome.order, self._order_service.places, outcome.key)
        ack = frames.Ack(ref=ref, status=status, order=body)
        self._session.send(frames.encode(ack))

    def _refuse(self, ref: str | None, error: ApiError) -> None:
        self._session.send(_refusal(ref, error))

    def _done(self, admitted: bool) -> None:
        self.unanswered -= 1
        if admitted:
            self._shedder.release()
        if self._waiter is not None and self.unanswered < self._waiter[0]:
            if not self._waiter[1].done():
                self._waiter[1].set_result(None)
            self._waiter = None
        if self.on_capacity is not None and self.unanswered == MAX_UNANSWERED_ORDERS - 1:
            self.on_capacity()


class _QueuedOrder:
    """An order in the queue of the load shedder."""

    __slots__ = ("_orders", "_text")

    def __init__(self, orders: WebSocketOrders, text: str) -> None:
        self._orders = orders
        self._text = text

    def resume(self) -> None:
        self._orders.resume(self._text)


class _PreparedRefusal:
    """A refusal that is encoded but for its ref, so that refusing costs little."""

    def __init__(self, error: ApiError) -> None:
        self._before, self._after = _refusal("", error).split(b'""')

    def encode(self, ref: str | None) -> bytes:
        return self._before + frames.encode(ref) + self._after


def _refusal(ref: str | None, error: ApiError) -> bytes:
    return frames.encode(
        frames.Refusal(
            status=error.status,
            title=error.title,
            detail=error.detail,
            ref=ref,
            errors=error.errors,
            retry_after=error.retry_after,
        )
    )


_OVERLOADED = _PreparedRefusal(overloaded())
_FORBIDDEN = _PreparedRefusal(Forbidden("This token may read, and not send orders."))


def _internal_error() -> Unavailable:
    return Unavailable("Something went wrong on our side.", retry_after=1)
