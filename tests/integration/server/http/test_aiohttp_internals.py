"""What is used of aiohttp's inside is still there, and means what it is used for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from aiohttp.web import RequestHandler

from coffeert.server.http import aiohttp_internals
from tests.waiting import eventually


class Site:
    """A server whose only handler waits until it may answer."""

    def __init__(self) -> None:
        self.request: web.Request | None = None
        self.may_answer = asyncio.Event()
        self.handlers: list[asyncio.Protocol] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.request = request
        if request.path == "/ws":
            socket = web.WebSocketResponse()
            await socket.prepare(request)
            async for _ in socket:
                pass
            return socket
        await self.may_answer.wait()
        return web.Response(text="ok")

    @asynccontextmanager
    async def run(self) -> AsyncIterator[str]:
        app = web.Application()
        app.router.add_get("/{any:.*}", self.handle)
        runner = web.AppRunner(app)
        await runner.setup()
        assert runner.server is not None
        server = runner.server

        def handler() -> asyncio.Protocol:
            self.handlers.append(aiohttp_internals.new_handler(server))
            return self.handlers[-1]

        listening = await asyncio.get_running_loop().create_server(handler, "127.0.0.1", 0)
        try:
            yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        finally:
            self.may_answer.set()
            listening.close()
            await runner.cleanup()


@pytest.fixture
async def running() -> AsyncIterator[tuple[Site, aiohttp.ClientSession]]:
    site = Site()
    async with site.run() as url, aiohttp.ClientSession(url) as http:
        yield site, http


async def test_the_protocol_is_ours_in_one_method_and_in_no_data(
    running: tuple[Site, aiohttp.ClientSession],
) -> None:
    site, http = running
    site.may_answer.set()
    assert (await http.get("/")).status == 200
    (handler,) = site.handlers
    assert isinstance(handler, RequestHandler)
    assert type(handler).handle_error is not RequestHandler.handle_error
    assert not type(handler).__slots__


async def test_it_waits_for_a_request_and_not_while_it_answers(
    running: tuple[Site, aiohttp.ClientSession],
) -> None:
    site, http = running
    asking = asyncio.ensure_future(http.get("/"))
    await eventually(lambda: site.request is not None)
    (handler,) = site.handlers
    assert not aiohttp_internals.is_waiting(handler)
    assert not aiohttp_internals.has_upgraded(handler)
    site.may_answer.set()
    async with await asking as response:
        assert await response.text() == "ok"
    await eventually(lambda: aiohttp_internals.is_waiting(handler))


async def test_it_does_not_wait_in_the_iteration_in_which_a_request_arrives() -> None:
    site = Site()
    async with site.run():
        app = web.Application()
        runner = web.AppRunner(app)
        await runner.setup()
        assert runner.server is not None
        handler = aiohttp_internals.new_handler(runner.server)
        pipe = _Pipe()
        handler.connection_made(pipe)
        await eventually(lambda: aiohttp_internals.is_waiting(handler))
        handler.data_received(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert not aiohttp_internals.is_waiting(handler)
        await eventually(lambda: aiohttp_internals.is_waiting(handler))
        assert pipe.written.startswith(b"HTTP/1.1 404 ")
        handler.connection_lost(None)
        await runner.cleanup()


class _Pipe(asyncio.Transport):
    written = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def writelines(self, pieces: object) -> None:
        assert isinstance(pieces, list | tuple)
        self.written += b"".join(map(bytes, pieces))

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        pass


async def test_it_knows_that_it_speaks_websocket(
    running: tuple[Site, aiohttp.ClientSession],
) -> None:
    site, http = running
    async with http.ws_connect("/ws"):
        (handler,) = site.handlers
        assert aiohttp_internals.has_upgraded(handler)


async def test_the_transport_of_a_request_knows_its_protocol(
    running: tuple[Site, aiohttp.ClientSession],
) -> None:
    site, http = running
    asking = asyncio.ensure_future(http.get("/"))
    await eventually(lambda: site.request is not None)
    assert site.request is not None
    assert aiohttp_internals.protocol_of(site.request) is site.handlers[0]
    site.request.writer.output_size = 25
    aiohttp_internals.forget_interim_response(site.request)
    assert site.request.writer.output_size == 0
    site.may_answer.set()
    await asking


async def test_a_site_stops_the_listener_that_it_was_given() -> None:
    class Listener:
        sockets: tuple[()] = ()
        closed = False

        def close(self) -> None:
            self.closed = True

    class Site(web.BaseSite):
        @property
        def name(self) -> str:
            return "here"

        async def start(self) -> None:
            await super().start()
            aiohttp_internals.set_listener(self, listener)

    listener = Listener()
    runner = web.AppRunner(web.Application())
    await runner.setup()
    site = Site(runner)
    await site.start()
    assert aiohttp_internals.server_of(site) is runner.server
    assert runner.addresses == []
    await site.stop()
    assert listener.closed
    await runner.cleanup()
