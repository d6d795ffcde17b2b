"""`/ws/dashboard`: the view as it changes, and orders the other way."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable

from aiohttp import WSCloseCode, WSMessage, WSMsgType, web

from coffeert import __version__
from coffeert.errors import Malformed, Unavailable
from coffeert.server.http.aiohttp_connection import AiohttpConnection, connection_of
from coffeert.server.http.auth import (
    BEARER_PROTOCOL,
    PROTOCOL_NAME,
    Authorizer,
    offered_protocols,
)
from coffeert.server.ingest.load_shedding import LoadShedder
from coffeert.server.ingest.order_service import OrderService
from coffeert.server.live.broadcaster import Broadcaster, Client
from coffeert.server.live.change_log import ChangeLog
from coffeert.server.ws.orders import MAX_UNANSWERED_ORDERS, WebSocketOrders
from coffeert.server.ws.reader import MAX_READ_SECONDS, OrderFrameReader
from coffeert.server.ws.writer import WebSocketWriter
from coffeert.wire import frames
from coffeert.wire.orders import MenuBody


class DashboardWebSocket:
    """The handler of `/ws/dashboard`; `heartbeat` is in seconds."""

    def __init__(
        self,
        *,
        broadcaster: Broadcaster,
        change_log: ChangeLog,
        order_service: OrderService,
        shedder: LoadShedder,
        authorizer: Authorizer,
        menu: Callable[[], MenuBody],
        heartbeat: float,
        timezone: Callable[[], str],
        max_frame_bytes: int,
    ) -> None:
        self._broadcaster = broadcaster
        self._change_log = change_log
        self._order_service = order_service
        self._shedder = shedder
        self._authorizer = authorizer
        self._menu = menu
        self._heartbeat = heartbeat
        self._timezone = timezone
        self._max_frame_bytes = max_frame_bytes + 1  # aiohttp refuses what is as long as its limit

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one client until its connection ends."""
        self._authorizer.check(request)
        if self._broadcaster.full:
            raise Unavailable("No further dashboard fits.", retry_after=5)
        offered = offered_protocols(request)
        if PROTOCOL_NAME not in offered and any(n.startswith(BEARER_PROTOCOL) for n in offered):
            # aiohttp would log them all, the token too, and a browser close what names none of them.
            raise Malformed(f"Offer the subprotocol {PROTOCOL_NAME} beside the token.")
        socket = web.WebSocketResponse(
            max_msg_size=self._max_frame_bytes,
            compress=False,
            autoping=False,
            protocols=(PROTOCOL_NAME,),
        )
        if not socket.can_prepare(request).ok:
            raise Malformed("This address takes WebSocket connections only.")
        await socket.prepare(request)
        transport = request.transport
        if transport is None:
            return socket
        writer = WebSocketWriter(transport)
        self._change_log.commit_version()
        writer.send(frames.encode(self._hello()))
        client = self._broadcaster.join(writer, *_resume_from(request))
        expiry = self._close_at_expiry(writer, request)
        try:
            await self._receive(socket, writer, client, request)
        finally:
            if expiry is not None:
                expiry.cancel()
            self._broadcaster.leave(client)
        return socket

    def _close_at_expiry(
        self, writer: WebSocketWriter, request: web.Request
    ) -> asyncio.TimerHandle | None:
        """Let a socket that a cookie has opened end with the cookie."""
        if self._authorizer.has_token(request):
            return None
        until = self._authorizer.cookie_valid_until(request)
        seconds = 0.0 if until is None else until - time.time()
        loop = asyncio.get_running_loop()
        return loop.call_later(seconds, writer.close, frames.LOGIN_EXPIRED, "the login has expired")

    def _hello(self) -> frames.Hello:
        return frames.Hello(
            protocol=frames.PROTOCOL,
            server=f"coffeert {__version__}",
            epoch=self._change_log.epoch,
            version=self._change_log.version,
            heartbeat=self._heartbeat,
            timezone=self._timezone(),
            menu=self._menu(),
        )

    async def _receive(
        self,
        socket: web.WebSocketResponse,
        writer: WebSocketWriter,
        client: Client,
        request: web.Request,
    ) -> None:
        connection = connection_of(request)
        session = _ClientSession(client, writer, self._broadcaster, connection)
        may_order = self._authorizer.may_order(request)
        async with asyncio.TaskGroup() as group:
            orders = WebSocketOrders(
                session, self._order_service, self._shedder, group, may_order=may_order
            )
            if connection is not None and request.transport is not None:
                self._read_before_aiohttp(connection, request.transport, orders)
            try:
                async for message in messages(socket):
                    await writer.drain()  # a client that does not read gets no further answers
                    if message.type is not WSMsgType.TEXT:
                        writer.close(WSCloseCode.UNSUPPORTED_DATA, "text frames only")
                        return
                    await orders.wait_until_below(MAX_UNANSWERED_ORDERS)
                    orders.handle(message.data)
                    orders.flush_refusals()
                await orders.wait_until_below(1)
            finally:
                orders.close()

    def _read_before_aiohttp(
        self, connection: AiohttpConnection, transport: asyncio.Transport, orders: WebSocketOrders
    ) -> None:
        """Put an `OrderFrameReader` before aiohttp's protocol, on a live connection.

        This is safe at one moment only, which is now: the handshake is answered, and aiohttp has not
        been given a byte of a frame. If the client sent frames together with its handshake, aiohttp
        has them already, and a part of one perhaps: then nothing is changed, and the loop over
        `messages` reads every frame, more slowly and with the same answers. From here on the
        connection calls the reader, and the reader calls aiohttp's protocol; the transport still
        calls the connection, so writing, pausing and closing are as before. aiohttp does not notice.
        """
        limit = self._max_frame_bytes
        connection.wrap_protocol(
            lambda protocol: OrderFrameReader(protocol, transport, orders, max_frame_bytes=limit)
        )


class _ClientSession:
    """A client of the broadcaster as a sender of orders."""

    def __init__(
        self,
        client: Client,
        writer: WebSocketWriter,
        broadcaster: Broadcaster,
        connection: AiohttpConnection | None,
    ) -> None:
        self._client = client
        self._broadcaster = broadcaster
        self._connection = connection
        self.send = writer.send_all

    def consume_quota(self) -> None:
        if self._connection is not None:
            self._connection.consume_quota(1)

    def resync(self) -> None:
        self._broadcaster.resync(self._client)


async def messages(
    socket: web.WebSocketResponse, clock: Callable[[], float] = time.monotonic
) -> AsyncIterator[WSMessage]:
    """Receive messages, and answer pings, until the client closes or its connection is lost.

    aiohttp gives messages that have arrived, and takes answers to pings, without returning to the event
    loop; so that a flood of frames does not stop others, this yields to it by time.
    """
    deadline = clock() + MAX_READ_SECONDS
    try:
        async for message in socket:
            if message.type is WSMsgType.PING:
                await socket.pong(message.data)
            elif message.type is not WSMsgType.PONG:
                yield message
            if clock() >= deadline:
                await asyncio.sleep(0)
                deadline = clock() + MAX_READ_SECONDS
    except ConnectionError:
        return


def _resume_from(request: web.Request) -> tuple[str, int]:
    version = request.query.get("version", "")
    # 18 digits always fit into 64 bits; `int` of a longer text takes quadratic time.
    if not (version.isascii() and version.isdigit() and len(version) <= 18):
        return "", -1
    return request.query.get("epoch", ""), int(version)
