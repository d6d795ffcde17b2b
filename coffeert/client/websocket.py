"""One WebSocket to the server at a time, opened again whenever it is lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final, NoReturn

import aiohttp
import msgspec
from yarl import URL

from coffeert.backoff import Backoff
from coffeert.client.errors import (
    TRANSPORT_ERRORS,
    is_retryable,
    plain_reason,
    refusal_from_response,
)
from coffeert.client.events import Connecting, Disconnected
from coffeert.errors import CoffeertError, ServerUnavailable
from coffeert.tasks import end
from coffeert.wire.frames import PROTOCOL, SERVICE_RESTART, SLOW_CLIENT, Goodbye, Hello, ServerFrame

HEARTBEATS_MISSED: Final = 4
HELLO_SECONDS: Final = 10.0
STABLE_SECONDS: Final = 5.0
"""A connection that lasted this long worked; the next failure begins with short delays again."""

_FRAME_MAX = 32 * 1024 * 1024
_CLOSE_SECONDS = 0.5
# What reading a frame raises that is no JSON, no frame, or contradicts itself.
_NONSENSE = (msgspec.DecodeError, ValueError, LookupError, ArithmeticError)
_CLOSE_REASONS = {
    SLOW_CLIENT: "closed the connection because this client was too slow",
    SERVICE_RESTART: "is restarting",
}


class _Lost(Exception):
    """The connection is over; `refused` where trying again cannot help."""

    def __init__(
        self,
        reason: str,
        *,
        retry_after: float | None = None,
        refused: CoffeertError | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after = retry_after
        self.refused = refused


class Socket:
    """Keeps a connection: `run()` opens it, hands every frame to `receive`, and opens it anew.

    `address` gives the URL for each attempt, `decode` reads a frame (`None` for one of no interest),
    `tell` hears of attempts and losses. `refused` is set while the server refuses this client.
    """

    def __init__(
        self,
        address: Callable[[], URL],
        token: str | None,
        *,
        decode: Callable[[str], ServerFrame | None],
        receive: Callable[[ServerFrame], None],
        tell: Callable[[Connecting | Disconnected], None],
        retry: bool = True,
    ) -> None:
        self._address = address
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._decode = decode
        self._receive = receive
        self._tell = tell
        self._retry = retry
        self._wake = asyncio.Event()
        self._outgoing: asyncio.Queue[bytes] | None = None
        self._goodbye: Goodbye | None = None
        self._silence = HELLO_SECONDS
        self.refused: CoffeertError | None = None

    def send(self, frame: bytes) -> bool:
        """Send a frame soon; tells whether there is a connection to send it on."""
        if self._outgoing is None:
            return False
        self._outgoing.put_nowait(frame)
        return True

    def reconnect_now(self) -> None:
        """End the wait for the next attempt; nothing happens where none is going on."""
        self._wake.set()

    async def run(self) -> None:
        """Stay connected until cancelled; without `retry`, return when the connection is lost."""
        backoff = Backoff()
        timeout = aiohttp.ClientTimeout(total=None, connect=HELLO_SECONDS)
        async with aiohttp.ClientSession(
            headers=self._headers, cookie_jar=aiohttp.DummyCookieJar(), timeout=timeout
        ) as session:
            while True:
                self._tell(Connecting(backoff.failures + 1))
                began = time.monotonic()
                lost = await self._connection(session)
                if time.monotonic() - began >= STABLE_SECONDS:
                    backoff.reset()
                delay = backoff.next_delay(lost.retry_after)
                self.refused = lost.refused
                if not self._retry:
                    self._tell(Disconnected(lost.reason, None))
                    return
                await self._pause(lost.reason, None if lost.refused else delay)

    async def _pause(self, reason: str, delay: float | None) -> None:
        self._wake.clear()
        self._tell(Disconnected(reason, delay))
        with suppress(TimeoutError):
            async with asyncio.timeout(delay):
                await self._wake.wait()

    async def _connection(self, session: aiohttp.ClientSession) -> _Lost:
        self._goodbye = None
        self._silence = HELLO_SECONDS
        try:
            socket = await session.ws_connect(
                self._address(),
                max_msg_size=_FRAME_MAX,
                timeout=aiohttp.ClientWSTimeout(ws_close=_CLOSE_SECONDS),
            )
        except aiohttp.WSServerHandshakeError as error:
            return _handshake_refused(error)
        except TRANSPORT_ERRORS as error:
            return _Lost(plain_reason(error))
        outgoing: asyncio.Queue[bytes] = asyncio.Queue()
        writer = asyncio.create_task(self._write(socket, outgoing), name="socket writer")
        self._outgoing = outgoing
        try:
            await self._read(socket)
        except _Lost as lost:
            return lost
        except TRANSPORT_ERRORS as error:
            return _Lost(plain_reason(error))
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
                message = await socket.receive(self._silence)
            except TimeoutError:
                raise _Lost("has gone silent") from None
            if message.type is aiohttp.WSMsgType.TEXT:
                self._take(message.data)
            else:
                raise self._closed(socket, message)

    def _take(self, text: str) -> None:
        try:
            frame = self._decode(text)
            if isinstance(frame, Hello):
                self._greet(frame)
            elif isinstance(frame, Goodbye):
                self._goodbye = frame
            if frame is not None:
                self._receive(frame)
        except _NONSENSE as error:
            raise _Lost("sent something that is no frame of this protocol") from error

    def _greet(self, hello: Hello) -> None:
        if hello.protocol != PROTOCOL:
            reason = (
                f"speaks protocol {hello.protocol}, this client {PROTOCOL}; update the older one"
            )
            raise _Lost(reason, refused=ServerUnavailable(f"The server {reason}."))
        self.refused = None
        self._silence = hello.heartbeat * HEARTBEATS_MISSED

    def _closed(self, socket: aiohttp.ClientWebSocketResponse, message: aiohttp.WSMessage) -> _Lost:
        if self._goodbye is not None:
            return _Lost(
                f"said goodbye: {self._goodbye.reason}", retry_after=self._goodbye.retry_after
            )
        if message.type is aiohttp.WSMsgType.BINARY:
            return _Lost("sent something that is no frame of this protocol")
        reason = _CLOSE_REASONS.get(socket.close_code or 0, "closed the connection")
        return _Lost(reason)


def _handshake_refused(error: aiohttp.WSServerHandshakeError) -> _Lost:
    retry_after = error.headers.get("Retry-After") if error.headers else None
    refusal = refusal_from_response(error.status, b"", retry_after)
    reason = f"refuses this client with HTTP status {error.status}"
    if is_retryable(refusal):
        return _Lost(reason, retry_after=refusal.retry_after)
    if error.status < 300:
        return _Lost("answered in a way that is not a WebSocket")
    return _Lost(_refusal_reason(error.status) or reason, refused=refusal)


def _refusal_reason(status: int) -> str:
    return {
        401: "asks for a token, or for another one than was given",
        403: "does not allow this client",
        404: "has no dashboard; is it a coffeert server",
    }.get(status, "")
