"""A connection on which nothing but orders has arrived; see `connection.py`."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

import msgspec

from coffeert.errors import ApiError
from coffeert.server.http.aiohttp_connection import AiohttpConnection
from coffeert.server.http.connection import Connection
from coffeert.server.http.connection_limiter import ConnectionLimiter
from coffeert.server.http.deferred_responses import HOLD_SECONDS, DeferredResponses
from coffeert.server.http.order_endpoint import OrderEndpoint
from coffeert.server.http.request_head import Head, Unsupported
from coffeert.server.http.request_reader import BATCHES, FramedRequest, RequestReader
from coffeert.server.http.responses import Response
from coffeert.server.ingest.batch_insert import Outcome
from coffeert.server.ingest.load_shedding import LoadShedder

Answer = asyncio.Future[list[Outcome]] | asyncio.Task[Response]


class OrderConnection(Connection):
    """Reads and answers orders; `delegate` makes aiohttp's protocol for everything else."""

    __slots__ = (
        "_accepted",
        "_admitted",
        "_answer",
        "_deferred",
        "_delegate",
        "_endpoint",
        "_eof",
        "_head",
        "_held",
        "_idle_since",
        "_paused",
        "_queued",
        "_reader",
        "_refusals",
        "_refused_at",
        "_writable",
    )

    def __init__(
        self,
        delegate: Callable[[], asyncio.Protocol],
        limiter: ConnectionLimiter,
        endpoint: OrderEndpoint,
        refusals: DeferredResponses,
    ) -> None:
        super().__init__(limiter)
        self._delegate = delegate
        self._endpoint = endpoint
        self._refusals = refusals
        self._reader = RequestReader(endpoint.max_bytes, endpoint.recent_heads)
        self._head: Head | None = None  # of the request that is being answered
        self._accepted: Head | None = None
        self._answer: Answer | None = None
        self._queued: FramedRequest | None = None
        self._deferred = b""  # a refusal that is not sent yet
        self._admitted: tuple[LoadShedder, int] | None = None  # to be released
        self._held = False  # the request waits until its client may send again
        self._refused_at = -math.inf
        self._idle_since: float | None = None  # since the last answer
        self._eof = False  # the client has closed its half
        self._writable = True
        self._paused = False

    # The transport calls these.

    def data_received(self, data: bytes) -> None:
        """Start the request that has arrived, if it is complete and no other is being answered."""
        self.has_spoken = True
        if self._transport is None:
            return
        if self._deferred:
            self.flush()
        self._reader.receive(data)
        if self._is_busy:
            self._pause_reading()
        else:
            self._read()

    def eof_received(self) -> bool:
        """Note that the client sends no more; True keeps its other half open for answers."""
        continues = self._reader.pending and self._began is None  # a request behind the last one
        self._eof = self._is_busy or bool(self._deferred) or continues
        return self._eof

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget everything; an order that was not sent to the database is not stored."""
        super().connection_lost(exc)
        self._release()
        self._queued, self._deferred = None, b""
        self._reader.close()
        if self._answer is not None:
            self._answer.cancel()

    def pause_writing(self) -> None:
        """Take no more requests from a client that does not read the answers."""
        self._writable = False
        self._pause_reading()

    def resume_writing(self) -> None:
        """Go on with a client that reads again."""
        self._writable = True
        self._continue()

    # From a request to its answer.

    @property
    def _is_busy(self) -> bool:
        return self.is_answering or not self._writable

    def _read(self) -> None:
        """Start the next request, if it has arrived, or delegate what is not for us."""
        if self._transport is None or self._transport.is_closing():
            return
        try:
            request = self._reader.read()
        except Unsupported:
            self._delegate_to_aiohttp()
            return
        if request is not None:
            self._began = None
            self._decide(request)
        elif self._reader.pending:
            self._await_rest(self._reader.head)
        elif self._eof:
            self._transport.close()

    def _await_rest(self, head: Head | None) -> None:
        if self._eof:
            self._close()  # the rest of the request will not come
        elif head and not (self._accepts(head) or self._endpoint.shedder(head).shedding):
            self._delegate_to_aiohttp()  # the body of somebody who may not order is not kept
        elif self._began is None:
            self._began = self._loop.time()

    def _decide(self, request: FramedRequest) -> None:
        """Start a request, queue it, refuse it, or hold it if its client was refused just before."""
        shedder, orders = self._endpoint.cost(request)
        if shedder.full or shedder.shedding:
            if shedder.exhausted and self._loop.time() - self._refused_at < HOLD_SECONDS:
                self._held = True
                self._pause_reading()
                self._refusals.hold(self)
                return
            if not shedder.try_admit(orders):
                self._refuse(request.head)
                return
            self._admitted = shedder, orders
            if shedder.full:
                self._queued = request
                shedder.enqueue(self)
                return
        self._start(request, shedder, orders)

    def _consume(self, head: Head) -> Head:
        """Take the present request from the reader, and return the head to answer it by."""
        self._reader.consume()
        if self._limiter.closing and not self._reader.pending:
            head = msgspec.structs.replace(head, keep_alive=False)
        self._head = head
        return head

    def _refuse(self, head: Head) -> None:
        self._deferred = self._endpoint.overloaded_response(self._consume(head))
        self._refusals.add(self)

    def flush(self) -> None:
        """Send the refusal that is due, unless it was sent."""
        refusal, self._deferred = self._deferred, b""
        if refusal:
            if not self._reader.pending:  # what was sent ahead could not know of it
                self._refused_at = self._loop.time()
            self._respond(refusal)

    def look_again(self) -> None:
        """Decide on the request that was held, unless its client has gone."""
        self._held = False
        self._continue()

    def resume(self) -> None:
        """Start the request that was queued, unless its client has gone."""
        request, self._queued = self._queued, None
        if request is not None and self._admitted is not None:
            self._start(request, *self._admitted)

    def _start(self, request: FramedRequest, shedder: LoadShedder, orders: int) -> None:
        if shedder.enter(orders):
            self._loop.call_soon(shedder.next_iteration)
        if request.head is not self._accepted and not self._accepts(request.head):
            self._delegate_to_aiohttp()
        elif request.head.target == BATCHES:
            if self._endpoint.accepts_key(request):
                self._start_batch(request)
            else:
                self._delegate_to_aiohttp()
        else:
            self._start_order(request)

    def _accepts(self, head: Head) -> bool:
        if head is not self._accepted and self._endpoint.accepts(head):
            self._accepted = head  # of most connections it is always the same
        return head is self._accepted

    def _start_order(self, request: FramedRequest) -> None:
        order = self._endpoint.read_order(request)
        if order is None:
            self._delegate_to_aiohttp()
            return
        head = self._consume(request.head)
        try:
            if self.bucket is not None:
                self.bucket.consume(1)
            answer = self._endpoint.store(order)
        except ApiError as error:
            self._respond(self._endpoint.order_response(error, head))
        else:
            self._answer = answer
            answer.add_done_callback(self._on_outcome)

    def _on_outcome(self, answer: asyncio.Future[list[Outcome]]) -> None:
        self._answer = None
        if self._head is not None and not answer.cancelled():
            (outcome,) = answer.result()
            self._respond(self._endpoint.order_response(outcome, self._head))

    def _start_batch(self, request: FramedRequest) -> None:
        self._consume(request.head)
        self._answer = task = self._loop.create_task(
            self._endpoint.place_batch(request, self.consume_quota), name="batch"
        )
        task.add_done_callback(self._on_response)

    def _on_response(self, task: asyncio.Task[Response]) -> None:
        self._answer = None
        if self._head is not None and not task.cancelled():
            self._respond(self._endpoint.encode(task.result(), self._head))

    def _respond(self, response: bytes) -> None:
        """Send the response to the present request, and go on with the next."""
        head, self._head = self._head, None
        assert head is not None
        if self._admitted is not None:
            self._release()
        if self._transport is None or self._transport.is_closing():
            return
        self._transport.write(response)
        self._idle_since = self._loop.time()
        if not head.keep_alive:
            self._transport.close()
        elif self._eof or self._paused or self._reader.pending:
            # In a later iteration: what a client has sent ahead must not hold the loop.
            self._loop.call_soon(self._continue)

    def _continue(self) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        if not (self._is_busy or self._deferred):
            self._read()
        # Only now: a client that sends ahead would be read from before each of its orders, without limit.
        if not (self._is_busy or self._deferred):
            self._resume_reading()

    def _pause_reading(self) -> None:
        if self._transport is not None and not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def _resume_reading(self) -> None:
        if self._transport is not None and self._paused:
            self._paused = False
            self._transport.resume_reading()

    def _release(self) -> None:
        if self._admitted is not None:
            shedder, orders = self._admitted
            self._admitted = None
            shedder.release(orders)

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def _delegate_to_aiohttp(self) -> None:
        """Leave the connection to aiohttp for good, beginning with the present request."""
        self._release()
        self._resume_reading()
        rest = self._reader.take_rest()
        successor = AiohttpConnection(self._delegate(), self._limiter)
        successor.begin(self._hand_over(successor), rest, eof=self._eof)

    # The limiter calls these.

    def headers_overdue(self, since: float) -> bool:
        """Return True if a request began before `since` and its head is not complete."""
        return super().headers_overdue(since) and self._reader.head is None

    def delegate_slow_body(self, since: float) -> None:
        """Leave a body that is not complete to aiohttp, if it began before `since`."""
        if super().headers_overdue(since) and self._reader.head is not None:
            self._delegate_to_aiohttp()

    def is_idle(self, since: float) -> bool:
        """Return True if nothing has arrived after an answer given before `since`."""
        awaited = self._is_busy or self._began is not None
        return not awaited and self._idle_since is not None and self._idle_since < since

    @property
    def is_answering(self) -> bool:
        """Whether a request waits for its answer."""
        return self._answer is not None or self._queued is not None or self._held

    def close(self) -> None:
        """End the connection when what is being answered is sent."""
        if self.is_answering:
            self._eof = True
        else:
            self._close()
