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
from coffeert.cancellation import end
from coffeert.client.errors import TRANSPORT_ERRORS, plain_reason
from coffeert.client.events import Connecting, Disconnected, PlacedOrder
from coffeert.client.handshake import ConnectionLost, Refusals, lost_at_handshake
from coffeert.client.http import order_body
from coffeert.client.pending_orders import NOT_SENT, PendingOrders
from coffeert.client.replica import StateFrame
from coffeert.client.url import token_headers
from coffeert.domain.currency import DEFAULT_PLACES, places
from coffeert.domain.orders import Draft
from coffeert.errors import CoffeertError, ServerUnavailable
from coffeert.net import is_local_host
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

MAX_MISSED_HEARTBEATS: Final = 4
HELLO_TIMEOUT_SECONDS: Final = 10.0
STABLE_SECONDS: Final = 5.0
"""A connection that lasted this long worked; after the next failure the delays are short again."""
REFUSED_RETRY_SECONDS: Final = 30.0
"""Between two attempts of a client that was refused and has never been connected."""
SOON_SECONDS: Final = 2.0
"""The longest delay while a server is expected back: it restarts, or runs on this machine."""
EXPECTED_BACK_SECONDS: Final = 300.0
"""For so long after a connection was lost the server is expected back."""

_MAX_FRAME_BYTES = 32 * 1024 * 1024
_CLOSE_TIMEOUT_SECONDS = 0.5
# What is raised by a frame that is not JSON, not of this protocol, or contradicts itself.
_BAD_FRAME_ERRORS = (msgspec.DecodeError, ValueError, LookupError, ArithmeticError)
_CLOSE_REASONS = {
    SLOW_CLIENT: "closed the connection because this client was too slow",
    SERVICE_RESTART: "is restarting",
}


def _ignore(_: object) -> None:
    pass


class ServerConnection:
    """Keeps a WebSocket open while its `async with` block runs; leaving raises what ended it before.

    `address` gives the URL for each attempt to `server`, `tls` is aiohttp's `ssl`, `decode` reads a frame
    (`None` for one of no interest). `on_frame` gets every frame but the answers to orders, `on_status` each
    attempt and each loss, `on_end` what ended the connection for good, if that was an error. With
    `retry=False` the first loss does.
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
        self._headers = token_headers(token)
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
        self._lost_at: float | None = None
        self._backoff = Backoff()
        self._refusals = Refusals()
        self._greeted = asyncio.Event()
        self._places = DEFAULT_PLACES
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

    async def place_draft(self, draft: Draft, seconds: float) -> PlacedOrder:
        """Place an order as `place` does, with amounts in the server's currency."""
        deadline = time.monotonic() + seconds
        if draft.has_money and not self._greeted.is_set():
            await self._wait_for_hello(seconds)
        body = order_body(draft, self._places)
        return await self.place(body, deadline - time.monotonic())

    async def _wait_for_hello(self, seconds: float) -> None:
        self._raise_if_ended()
        try:
            async with asyncio.timeout(seconds):
                await self._greeted.wait()
        except TimeoutError:
            raise ServerUnavailable(NOT_SENT) from None

    async def place(self, body: bytes, seconds: float) -> PlacedOrder:
        """Place an order, a JSON object with its `order_id`, on this connection or the next one.

        Raises what the server refuses it with; after `seconds`, `OutcomeUnknown` if it was sent and
        `ServerUnavailable` if it was not.
        """
        self._raise_if_ended()
        return await self._orders.place(body, seconds)

    def _raise_if_ended(self) -> None:
        if self._refused is not None:
            raise self._refused
        if self._task is None or self._task.done():
            raise ServerUnavailable("The connection to the server is closed.")

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
                if self._was_connected and self._lost_at is None:
                    self._lost_at = time.monotonic()
                if time.monotonic() - began >= STABLE_SECONDS:
                    backoff.reset()
                reason = self._refusals.reason(lost, began, once_live=self._was_connected)
                # A proxy that exchanges the server refuses for a moment those whom it let in before.
                self._refused = None if self._was_connected else lost.refused
                if not self._retry:
                    self._report(Disconnected(reason, None))
                    return
                slowly = None if self._refused is None else REFUSED_RETRY_SECONDS
                delay = backoff.next_delay(lost.retry_after or slowly, self._longest_delay())
                await self._pause(reason, delay)

    def _longest_delay(self) -> float | None:
        recent = (
            self._lost_at is not None and time.monotonic() - self._lost_at < EXPECTED_BACK_SECONDS
        )
        return SOON_SECONDS if recent or is_local_host(self._server.host or "") else None

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

    async def _connect_once(self, session: aiohttp.ClientSession) -> ConnectionLost:
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
            return await lost_at_handshake(
                session, self._server, error, again=self._backoff.failures > 0
            )
        except TRANSPORT_ERRORS as error:
            return ConnectionLost(plain_reason(error))
        outgoing: asyncio.Queue[bytes] = asyncio.Queue()
        writer = asyncio.create_task(self._write(socket, outgoing), name="socket writer")
        self._outgoing = outgoing
        try:
            await self._read(socket)
        except ConnectionLost as lost:
            return lost
        except TRANSPORT_ERRORS as error:
            return ConnectionLost(plain_reason(error))
        finally:
            self._outgoing = None
            await end(writer)
            await socket.close()

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
                raise ConnectionLost("has gone silent") from None
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
            raise ConnectionLost("sent something that is no frame of this protocol") from error

    def _greet(self, hello: Hello) -> None:
        if hello.protocol != PROTOCOL:
            reason = (
                f"speaks protocol {hello.protocol}, this client {PROTOCOL}; update the older one"
            )
            raise ConnectionLost(reason, refused=ServerUnavailable(f"The server {reason}."))
        self._refused = None
        self._was_connected = True
        self._lost_at = None
        self._places = places(hello.menu.currency)
        self._greeted.set()
        self._receive_timeout = hello.heartbeat * MAX_MISSED_HEARTBEATS

    def _closed(
        self, socket: aiohttp.ClientWebSocketResponse, message: aiohttp.WSMessage
    ) -> ConnectionLost:
        if self._goodbye is not None:
            return ConnectionLost(
                f"said goodbye: {self._goodbye.reason}", retry_after=self._goodbye.retry_after
            )
        if message.type is aiohttp.WSMsgType.BINARY:
            return ConnectionLost("sent something that is no frame of this protocol")
        reason = _CLOSE_REASONS.get(socket.close_code or 0, "closed the connection")
        return ConnectionLost(reason)
