"""A server's connections, met without a client of ours."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiohttp


class Pipe(asyncio.Transport):
    """A transport that only says who is at the other end, and keeps what is written."""

    def __init__(self, address: str) -> None:
        super().__init__({"peername": (address, 1234)})
        self.written = b""
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True


@asynccontextmanager
async def connection(url: str) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rsplit(":", 1)[1]))
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


def reset(writer: asyncio.StreamWriter) -> None:
    """Break a connection so that the server hears of it; a mere end could be that of half of it."""
    raw: socket.socket = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def ends(reader: asyncio.StreamReader) -> bool:
    with suppress(ConnectionError):
        await asyncio.wait_for(reader.read(), 10)
    return reader.at_eof() or reader.exception() is not None


async def answer_to(socket: aiohttp.ClientWebSocketResponse, ref: str) -> dict[str, Any]:
    async for message in socket:
        frame: dict[str, Any] = json.loads(message.data)
        if frame.get("ref") == ref:
            return frame
    raise AssertionError("the socket has ended")
