"""`/ws/dashboard`: the view as it changes, and orders the other way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from aiohttp import WSCloseCode, WSMessage, WSMsgType, web

from coffeert import __version__
from coffeert.errors import Malformed, Unavailable
from coffeert.server.http.auth import Authorizer
from coffeert.server.http.doorway import ConnectionGuard, gate_of
from coffeert.server.ingest.load_shedding import LoadShedder
from coffeert.server.ingest.order_service import OrderService
from coffeert.server.live.broadcaster import Broadcaster, Client
from coffeert.server.live.change_log import ChangeLog
from coffeert.server.ws.orders import UNANSWERED, WebSocketOrders
from coffeert.server.ws.reader import OrderFrameReader
from coffeert.server.ws.writer import WebSocketWriter
from coffeert.wire import frames
from coffeert.wire.orders import MenuBody

_FRAMES_A_TURN = 16


class DashboardWebSocket:
    """The handler of `/ws/dashboard`. `heartbeat` is in seconds, `frame_limit` in bytes."""

    def __init__(
        self,
        *,
        hub: Broadcaster,
        journal: ChangeLog,
        intake: OrderService,
        shedder: LoadShedder,
        access: Authorizer,
        menu: Callable[[], MenuBody],
        heartbeat: float,
        timezone: str,
        frame_limit: int,
    ) -> None:
        self._hub = hub
        self._journal = journal
        self._intake = intake
        self._shedder = shedder
        self._access = access
        self._menu = menu
        self._heartbeat = heartbeat
        self._timezone = timezone
        self._frame_limit = frame_limit

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one client until it goes."""
        self._access.check(request)
        if self._hub.full:
            raise Unavailable("No further dashboard fits.", retry_after=5)
        socket = web.WebSocketResponse(
            max_msg_size=self._frame_limit, compress=False, autoping=False
        )
        if not socket.can_prepare(request).ok:
            raise Malformed("This address takes WebSocket connections only.")
        await socket.prepare(request)
        transport = request.transport
        if transport is None:
            return socket
        link = WebSocketWriter(transport)
        self._journal.advance()
        link.send(frames.encode(self._hello()))
        client = self._hub.join(link, *_resume_from(request))
        try:
            await self._receive(socket, link, client, request)
        finally:
            self._hub.leave(client)
        return socket

    def _hello(self) -> frames.Hello:
        return frames.Hello(
            protocol=frames.PROTOCOL,
            server=f"coffeert {__version__}",
            epoch=self._journal.epoch,
            version=self._journal.version,
            heartbeat=self._heartbeat,
            timezone=self._timezone,
            menu=self._menu(),
        )

    async def _receive(
        self,
        socket: web.WebSocketResponse,
        link: WebSocketWriter,
        client: Client,
        request: web.Request,
    ) -> None:
        gate = gate_of(request)
        sender = _ClientSession(client, link, self._hub, gate)
        may_order = self._access.may_order(request)
        async with asyncio.TaskGroup() as group:
            orders = WebSocketOrders(
                sender, self._intake, self._shedder, group, may_order=may_order
            )
            if gate is not None and request.transport is not None:
                transport, limit = request.transport, self._frame_limit
                gate.put_before(
                    lambda rest: OrderFrameReader(rest, transport, orders, frame_limit=limit)
                )
            try:
                async for message in messages(socket):
                    await link.room()  # one who takes no answers gets no more of them
                    if message.type is not WSMsgType.TEXT:
                        client.link.close(WSCloseCode.UNSUPPORTED_DATA, "text frames only")
                        return
                    await orders.below(UNANSWERED)
                    orders.take(message.data)
                    orders.send_refusals()
                await orders.below(1)
            finally:
                orders.leave()


class _ClientSession:
    """A client of the hub as one that sends orders."""

    def __init__(
        self, client: Client, link: WebSocketWriter, hub: Broadcaster, gate: ConnectionGuard | None
    ) -> None:
        self._client = client
        self._link = link
        self._hub = hub
        self._gate = gate

    def send(self, *payloads: bytes) -> None:
        """Send text frames."""
        self._link.answer(*payloads)

    def spend(self) -> None:
        """Count one order; raises `TooManyRequests`."""
        if self._gate is not None:
            self._gate.spend(1)

    def resync(self) -> None:
        """Have it sent a whole snapshot."""
        self._hub.resync(self._client)


async def messages(socket: web.WebSocketResponse) -> AsyncIterator[WSMessage]:
    """Receive until the client goes, or has gone while it was being answered (a ping, a close).

    What has arrived is received without a turn of the loop, and pings are answered so too: a flood of
    frames would hold everyone up.
    """
    number = 0
    try:
        async for message in socket:
            number += 1
            if number % _FRAMES_A_TURN == 0:
                await asyncio.sleep(0)
            if message.type is WSMsgType.PING:
                await socket.pong(message.data)
            elif message.type is not WSMsgType.PONG:
                yield message
    except ConnectionError:
        return


def _resume_from(request: web.Request) -> tuple[str, int]:
    version = request.query.get("version", "")
    if not (version.isascii() and version.isdigit() and len(version) <= 18):
        return "", -1
    return request.query.get("epoch", ""), int(version)
