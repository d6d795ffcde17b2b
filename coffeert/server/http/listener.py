"""The address of the server: a site of aiohttp's that accepts many connections at a time."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence

import structlog
from aiohttp import web

from coffeert.server.http.aiohttp_internals import new_handler, server_of, set_listener
from coffeert.server.http.connection_limiter import ConnectionLimiter
from coffeert.server.http.deferred_responses import DeferredResponses
from coffeert.server.http.order_connection import OrderConnection
from coffeert.server.http.order_endpoint import OrderEndpoint

log = structlog.get_logger(__name__)

_MAX_ACCEPTS_PER_ITERATION = 64  # each takes some 100 us
_FULL_PAUSE_SECONDS = 1.0


class Listener:
    """Accepts the connections that wait, many in one iteration of the loop.

    uvloop's own server accepts one in an iteration (libuv since 1.45). An iteration takes 30 ms under load,
    and then a thousand dashboards that reconnect would take half a minute.
    """

    def __init__(
        self, sockets: Sequence[socket.socket], protocol: Callable[[], asyncio.Protocol]
    ) -> None:
        self.sockets = list(sockets)
        self._protocol = protocol
        self._loop = asyncio.get_running_loop()
        self._connecting: set[asyncio.Task[object]] = set()

    def start(self, backlog: int) -> None:
        """Listen; raises `OSError`."""
        for listening in self.sockets:
            listening.listen(backlog)
            self._loop.add_reader(listening, self._accept, listening)

    def close(self) -> None:
        """Accept no more connections."""
        for listening in self.sockets:
            self._loop.remove_reader(listening)
            listening.close()
        self.sockets = []

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(_MAX_ACCEPTS_PER_ITERATION):
            try:
                connection, _ = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:  # no file descriptors left, mostly
                log.warning("connections wait", reason=error.strerror)
                self._loop.remove_reader(listening)
                self._loop.call_later(_FULL_PAUSE_SECONDS, self._resume, listening)
                return
            connection.setblocking(False)
            task = self._loop.create_task(self._connect(connection))
            self._connecting.add(task)
            task.add_done_callback(self._connecting.discard)

    def _resume(self, listening: socket.socket) -> None:
        if listening in self.sockets:
            self._loop.add_reader(listening, self._accept, listening)

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


class GuardedSite(web.BaseSite):
    """Listens on a TCP address, with an `OrderConnection` for each connection."""

    def __init__(
        self,
        runner: web.AppRunner,
        limiter: ConnectionLimiter,
        endpoint: OrderEndpoint,
        host: str,
        port: int,
        *,
        backlog: int,
        reuse_port: bool,
    ) -> None:
        super().__init__(runner, backlog=backlog)
        self._limiter = limiter
        self._endpoint = endpoint
        self._host = host
        self._port = port
        self._reuse_port = reuse_port

    @property
    def name(self) -> str:
        """The URL to listen on."""
        return f"http://{self._host}:{self._port}"

    async def start(self) -> None:
        """Listen; raises `OSError`."""
        await super().start()
        server, refusals = server_of(self), DeferredResponses()
        sockets = await _bound(self._host, self._port, reuse_port=self._reuse_port)
        listener = Listener(
            sockets,
            lambda: OrderConnection(
                lambda: new_handler(server), self._limiter, self._endpoint, refusals
            ),
        )
        listener.start(self._backlog)
        set_listener(self, listener)
