"""The address of the server: a site of aiohttp's that takes in crowds, with a gate for each connection."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from typing import cast

import structlog
from aiohttp import web
from aiohttp.web import RequestHandler

from coffeert.server.http.doorway import ConnectionGuard, ConnectionLimiter
from coffeert.wire.orders import Problem, encode

log = structlog.get_logger(__name__)

_A_TURN = 64  # connections; each takes some 100 us
_FULL_PAUSE = 1.0


class Listener:
    """Takes in the connections that wait, many in one turn of the loop.

    uvloop's own server takes in one a turn (libuv since 1.45). A turn takes 30 ms under load, and then
    a thousand dashboards that come back would be half a minute in coming.
    """

    def __init__(
        self, sockets: Sequence[socket.socket], protocol: Callable[[], asyncio.Protocol]
    ) -> None:
        self.sockets = list(sockets)
        self._protocol = protocol
        self._loop = asyncio.get_running_loop()
        self._coming: set[asyncio.Task[object]] = set()

    def start(self, backlog: int) -> None:
        """Begin to listen; raises `OSError`."""
        for listening in self.sockets:
            listening.listen(backlog)
            self._loop.add_reader(listening, self._take_in, listening)

    def close(self) -> None:
        """Take in nobody any more."""
        for listening in self.sockets:
            self._loop.remove_reader(listening)
            listening.close()
        self.sockets = []

    def _take_in(self, listening: socket.socket) -> None:
        for _ in range(_A_TURN):
            try:
                connection, _ = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:  # no file descriptors left, mostly
                log.warning("connections wait", reason=error.strerror)
                self._loop.remove_reader(listening)
                self._loop.call_later(_FULL_PAUSE, self._go_on, listening)
                return
            connection.setblocking(False)
            task = self._loop.create_task(self._connect(connection))
            self._coming.add(task)
            task.add_done_callback(self._coming.discard)

    def _go_on(self, listening: socket.socket) -> None:
        if listening in self.sockets:
            self._loop.add_reader(listening, self._take_in, listening)

    async def _connect(self, connection: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._protocol, connection)
        except OSError:  # it has gone again
            connection.close()


async def _bound(host: str, port: int, *, reuse_port: bool) -> list[socket.socket]:
    """Open sockets for every address that a host name stands for; raises `OSError`."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    sockets: list[socket.socket] = []
    try:
        for family, kind, protocol, _, address in dict.fromkeys(found):
            opened = socket.socket(family, kind, protocol)
            sockets.append(opened)
            opened.setblocking(False)
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if reuse_port:
                opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            if family == socket.AF_INET6:
                opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            opened.bind(address)
    except OSError:
        for opened in sockets:
            opened.close()
        raise
    return sockets


class _DiscreetHandler(RequestHandler):
    """aiohttp's protocol, but for its answer to what is not HTTP: that would repeat what was sent."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer with a problem document that holds nothing of the request."""
        super().handle_error(request, status, exc, message)  # for what it logs and raises
        title = "Malformed request" if status < 500 else "Internal error"
        detail = "This is not an HTTP request." if status < 500 else "Something went wrong."
        response = web.Response(
            body=encode(Problem(title, status, detail)),
            status=status,
            content_type="application/problem+json",
        )
        response.force_close()
        return response


def _discreet(handler: RequestHandler) -> RequestHandler:
    # aiohttp lets nobody choose the class; ours differs in one method and in no data.
    handler.__class__ = _DiscreetHandler
    return handler


class GatedSite(web.BaseSite):
    """Listens on a TCP address, with a gate for each connection."""

    def __init__(
        self,
        runner: web.AppRunner,
        keeper: ConnectionLimiter,
        host: str,
        port: int,
        *,
        backlog: int,
        reuse_port: bool,
    ) -> None:
        super().__init__(runner, backlog=backlog)
        self._keeper = keeper
        self._host = host
        self._port = port
        self._reuse_port = reuse_port

    @property
    def name(self) -> str:
        """The address to listen on."""
        return f"http://{self._host}:{self._port}"

    async def start(self) -> None:
        """Begin to listen; raises `OSError`."""
        await super().start()
        server = self._runner.server
        assert server is not None
        sockets = await _bound(self._host, self._port, reuse_port=self._reuse_port)
        listener = Listener(
            sockets, lambda: ConnectionGuard(lambda: _discreet(server()), self._keeper)
        )
        listener.start(self._backlog)
        # What aiohttp asks of a server is this much: its sockets, and to be closed.
        self._server = cast(asyncio.AbstractServer, listener)
