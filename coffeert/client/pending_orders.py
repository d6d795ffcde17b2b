"""Orders sent over a WebSocket, each kept under its `ref` until the server has answered it."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable
from typing import Final

from coffeert.backoff import Backoff
from coffeert.client.errors import error_from_problem, is_retryable
from coffeert.client.events import PlacedOrder
from coffeert.errors import (
    ApiError,
    CoffeertError,
    InternalError,
    OutcomeUnknown,
    ServerUnavailable,
)
from coffeert.wire.frames import Ack, Refusal

NOT_SENT: Final = "There is no connection to the server; the order was not sent."
_REPLAYED = 200
_MAY_BE_STORED = "the order may be stored. Sending it again under the same order_id is safe."


class _UnansweredOrder:
    __slots__ = (
        "answer",
        "attempts",
        "backoff",
        "frame",
        "refused",
        "submitted",
        "timer",
        "unanswered",
    )

    def __init__(self, frame: bytes) -> None:
        self.frame = frame
        self.answer: asyncio.Future[PlacedOrder] = asyncio.get_running_loop().create_future()
        self.attempts = 0
        self.unanswered = 0
        self.submitted = time.monotonic()
        self.backoff = Backoff()
        self.timer: asyncio.TimerHandle | None = None
        self.refused: ApiError | None = None

    def timeout_error(self, seconds: float) -> CoffeertError:
        """Return what is known of the order when its time is up."""
        if self.unanswered and self.refused is None:
            return OutcomeUnknown(f"No answer within {seconds:g} s: {_MAY_BE_STORED}")
        if self.refused is not None:
            return self.failure(self.refused)
        return ServerUnavailable(NOT_SENT)

    def failure(self, error: CoffeertError) -> CoffeertError:
        """Return what is known when `error` ends it: nothing, if an attempt had no answer."""
        if self.unanswered:
            return OutcomeUnknown(f"{error} An earlier attempt had no answer: {_MAY_BE_STORED}")
        return error


class PendingOrders:
    """Sends orders through `send`, again on each new connection, until each has its answer.

    `send` queues one frame without waiting and returns False if there is no connection.
    """

    def __init__(self, send: Callable[[bytes], bool]) -> None:
        self._send = send
        self._unanswered: dict[str, _UnansweredOrder] = {}
        self._refs = itertools.count(1)
        self.retries = 0

    async def place(self, body: bytes, seconds: float) -> PlacedOrder:
        """Send an order, given as a JSON object that holds its `order_id`, and wait for its answer.

        Raises what the server refuses it with, and after `seconds` what is known by then.
        """
        ref = str(next(self._refs))
        frame = b'{"type":"order","ref":"%s",%s' % (ref.encode(), body[1:])
        order = self._unanswered[ref] = _UnansweredOrder(frame)
        try:
            async with asyncio.timeout(seconds):
                self._transmit(order)
                return await order.answer
        except TimeoutError:
            raise order.timeout_error(seconds) from None
        finally:
            del self._unanswered[ref]
            if order.timer is not None:
                order.timer.cancel()

    def resend(self) -> None:
        """Send everything unanswered again, on a new connection; the keys make that safe."""
        for order in self._unanswered.values():
            if not order.answer.done() and order.timer is None:
                self._transmit(order)

    def acknowledge(self, ack: Ack) -> None:
        """Resolve the order that the server has stored."""
        order = self._unanswered.get(ack.ref)
        if order is not None and not order.answer.done():
            order.answer.set_result(
                PlacedOrder(
                    ack.order.order(),
                    ack.status == _REPLAYED,
                    order.attempts,
                    order.submitted,
                    time.monotonic(),
                )
            )

    def refuse(self, refusal: Refusal) -> None:
        """Fail the order that the server refuses, or send it again later if that may help."""
        order = None if refusal.ref is None else self._unanswered.get(refusal.ref)
        if order is None or order.answer.done() or order.timer is not None:
            return
        error = error_from_problem(refusal)
        if not isinstance(error, OutcomeUnknown | InternalError):
            order.unanswered -= 1
        if not is_retryable(error):
            order.answer.set_exception(error)
            return
        order.refused = error
        delay = order.backoff.next_delay(error.retry_after)
        order.timer = asyncio.get_running_loop().call_later(delay, self._again, order)

    def fail(self, error: CoffeertError) -> None:
        """Give up on everything unanswered."""
        for order in self._unanswered.values():
            if not order.answer.done():
                order.answer.set_exception(order.failure(error))

    def _again(self, order: _UnansweredOrder) -> None:
        order.timer = None
        if not order.answer.done():
            self._transmit(order)

    def _transmit(self, order: _UnansweredOrder) -> None:
        if self._send(order.frame):
            order.refused = None
            order.attempts += 1
            order.unanswered += 1
            self.retries += order.attempts > 1
