"""The listener takes in crowds, and connections that come while it listens are served to the last."""

from __future__ import annotations

import asyncio
import socket
from typing import cast

import pytest
import uvloop

from coffeert.server.http.listener import Listener

CROWD = 200


class Greeting(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        reached = cast(asyncio.WriteTransport, transport)  # uvloop's is no subclass
        reached.write(b"hello")
        reached.close()


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_a_crowd_comes_in_within_few_turns(run: object) -> None:
    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            listening.setblocking(False)
            made = []

            def protocol() -> asyncio.Protocol:
                made.append(1)
                return Greeting()

            listener = Listener([listening], protocol)
            listener.start(CROWD)
            crowd = [socket.create_connection(listening.getsockname()) for _ in range(CROWD)]
            turns = 0
            while len(made) < CROWD:
                await asyncio.sleep(0)
                turns += 1
            assert turns < CROWD / 4
            for visitor in crowd:
                visitor.close()
            listener.close()

    assert callable(run)
    run(main())


async def test_each_visitor_gets_its_answer() -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setblocking(False)
    address = listening.getsockname()
    listener = Listener([listening], Greeting)
    listener.start(CROWD)

    async def visit() -> bytes:
        reader, writer = await asyncio.open_connection(*address)
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        return answer

    async with asyncio.timeout(20):
        assert await asyncio.gather(*(visit() for _ in range(CROWD))) == [b"hello"] * CROWD
    listener.close()
    with pytest.raises(ConnectionRefusedError):
        await visit()
