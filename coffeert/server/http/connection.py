"""One connection of a client: the HTTP that stands in front of aiohttp.

Theory of operation
===================

aiohttp serves everything and defines every answer. But an order through aiohttp costs three times what it
costs here, and aiohttp limits neither how slowly a head may arrive nor what happens when more arrives
than the loop can take. So each connection begins here, as a `ConnectionGuard`, in one of two modes:

*Reading.* A `RequestReader` frames what arrives (RFC 9112). A request for orders that is beyond doubt is
answered here, with the bytes that aiohttp would send. Requests are answered one at a time and in order
(section 9.3.2): while one is being answered, further bytes wait, and then the socket is not read.

*Delegated.* The first request that is anything else goes to aiohttp with all its bytes, and so does
everything that follows on this connection, for good. There is no way back, because from then on only
aiohttp knows where a request ends: that an answer was sent does not say that the request's body was read,
and bytes that look like a request may be the rest of a body. A server that looks for requests there can
be made to answer one client with what another has sent (request smuggling, section 11.2).

Nothing is guessed in between. Both sides use the same parser, llhttp; a doubt costs the time of aiohttp,
never a wrong answer.

A request is started at a boundary that the parser has seen, with all its bytes here. That is where load is
shed: before the body is looked at, the policy (`LoadShedder`) lets the request start, queues it for a later
iteration of the loop, or refuses it. Refusals wait until what has arrived is read (`DeferredResponses`).
aiohttp's handlers ask the same policy, but do not queue. A connection starts at most one request in an
iteration of the loop, so what a client sends ahead cannot hold up others.

A client may close its half of the connection when it has sent everything: it gets the answers that are
due, and then the other half is closed (section 9.6). So a client that ends a connection in order and one
that waits for an answer look the same; only a reset cancels an order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

from aiohttp import web

from coffeert.errors import ApiError
from coffeert.server.http import aiohttp_internals
from coffeert.server.http.connection_limiter import ConnectionLimiter
from coffeert.server.http.deferred_responses import DeferredResponses
from coffeert.server.http.order_endpoint import OrderEndpoint, orders_in
from coffeert.server.http.request_head import Head, Unsupported
from coffeert.server.http.request_reader import BATCHES, FramedRequest, RequestReader
from coffeert.server.http.responses import TOO_MANY_CONNECTIONS, Response, ResponseEncoder
from coffeert.server.ingest.batch_writer import Outcome
from coffeert.server.ingest.load_shedding import LoadShedder
from coffeert.server.ingest.rate_limit import TokenBucket

_END_OF_HEAD = b"\r\n\r\n"
_POLL_SECONDS = 0.02  # a half-closed connection that aiohttp answers

Answer = asyncio.Future[list[Outcome]] | asyncio.Task[Response]


class ConnectionGuard(asyncio.Protocol):
    """The protocol of one connection, before aiohttp's and then around it.

    `delegate` makes aiohttp's protocol. Without an `endpoint` aiohttp has the connection from the
    beginning. `answering` counts the requests that aiohttp's handlers are at; `bucket` is `None` for a
    client without a limit.
    """

    __slots__ = (
        "_accepted",
        "_address",
        "_admitted",
        "_answer",
        "_began",
        "_deferred",
        "_delegate",
        "_endpoint",
        "_ends_a_head",
        "_eof",
        "_head",
        "_idle_since",
        "_inner",
        "_limiter",
        "_loop",
        "_paused",
        "_queued",
        "_reader",
        "_refusals",
        "_transport",
        "_writable",
        "answering",
        "bucket",
        "has_spoken",
    )

    def __init__(
        self,
        delegate: Callable[[], asyncio.Protocol],
        limiter: ConnectionLimiter,
        endpoint: OrderEndpoint | None = None,
        refusals: DeferredResponses | None = None,
    ) -> None:
        self.bucket: TokenBucket | None = None
        self.answering = 0
        self.has_spoken = False
        self._delegate = delegate
        self._limiter = limiter
        self._endpoint = endpoint
        self._refusals = refusals
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._address = ""
        self._began: float | None = None  # when the request that is not complete began
        self._idle_since: float | None = None  # since the last answer that was given here
        self._eof = False  # the client has closed its half
        # While reading:
        self._reader: RequestReader | None = None
        self._head: Head | None = None  # of the request that is being answered
        self._accepted: Head | None = None
        self._answer: Answer | None = None
        self._queued: FramedRequest | None = None
        self._deferred = b""  # a refusal that is not sent yet
        self._admitted: tuple[LoadShedder, int] | None = None  # to be released
        self._writable = True
        self._paused = False
        # When delegated:
        self._inner: asyncio.Protocol | None = None
        self._ends_a_head = False

    # The transport calls these.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, unless the client's address has too many connections."""
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        address = str(peer[0]) if isinstance(peer, tuple) else ""
        if not self._limiter.add(self, address):
            encoded = ResponseEncoder().encode(TOO_MANY_CONNECTIONS, "1.1", keep_alive=False)
            self._transport.write(encoded)
            self._transport.close()
            self._transport = None
            return
        self._address = address
        self._began = self._loop.time()
        if self._endpoint is None:
            self.delegate_to_aiohttp()
        else:
            self._reader = RequestReader(self._endpoint.max_bytes)

    def data_received(self, data: bytes) -> None:
        """Read requests, or pass the bytes on to aiohttp."""
        self.has_spoken = True
        if self._inner is not None:
            self._pass_on(data)
        elif self._reader is not None:
            if self._deferred:
                self.flush()
            self._reader.receive(data)
            if self._is_answering:
                self._pause_reading()
            else:
                self._read()

    def eof_received(self) -> bool:
        """Note that the client sends no more; True keeps its other half open for answers."""
        inner = self._inner
        if inner is not None:
            if aiohttp_internals.has_upgraded(inner):
                return bool(inner.eof_received())
            self._eof = not aiohttp_internals.is_waiting(inner)
            if self._eof:
                self._close_when_answered()
        elif self._reader is not None:
            self._eof = self._is_answering or bool(self._deferred) or self._continues
        return self._eof

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget everything; an order that was not sent to the database is not stored."""
        if self._transport is None:
            return
        self._transport = None
        self._limiter.remove(self, self._address)
        self._release()
        reader, self._reader = self._reader, None
        inner, self._inner = self._inner, None  # which knows this protocol: a cycle
        self._queued, self._deferred = None, b""
        if reader is not None:
            reader.close()
        if self._answer is not None:
            self._answer.cancel()
        if inner is not None:
            inner.connection_lost(exc)

    def pause_writing(self) -> None:
        """Take no more requests from a client that does not read the answers."""
        if self._inner is not None:
            self._inner.pause_writing()
        elif self._transport is not None:
            self._writable = False
            self._pause_reading()

    def resume_writing(self) -> None:
        """Go on with a client that reads again."""
        self._writable = True
        if self._inner is not None:
            self._inner.resume_writing()
        else:
            self._continue()

    # While reading:

    @property
    def _is_answering(self) -> bool:
        return self._answer is not None or self._queued is not None or not self._writable

    @property
    def _continues(self) -> bool:
        """Whether there is a request that arrived behind the last one."""
        return self._reader is not None and self._reader.pending and self._began is None

    def _read(self) -> None:
        """Start the next request, if it has arrived, or delegate what is not for us."""
        assert self._reader is not None
        assert self._endpoint is not None
        if self._transport is None or self._transport.is_closing():
            return
        try:
            request = self._reader.read()
        except Unsupported:
            self.delegate_to_aiohttp()
            return
        if request is not None:
            self._began = None
            self._decide(request)
        elif self._reader.pending:
            self._await_rest(self._endpoint, self._reader.head)
        elif self._eof:
            self._close()

    def _await_rest(self, endpoint: OrderEndpoint, head: Head | None) -> None:
        if self._eof:
            self._close()  # the rest of the request will not come
        elif head and not (self._accepts(head) or endpoint.shedder(head).shedding):
            self.delegate_to_aiohttp()  # the body of somebody who may not order is not kept
        elif self._began is None:
            self._began = self._loop.time()

    def _decide(self, request: FramedRequest) -> None:
        """Start a request, queue it, or refuse it."""
        assert self._endpoint is not None
        shedder, orders = self._endpoint.shedder(request.head), orders_in(request)
        if shedder.full or shedder.shedding:
            if not shedder.try_admit(orders):
                self._refuse(request.head)
                return
            self._admitted = shedder, orders
            if shedder.full:
                self._queued = request
                shedder.enqueue(self)
                return
        self._start(request, shedder, orders)

    def _refuse(self, head: Head) -> None:
        assert self._endpoint is not None
        assert self._reader is not None
        assert self._refusals is not None
        self._reader.consume()
        self._head, self._deferred = head, self._endpoint.overloaded_response(head)
        self._refusals.add(self)

    def flush(self) -> None:
        """Send the refusal that is due, unless it was sent."""
        refusal, self._deferred = self._deferred, b""
        if refusal and self._reader is not None:
            self._respond(refusal)

    def resume(self) -> None:
        """Start the request that was queued, unless its client has gone."""
        request, self._queued = self._queued, None
        if request is not None and self._admitted is not None:
            self._start(request, *self._admitted)

    def _start(self, request: FramedRequest, shedder: LoadShedder, orders: int) -> None:
        if shedder.enter(orders):
            self._loop.call_soon(shedder.next_iteration)
        if request.head is not self._accepted and not self._accepts(request.head):
            self.delegate_to_aiohttp()
        elif request.head.target == BATCHES:
            self._start_batch(request)
        else:
            self._start_order(request)

    def _accepts(self, head: Head) -> bool:
        assert self._endpoint is not None
        if head is not self._accepted and self._endpoint.accepts(head):
            self._accepted = head  # of most connections it is always the same
        return head is self._accepted

    def _start_order(self, request: FramedRequest) -> None:
        assert self._endpoint is not None
        assert self._reader is not None
        order = self._endpoint.read_order(request)
        if order is None:
            self.delegate_to_aiohttp()
            return
        self._reader.consume()
        self._head = request.head
        try:
            if self.bucket is not None:
                self.bucket.consume(1)
            answer = self._endpoint.store(order)
        except ApiError as error:
            self._respond(self._endpoint.order_response(error, request.head))
        else:
            self._answer = answer
            answer.add_done_callback(self._on_outcome)

    def _on_outcome(self, answer: asyncio.Future[list[Outcome]]) -> None:
        self._answer = None
        if self._endpoint is None or self._head is None or answer.cancelled():
            return
        (outcome,) = answer.result()
        self._respond(self._endpoint.order_response(outcome, self._head))

    def _start_batch(self, request: FramedRequest) -> None:
        assert self._endpoint is not None
        assert self._reader is not None
        self._reader.consume()
        self._head = request.head
        self._answer = task = self._loop.create_task(
            self._endpoint.place_batch(request, self.consume_quota), name="batch"
        )
        task.add_done_callback(self._on_response)

    def _on_response(self, task: asyncio.Task[Response]) -> None:
        self._answer = None
        if self._endpoint is not None and self._head is not None and not task.cancelled():
            self._respond(self._endpoint.encode(task.result(), self._head))

    def _respond(self, response: bytes) -> None:
        """Send the response to the present request, and go on with the next."""
        assert self._head is not None
        head, self._head = self._head, None
        if self._admitted is not None:
            self._release()
        if self._transport is None or self._transport.is_closing():
            return
        self._transport.write(response)
        self._idle_since = self._loop.time()
        if not head.keep_alive:
            self._transport.close()
        elif self._eof or (self._reader is not None and self._reader.pending):
            # In a later iteration: what a client has sent ahead must not hold the loop.
            self._loop.call_soon(self._continue)

    def _continue(self) -> None:
        if self._reader is None or self._transport is None or self._transport.is_closing():
            return
        if not (self._is_answering or self._deferred):
            self._resume_reading()
            self._read()

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

    # Delegating, and when delegated:

    def delegate_to_aiohttp(self) -> None:
        """Leave the connection to aiohttp for good, beginning with the present request."""
        assert self._transport is not None
        self._release()
        reader, self._reader = self._reader, None
        rest = b"" if reader is None else reader.take_rest()
        self._idle_since = None
        self._inner = self._delegate()
        self._inner.connection_made(self._transport)
        self._resume_reading()
        if rest:
            self._pass_on(rest)
        if self._eof:
            self._close_when_answered()

    def _pass_on(self, data: bytes) -> None:
        assert self._inner is not None
        self._ends_a_head = data.endswith(_END_OF_HEAD)
        if self._began is None and not self.answering:
            self._began = self._loop.time()
        self._inner.data_received(data)

    def _close_when_answered(self) -> None:
        """Close a half-closed connection once aiohttp has answered what it got."""
        if self._transport is None or self._inner is None:
            return
        if aiohttp_internals.is_waiting(self._inner) or aiohttp_internals.has_upgraded(self._inner):
            self._transport.close()
        else:
            self._loop.call_later(_POLL_SECONDS, self._close_when_answered)

    def wrap_protocol(self, make: Callable[[asyncio.Protocol], asyncio.Protocol]) -> None:
        """Put a protocol before aiohttp's, if nothing arrived behind the last request."""
        if self._inner is not None and self._ends_a_head:
            self._inner = make(self._inner)

    def begin_answer(self) -> None:
        """Note that a handler of aiohttp's has a request."""
        self.answering += 1
        self._began = None

    def end_answer(self) -> None:
        """Note that a handler of aiohttp's has answered."""
        self.answering -= 1

    def consume_quota(self, orders: int) -> None:
        """Count orders against what the client may send; raises `TooManyRequests`."""
        if self.bucket is not None:
            self.bucket.consume(orders)

    # The limiter calls these.

    def headers_overdue(self, since: float) -> bool:
        """Return True if a request began before `since` and its head is not complete."""
        return self._overdue(since) and (self._reader is None or self._reader.head is None)

    def body_overdue(self, since: float) -> bool:
        """Return True if a request that is read here began before `since` and its body is not complete."""
        return self._overdue(since) and self._reader is not None and self._reader.head is not None

    def _overdue(self, since: float) -> bool:
        return not self.answering and self._began is not None and self._began < since

    def is_idle(self, since: float) -> bool:
        """Return True if nothing has arrived after an answer given here before `since`."""
        awaited = self._is_answering or self._began is not None
        return not awaited and self._idle_since is not None and self._idle_since < since

    @property
    def is_answering(self) -> bool:
        """Whether a request that was read here waits for its answer."""
        return self._reader is not None and (self._answer is not None or self._queued is not None)

    def close(self) -> None:
        """End the connection when what is being answered is sent, unless aiohttp has it."""
        if self.is_answering:
            self._eof = True
        elif self._inner is None:
            self._close()

    def abort(self) -> None:
        """End the connection at once."""
        if self._transport is not None:
            self._transport.abort()


def guard_of(request: web.Request) -> ConnectionGuard | None:
    """Return the connection of a request; `None` if the application runs without guards."""
    protocol = aiohttp_internals.protocol_of(request)
    return protocol if isinstance(protocol, ConnectionGuard) else None


def consume_quota(request: web.Request, orders: int = 1) -> None:
    """Count orders against what their client may send; raises `TooManyRequests`."""
    guard = guard_of(request)
    if guard is not None:
        guard.consume_quota(orders)


@web.middleware
async def track_requests(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Tell a connection which requests aiohttp's handlers are at."""
    guard = guard_of(request)
    if guard is None:
        return await handler(request)
    guard.begin_answer()
    try:
        return await handler(request)
    finally:
        guard.end_answer()
