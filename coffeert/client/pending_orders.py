"""Orders on a WebSocket: each waits here, under its `ref`, until the server has answered it."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable

from coffeert.backoff import Backoff
from coffeert.client.errors import is_retryable, refusal_from_problem
from coffeert.client.placed import PlacedOrder
from coffeert.errors import (
    ApiError,
    CoffeertError,
    InternalError,
    OutcomeUnknown,
    ServerUnavailable,
)
from coffeert.wire.frames import Ack, Refusal

_REPLAYED = 200
_MAYBE = "the order may be stored. Sending it again under the same order_id is safe."


class _Waiting:
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

    def overdue(self, seconds: float) -> CoffeertError:
        """Say what is known of an order whose time is up."""
        if self.unanswered and self.refused is None:
            return OutcomeUnknown(f"No answer within {seconds:g} s: {_MAYBE}")
        if self.refused is not None:
            return self.given_up(self.refused)
        return ServerUnavailable("There is no connection to the server; the order was not sent.")

    def given_up(self, error: CoffeertError) -> CoffeertError:
        """Say what is known where `error` ends it: nothing, if an attempt had no answer."""
        if self.unanswered:
            return OutcomeUnknown(f"{error} An earlier attempt had no answer: {_MAYBE}")
        return error


class PendingOrders:
    """Sends orders through `send`, again on each new connection, until each has its answer.

    `send` takes one frame without waiting and tells whether there was a connection to take it.
    """

    def __init__(self, send: Callable[[bytes], bool]) -> None:
        self._send = send
        self._waiting: dict[str, _Waiting] = {}
        self._refs = itertools.count(1)
        self.retries = 0

    async def place(self, body: bytes, seconds: float) -> PlacedOrder:
        """Send an order, given as a JSON object that holds its `order_id`, and wait for its answer.

        Raises what the server refuses it with, and after `seconds` what is known by then.
        """
        ref = str(next(self._refs))
        frame = b'{"type":"order","ref":"%s",%s' % (ref.encode(), body[1:])
        waiting = self._waiting[ref] = _Waiting(frame)
        try:
            async with asyncio.timeout(seconds):
                self._transmit(waiting)
                return await waiting.answer
        except TimeoutError:
            raise waiting.overdue(seconds) from None
        finally:
            del self._waiting[ref]
            if waiting.timer is not None:
                waiting.timer.cancel()

    def resend(self) -> None:
        """Send everything unanswered, on a new connection: the keys make that safe."""
        for waiting in self._waiting.values():
            if not waiting.answer.done() and waiting.timer is None:
                self._transmit(waiting)

    def acknowledge(self, ack: Ack) -> None:
        """Take in the answer that an order is stored."""
        waiting = self._waiting.get(ack.ref)
        if waiting is not None and not waiting.answer.done():
            waiting.answer.set_result(
                PlacedOrder(
                    ack.order.order(),
                    ack.status == _REPLAYED,
                    waiting.attempts,
                    waiting.submitted,
                    time.monotonic(),
                )
            )

    def refuse(self, refusal: Refusal) -> None:
        """Take in the answer that an order is not stored; sends it again later where that may help."""
        waiting = None if refusal.ref is None else self._waiting.get(refusal.ref)
        if waiting is None or waiting.answer.done() or waiting.timer is not None:
            return
        error = refusal_from_problem(refusal)
        if not isinstance(error, OutcomeUnknown | InternalError):
            waiting.unanswered -= 1
        if not is_retryable(error):
            waiting.answer.set_exception(error)
            return
        waiting.refused = error
        delay = waiting.backoff.next_delay(error.retry_after)
        waiting.timer = asyncio.get_running_loop().call_later(delay, self._again, waiting)

    def fail(self, error: CoffeertError) -> None:
        """Give up on everything unanswered."""
        for waiting in self._waiting.values():
            if not waiting.answer.done():
                waiting.answer.set_exception(waiting.given_up(error))

    def _again(self, waiting: _Waiting) -> None:
        waiting.timer = None
        if not waiting.answer.done():
            self._transmit(waiting)

    def _transmit(self, waiting: _Waiting) -> None:
        if self._send(waiting.frame):
            waiting.refused = None
            waiting.attempts += 1
            waiting.unanswered += 1
            self.retries += waiting.attempts > 1
