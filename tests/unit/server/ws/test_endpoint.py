"""Messages that aiohttp reads: pings are answered, and a flood of them does not stop the event loop."""

from __future__ import annotations

import asyncio
from typing import cast

import aiohttp
import pytest
from aiohttp import WSMessage, WSMsgType, web

from coffeert.server.ws.endpoint import messages
from coffeert.server.ws.reader import MAX_READ_SECONDS

PING, PONG, TEXT = (
    WSMessage(kind, data, None)
    for kind, data in ((WSMsgType.PING, b"hi"), (WSMsgType.PONG, b""), (WSMsgType.TEXT, "x"))
)


class Socket:
    """A connection on which everything has arrived already; each message takes time to read."""

    def __init__(self, *arrived: WSMessage, seconds_each: float = 0.0) -> None:
        self.now = 0.0
        self.ponged: list[bytes] = []
        self._arrived = iter(arrived)
        self._seconds_each = seconds_each

    def __aiter__(self) -> Socket:
        return self

    async def __anext__(self) -> WSMessage:
        self.now += self._seconds_each
        for message in self._arrived:
            return message
        raise StopAsyncIteration

    async def pong(self, data: bytes) -> None:
        self.ponged.append(data)

    async def texts(self) -> int:
        response = cast("web.WebSocketResponse", self)
        return len([message async for message in messages(response, lambda: self.now)])


async def _iterations_during(socket: Socket) -> int:
    """How often the event loop runs something else until all is received."""
    count = 0

    async def other() -> None:
        nonlocal count
        while True:
            await asyncio.sleep(0)
            count += 1

    task = asyncio.create_task(other())
    await asyncio.sleep(0)
    before = count
    await socket.texts()
    task.cancel()
    return count - before


async def test_pings_are_answered_and_pongs_passed_over() -> None:
    socket = Socket(PING, TEXT, PONG, PING)
    assert await socket.texts() == 1
    assert socket.ponged == [b"hi", b"hi"]


@pytest.mark.parametrize("message", [TEXT, PING, PONG])
async def test_messages_that_have_arrived_are_received_in_slices_of_time(
    message: WSMessage,
) -> None:
    assert await _iterations_during(Socket(*[message] * 40)) == 0
    slow = Socket(*[message] * 40, seconds_each=MAX_READ_SECONDS / 4)
    assert await _iterations_during(slow) == 10


async def test_a_connection_lost_while_a_ping_is_answered_ends_the_messages() -> None:
    class Lost(Socket):
        async def pong(self, data: bytes) -> None:
            raise aiohttp.ClientConnectionResetError("Cannot write to closing transport")

    assert await Lost(TEXT, PING, TEXT).texts() == 1
