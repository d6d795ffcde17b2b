"""What comes over one WebSocket connection: orders, each stored, kept in line or refused, and resyncs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final, Protocol, assert_never

import structlog

from coffeert.domain.orders import Draft
from coffeert.errors import ApiError, Forbidden, Invalid, Unavailable
from coffeert.server.ingest.batch_writer import Outcome
from coffeert.server.ingest.load_shedding import LoadShedder, overloaded
from coffeert.server.ingest.order_service import OrderService
from coffeert.wire import frames
from coffeert.wire.orders import OrderBody, draft_from_request

log = structlog.get_logger(__name__)

UNANSWERED: Final = 256
"""After so many orders without an answer a connection is not read from: backpressure."""


class ClientSession(Protocol):
    """The client that sends orders."""

    def send(self, *payloads: bytes) -> object:
        """Send it text frames."""

    def spend(self) -> None:
        """Count one order against what it may send; raises `TooManyRequests`."""

    def resync(self) -> None:
        """Have it sent a whole snapshot."""


class WebSocketOrders:
    """Takes what one client sends. `group` gets a task for an order that takes a look at the database.

    `unanswered` counts the orders that wait in line or are being stored; `on_room` is called when they
    are no longer too many.
    """

    def __init__(
        self,
        sender: ClientSession,
        intake: OrderService,
        shedder: LoadShedder,
        group: asyncio.TaskGroup,
        *,
        may_order: bool,
    ) -> None:
        self._sender = sender
        self._intake = intake
        self._shedder = shedder
        self._group = group
        self._may_order = may_order
        self._loop = asyncio.get_running_loop()
        self.unanswered = 0
        self.on_room: Callable[[], object] | None = None
        self._waiter: tuple[int, asyncio.Future[None]] | None = None
        self._answers: set[asyncio.Future[list[Outcome]]] = set()
        self._unread: list[bytes] = []
        self._gone = False

    async def below(self, unanswered: int) -> None:
        """Wait until fewer orders than that have no answer."""
        while self.unanswered >= unanswered:
            self._waiter = unanswered, self._loop.create_future()
            await self._waiter[1]

    def take(self, text: str) -> None:
        """Take one text frame, whatever it says."""
        if self._gone:
            return
        shedder = self._shedder
        if not (shedder.full or shedder.shedding):
            self.unanswered += 1
            self._read(text, admitted=False)
            return
        peek = frames.peek(text)
        if peek is None or peek.type != "order":
            self.unanswered += 1
            self._read(text, admitted=False)
        elif not shedder.admits():
            self._unread.append(_unread(peek.ref))
        else:
            self.unanswered += 1
            if shedder.full:
                shedder.wait(_InLine(self, text))
            else:
                self._read(text, admitted=True)

    def send_refusals(self) -> None:
        """Send those of orders that were refused unread, which are many at a time."""
        if self._unread:
            refusals, self._unread = self._unread, []
            self._sender.send(*refusals)

    def leave(self) -> None:
        """Forget the client: its orders that were not sent to the database are not stored."""
        self._gone = True
        for answer in list(self._answers):
            answer.cancel()

    def come_in(self, text: str) -> None:
        """Read an order that has waited in line."""
        if self._gone:
            self._done(admitted=True)
        else:
            self._read(text, admitted=True)

    def _read(self, text: str, *, admitted: bool) -> None:
        if self._shedder.enter():
            self._loop.call_soon(self._shedder.turn)
        try:
            frame = frames.decode_client_frame(text)
            match frame:
                case frames.OrderFrame():
                    self._store(frame, admitted)
                    return
                case frames.Resync():
                    self._sender.resync()
                case _:
                    assert_never(frame)
        except ApiError as error:
            self._refuse(frames.ref_of(text), error)
        except Exception:
            log.exception("order failed")
            self._refuse(frames.ref_of(text), _our_fault())
        self._done(admitted)

    def _store(self, frame: frames.OrderFrame, admitted: bool) -> None:
        if not self._may_order:
            raise Forbidden("This token may read, and not send orders.")
        self._sender.spend()
        draft = draft_from_request(frame)
        try:
            entry = self._intake.entry(draft)
        except Invalid:
            self._group.create_task(self._place(frame.ref, draft, admitted))
            return
        answer = self._intake.store(entry)
        self._answers.add(answer)
        answer.add_done_callback(partial(self._answered, frame.ref, admitted))

    def _answered(self, ref: str, admitted: bool, answer: asyncio.Future[list[Outcome]]) -> None:
        self._answers.discard(answer)
        if not answer.cancelled():
            self._tell(ref, answer.result()[0])
        self._done(admitted)

    async def _place(self, ref: str, draft: Draft, admitted: bool) -> None:
        """Store an order of which something is not on the menu: it may be stored already."""
        try:
            self._tell(ref, await self._intake.place(draft))
        except ApiError as error:
            self._refuse(ref, error)
        except Exception:
            log.exception("order failed")
            self._refuse(ref, _our_fault())
        finally:
            self._done(admitted)

    def _tell(self, ref: str, outcome: Outcome) -> None:
        if isinstance(outcome, ApiError):
            self._refuse(ref, outcome)
            return
        status = 200 if outcome.replayed else 201
        ack = frames.Ack(ref=ref, status=status, order=OrderBody.of(outcome.order))
        self._sender.send(frames.encode(ack))

    def _refuse(self, ref: str | None, error: ApiError) -> None:
        self._sender.send(_refusal(ref, error))

    def _done(self, admitted: bool) -> None:
        self.unanswered -= 1
        if admitted:
            self._shedder.leave()
        if self._waiter is not None and self.unanswered < self._waiter[0]:
            if not self._waiter[1].done():
                self._waiter[1].set_result(None)
            self._waiter = None
        if self.on_room is not None and self.unanswered == UNANSWERED - 1:
            self.on_room()


class _InLine:
    """An order that waits in line."""

    __slots__ = ("_orders", "_text")

    def __init__(self, orders: WebSocketOrders, text: str) -> None:
        self._orders = orders
        self._text = text

    def come_in(self) -> None:
        """Be read, unless the client has gone."""
        self._orders.come_in(self._text)


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


_BEFORE_REF, _AFTER_REF = _refusal("", overloaded()).split(b'""')


def _unread(ref: str | None) -> bytes:
    """Refuse an order unread: of such a refusal only the ref is not known in advance."""
    return _BEFORE_REF + frames.encode(ref) + _AFTER_REF


def _our_fault() -> Unavailable:
    return Unavailable("Something went wrong on our side.", retry_after=1)
