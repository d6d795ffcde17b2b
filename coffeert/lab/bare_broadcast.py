"""The limit of the hub: the same bytes to the same number of sockets in a bare loop.

Run as `python -m coffeert.lab.bare_broadcast`, a child process of the lab.
"""

from __future__ import annotations

import asyncio
import struct
from typing import cast

import msgspec

from coffeert.lab.child import Gate, serve
from coffeert.lab.ws_frames import TEXT

_SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"
_CREATED = b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"


class BroadcastJob(msgspec.Struct, frozen=True):
    """The port to listen on, on loopback, and what to send to everyone at each POST."""

    port: int
    payload: bytes


class BroadcastResult(msgspec.Struct, frozen=True):
    """How many frames were written."""

    written: int


class _Room:
    def __init__(self, payload: bytes) -> None:
        self.members: list[asyncio.Transport] = []
        self.written = 0
        self._frame = struct.pack("!BBH", TEXT, 126, len(payload)) + payload

    def broadcast(self) -> None:
        for member in self.members:
            member.write(self._frame)
        self.written += len(self.members)


class _Member(asyncio.Protocol):
    def __init__(self, room: _Room) -> None:
        self._room = room
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        if data.startswith(b"POST"):
            self._room.broadcast()
            self._transport.write(_CREATED)
        else:
            self._room.members.append(self._transport)
            self._transport.write(_SWITCHING)


async def _run(job: BroadcastJob, gate: Gate) -> BroadcastResult:
    room = _Room(job.payload)
    server = await asyncio.get_running_loop().create_server(
        lambda: _Member(room), "127.0.0.1", job.port, backlog=1024
    )
    await gate.ready()
    await gate.word()
    server.close()
    return BroadcastResult(room.written)


if __name__ == "__main__":
    serve(BroadcastJob, _run)
