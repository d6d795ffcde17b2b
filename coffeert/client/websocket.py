"""One WebSocket to the server at a time, opened again whenever it is lost, and orders through it."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Final, NoReturn, Self

import aiohttp
import msgspec
from yarl import URL

from coffeert.backoff import Backoff
from coffeert.client.errors import (
    RETRYABLE,
    TRANSPORT_ERRORS,
    error_from_response,
    is_retryable,
    plain_reason,
)
from coffeert.client.events import Connecting, Disconnected, PlacedOrder
from coffeert.client.pending_orders import PendingOrders
from coffeert.client.replica import StateFrame
from coffeert.errors import CoffeertError, ServerUnavailable
from coffeert.tasks import end
from coffeert.wire.frames import (
    PROTOCOL,
    SERVICE_RESTART,
    SLOW_CLIENT,
    Ack,
    Goodbye,
    Hello,
    Refusal,
    ServerFrame,
)
from coffeert.wire.orders import MenuBody

MAX_MISSED_HEARTBEATS: Final = 4
HELLO_TIMEOUT_SECONDS: Final = 10.0
STABLE_SECONDS: Final = 5.0
"""A connection that lasted this long worked; after the next failure the delays are short again."""
REFUSED_RETRY_SECONDS: Final = 30.0
"""Between two attempts of a client that was refused and has never been connected."""

_MAX_FRAME_BYTES = 32 * 1024 * 1024
_CLOSE_TIMEOUT_SECONDS = 0.5
# What is raised by a frame that is not JSON, not of this protocol, or contradicts itself.
_BAD_FRAME_ERRORS = (msgspec.DecodeError, ValueError, LookupError, ArithmeticError)
_CLOSE_REASONS = {
    SLOW_CLIENT: "closed the connection because this client was too slow",
    SERVICE_RESTART: "is restarting",
}

_QUESTIONS = {
    401: "is the token still right?",
    403: "may this client still use it?",
    404: "does its URL still lead to coffeert?",
}


class _ConnectionLost(Exception):
    """The connection is over; `refused` is set if that is about this client, `status` by the handshake."""

    def __init__(
        self,
        reason: str,
        *,
        retry_after: float | None = None,
        refused: CoffeertError | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after = retry_after
        self.refused = refused
        self.status = status


def _ignore(_: object) -> None:
    pass


class ServerConnection:
    """Keeps a WebSocket open while its `async with` block runs; leaving raises what ended it before.

    `address` gives the URL for each attempt to `server`, `tls` is aiohttp's `ssl`, `decode` reads a frame
    (`None` for one of no interest).
    `on_frame` gets every frame but the answers to orders, `on_status` each attempt and each loss,
    `on_end` what ended the connection for good, if that was an error. With `retry=False` the first loss
    does.
    """

    def __init__(
        self,
        server: URL,
        token: str | None,
        *,
        address: Callable[[], URL],
        tls: ssl.SSLContext | bool,
        decode: Callable[[str], ServerFrame | None],
        on_frame: Callable[[StateFrame], None] = _ignore,
        on_status: Callable[[Connecting | Disconnected], None] = _ignore,
        on_end: Callable[[Exception | None], None] = _ignore,
        retry: bool = True,
    ) -> None:
        self._server = server
        self._address = address
        self._tls = tls
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._decode = decode
        self._on_frame = on_frame
        self._on_status = on_status
        self._on_end = on_end
        self._retry = retry
        self._wake = asyncio.Event()
        self._outgoing: asyncio.Queue[bytes] | None = None
        self._goodbye: Goodbye | None = None
        self._receive_timeout = HELLO_TIMEOUT_SECONDS
        self._refused: CoffeertError | None = None
        self._was_connected = False
        self._backoff = Backoff()
        self._handshakes_fail_since: float | None = None
        self._orders = PendingOrders(self.send)
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="server connection")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._task is not None:
            await end(self._task)
            if error is None and not self._task.cancelled():
                self._task.result()

    @property
    def retries(self) -> int:
        """How many times an order was sent again."""
        return self._orders.retries

    async def place(self, body: bytes, seconds: float) -> PlacedOrder:
        """Place an order, a JSON object with its `order_id`, on this connection or the next one.

        Raises what the server refuses it with; after `seconds`, `OutcomeUnknown` if it was sent and
        `ServerUnavailable` if it was not.
        """
        if self._refused is not None:
            raise self._refused
        if self._task is None or self._task.done():
            raise ServerUnavailable("The connection to the server is closed.")
        return await self._orders.place(body, seconds)

    def send(self, frame: bytes) -> bool:
        """Queue a frame for sending; returns False if there is no connection."""
        if self._outgoing is None:
            return False
        self._outgoing.put_nowait(frame)
        return True

    def reconnect_now(self) -> None:
        """End the wait for the next attempt, if there is one."""
        self._wake.set()

    async def _run(self) -> None:
        failure: Exception | None = None
        try:
            await self._keep_connected()
        except Exception as error:
            failure = error
            raise
        finally:
            self._on_end(failure)
            self._orders.fail(ServerUnavailable("The connection to the server is closed."))

    async def _keep_connected(self) -> None:
        backoff = self._backoff
        connector = aiohttp.TCPConnector(ssl=self._tls)
        timeout = aiohttp.ClientTimeout(total=None, connect=HELLO_TIMEOUT_SECONDS)
        async with aiohttp.ClientSession(
            headers=self._headers,
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=timeout,
        ) as session:
            while True:
                self._report(Connecting(backoff.failures + 1))
                began = time.monotonic()
                lost = await self._connect_once(session)
                if time.monotonic() - began >= STABLE_SECONDS:
                    backoff.reset()
                reason = self._reason(lost, began)
                # A proxy that exchanges the server refuses for a moment those whom it let in before.
                self._refused = None if self._was_connected else lost.refused
                if not self._retry:
                    self._report(Disconnected(reason, None))
                    return
                slowly = None if self._refused is None else REFUSED_RETRY_SECONDS
                await self._pause(reason, backoff.next_delay(lost.retry_after or slowly))

    def _reason(self, lost: _ConnectionLost, began: float) -> str:
        """Return why the attempt that began then failed, and for how long they have been refused."""
        if lost.status is None:
            self._handshakes_fail_since = None
            return lost.reason
        if self._handshakes_fail_since is None:
            self._handshakes_fail_since = began
        seconds = time.monotonic() - self._handshakes_fail_since
        if not self._was_connected or seconds < 1 or lost.status not in _QUESTIONS:
            return lost.reason
        return f"has answered {lost.status} for {seconds:.0f} s: {_QUESTIONS[lost.status]}"

    async def _pause(self, reason: str, delay: float) -> None:
        self._wake.clear()
        self._report(Disconnected(reason, delay))
        with suppress(TimeoutError):
            async with asyncio.timeout(delay):
                await self._wake.wait()

    def _report(self, status: Connecting | Disconnected) -> None:
        self._on_status(status)
        if self._refused is not None:
            self._orders.fail(self._refused)

    async def _connect_once(self, session: aiohttp.ClientSession) -> _ConnectionLost:
        self._goodbye = None
        self._receive_timeout = HELLO_TIMEOUT_SECONDS
        try:
            async with asyncio.timeout(HELLO_TIMEOUT_SECONDS):
                socket = await session.ws_connect(
                    self._address(),
                    max_msg_size=_MAX_FRAME_BYTES,
                    timeout=aiohttp.ClientWSTimeout(ws_close=_CLOSE_TIMEOUT_SECONDS),
                )
        except aiohttp.WSServerHandshakeError as error:
            return await self._handshake_failed(session, error)
        except TRANSPORT_ERRORS as error:
            return _ConnectionLost(plain_reason(error))
        outgoing: asyncio.Queue[bytes] = asyncio.Queue()
        writer = asyncio.create_task(self._write(socket, outgoing), name="socket writer")
        self._outgoing = outgoing
        try:
            await self._read(socket)
        except _ConnectionLost as lost:
            return lost
        except TRANSPORT_ERRORS as error:
            return _ConnectionLost(plain_reason(error))
        finally:
            self._outgoing = None
            await end(writer)
            await socket.close()

    async def _handshake_failed(
        self, session: aiohttp.ClientSession, error: aiohttp.WSServerHandshakeError
    ) -> _ConnectionLost:
        lost = _handshake_refused(error)
        if (error.status in RETRYABLE and not self._backoff.failures) or _is_refusal(error):
            return lost  # the one may be over in a moment, the other is the server's own
        if not await self._answers_http(session):
            return lost
        return _ConnectionLost(
            f"answers, but the proxy in front of it does not pass WebSocket upgrades (HTTP {error.status})"
        )

    async def _answers_http(self, session: aiohttp.ClientSession) -> bool:
        try:
            async with (
                asyncio.timeout(HELLO_TIMEOUT_SECONDS),
                session.get(self._server / "api/menu", allow_redirects=False) as answer,
            ):
                msgspec.json.decode(await answer.read(), type=MenuBody)
        except (*TRANSPORT_ERRORS, *_BAD_FRAME_ERRORS):
            return False
        return True

    async def _write(
        self, socket: aiohttp.ClientWebSocketResponse, outgoing: asyncio.Queue[bytes]
    ) -> None:
        # A broken connection ends this silently: the reader meets the same break and reports it.
        with suppress(*TRANSPORT_ERRORS):
            while True:
                await socket.send_frame(await outgoing.get(), aiohttp.WSMsgType.TEXT)

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> NoReturn:
        while True:
            try:
                message = await socket.receive(self._receive_timeout)
            except TimeoutError:
                raise _ConnectionLost("has gone silent") from None
            if message.type is aiohttp.WSMsgType.TEXT:
                self._handle(message.data)
            else:
                raise self._closed(socket, message)

    def _handle(self, text: str) -> None:
        try:
            frame = self._decode(text)
            match frame:
                case None:
                    pass
                case Ack():
                    self._orders.acknowledge(frame)
                case Refusal():
                    self._orders.refuse(frame)
                case Goodbye():
                    self._goodbye = frame
                case Hello():
                    self._greet(frame)
                    self._on_frame(frame)
                    self._orders.resend()
                case _:
                    self._on_frame(frame)
        except _BAD_FRAME_ERRORS as error:
            raise _ConnectionLost("sent something that is no frame of this protocol") from error

    def _greet(self, hello: Hello) -> None:
        if hello.protocol != PROTOCOL:
            reason = (
                f"speaks protocol {hello.protocol}, this client {PROTOCOL}; update the older one"
            )
            raise _ConnectionLost(reason, refused=ServerUnavailable(f"The server {reason}."))
        self._refused = None
        self._was_connected = True
        self._receive_timeout = hello.heartbeat * MAX_MISSED_HEARTBEATS

    def _closed(
        self, socket: aiohttp.ClientWebSocketResponse, message: aiohttp.WSMessage
    ) -> _ConnectionLost:
        if self._goodbye is not None:
            return _ConnectionLost(
                f"said goodbye: {self._goodbye.reason}", retry_after=self._goodbye.retry_after
            )
        if message.type is aiohttp.WSMsgType.BINARY:
            return _ConnectionLost("sent something that is no frame of this protocol")
        reason = _CLOSE_REASONS.get(socket.close_code or 0, "closed the connection")
        return _ConnectionLost(reason)


def _is_refusal(error: aiohttp.WSServerHandshakeError) -> bool:
    """Return True if the server itself refuses; 400 is what it says to a request without the upgrade."""
    kind = error.headers.get("Content-Type", "") if error.headers else ""
    return error.status != 400 and "json" in kind


def _handshake_refused(error: aiohttp.WSServerHandshakeError) -> _ConnectionLost:
    status = error.status
    retry_after = error.headers.get("Retry-After") if error.headers else None
    refused = error_from_response(status, b"", retry_after)
    reason = f"refuses this client with HTTP status {status}"
    if is_retryable(refused):
        return _ConnectionLost(reason, retry_after=refused.retry_after, status=status)
    if status < 300:
        return _ConnectionLost("answered in a way that is not a WebSocket", status=status)
    reasons = {
        401: "asks for a token, or for another one than was given",
        403: "does not allow this client",
        404: "has no dashboard; is it a coffeert server",
    }
    return _ConnectionLost(reasons.get(status, reason), refused=refused, status=status)
