"""`/ws/dashboard`: the view as it changes, and orders the other way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import assert_never

import structlog
from aiohttp import WSCloseCode, WSMessage, WSMsgType, web

from coffeert import __version__
from coffeert.errors import Forbidden, Malformed, RequestRefused, TooManyRequests, Unavailable
from coffeert.server.access import Access
from coffeert.server.doorway import spend
from coffeert.server.hub import Client, Hub
from coffeert.server.intake import Intake
from coffeert.server.journal import Journal
from coffeert.server.socket_link import SocketLink
from coffeert.wire import frames
from coffeert.wire.orders import MenuBody, OrderBody, draft_from_request

log = structlog.get_logger(__name__)

_ORDERS_IN_FLIGHT = 256
_FRAMES_A_TURN = 16


class DashboardSocket:
    """The handler of `/ws/dashboard`. `heartbeat` is in seconds, `frame_limit` in bytes."""

    def __init__(
        self,
        *,
        hub: Hub,
        journal: Journal,
        intake: Intake,
        access: Access,
        menu: Callable[[], MenuBody],
        heartbeat: float,
        timezone: str,
        frame_limit: int,
    ) -> None:
        self._hub = hub
        self._journal = journal
        self._intake = intake
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
        link = SocketLink(transport)
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
        link: SocketLink,
        client: Client,
        request: web.Request,
    ) -> None:
        may_order = self._access.may_order(request)
        room = asyncio.Semaphore(_ORDERS_IN_FLIGHT)
        async with asyncio.TaskGroup() as orders:
            async for message in messages(socket):
                await link.room()  # one who takes no answers gets no more of them
                if message.type is not WSMsgType.TEXT:
                    client.link.close(WSCloseCode.UNSUPPORTED_DATA, "text frames only")
                    return
                try:
                    frame = frames.decode_client_frame(message.data)
                except RequestRefused as error:
                    self._refuse(client, frames.ref_of(message.data), error)
                    continue
                match frame:
                    case frames.Resync():
                        self._hub.resync(client)
                    case frames.OrderFrame() if not may_order:
                        reading = Forbidden("This token may read, and not send orders.")
                        self._refuse(client, frame.ref, reading)
                    case frames.OrderFrame():
                        try:
                            spend(request)
                        except TooManyRequests as error:
                            self._refuse(client, frame.ref, error)
                            continue
                        # A client with too many unanswered orders is not read from: backpressure.
                        await room.acquire()
                        task = orders.create_task(self._order(client, frame))
                        task.add_done_callback(lambda _: room.release())
                    case _:
                        assert_never(frame)

    async def _order(self, client: Client, frame: frames.OrderFrame) -> None:
        try:
            placed = await self._intake.place(draft_from_request(frame))
        except RequestRefused as error:
            self._refuse(client, frame.ref, error)
            return
        except Exception:
            log.exception("order failed")
            self._refuse(client, frame.ref, Unavailable("Something went wrong on our side."))
            return
        ack = frames.Ack(
            ref=frame.ref,
            status=200 if placed.replayed else 201,
            order=OrderBody.of(placed.order),
        )
        client.link.send(frames.encode(ack))

    def _refuse(self, client: Client, ref: str | None, error: RequestRefused) -> None:
        refusal = frames.Refusal(
            status=error.status,
            title=error.title,
            detail=error.detail,
            ref=ref,
            errors=error.errors,
            retry_after=error.retry_after,
        )
        client.link.send(frames.encode(refusal))


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
