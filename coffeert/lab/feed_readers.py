"""Readers of the change feed in a worker process: what they got, whether all got the same, and its age.

They ask for gzip, as most clients do, and compare what comes. Only the first reader's is unpacked.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
import zlib
from bisect import bisect_left
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple, cast
from uuid import UUID

import msgspec

from coffeert.lab.results import Latencies
from coffeert.lab.worker_process import ParentPipe

_GET = (
    b"GET /api/feed?after=now HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n"
    b"Accept-Encoding: gzip\r\n\r\n"
)
_EVENT = re.compile(rb'"order_id":"([0-9a-f-]{36})".*"received_at":"([^"]+)"')
_COMPLETE_SECONDS = 120.0
_POLL_SECONDS = 0.1
_MAX_AGES = 200_000
_BUFFER = memoryview(bytearray(256 * 1024))


class FeedReadersJob(msgspec.Struct, frozen=True, kw_only=True):
    """How many readers follow the feed of a server from now on; the ids go into the file `ids_to`."""

    host: str
    port: int
    readers: int
    ids_to: str


class FeedReadersResult(msgspec.Struct, frozen=True, kw_only=True):
    """What the first reader got, and how many of them (itself included) got the same in the same order.

    `chain` is the SHA-256 of the order ids in the order of the feed. `ages` are those of events, at any
    reader, since the server received the order. `cpu`: microseconds for an order, of all readers.
    """

    events: int
    alike: int
    chain: str
    ages: Latencies
    cpu: float


class FeedConnection(asyncio.BufferedProtocol):
    """The stream of one reader. `receive` gets what follows the head of the answer, in a buffer of all."""

    def __init__(self, receive: Callable[[memoryview], None]) -> None:
        self.begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._receive = receive
        self._head = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass
        self._transport.write(_GET)

    def get_buffer(self, sizehint: int) -> memoryview:
        return _BUFFER

    def buffer_updated(self, nbytes: int) -> None:
        data = _BUFFER[:nbytes]
        if not self.begun.done():
            self._head += data
            end = self._head.find(b"\r\n\r\n") + 4
            if end < 4:
                return
            if b" 200 " not in self._head[:15]:
                self.begun.set_exception(ConnectionRefusedError("no feed"))
                return
            data = memoryview(bytes(self._head[end:]))
            self.begun.set_result(None)
        self._receive(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.begun.done():
            self.begun.set_exception(exc or ConnectionResetError())

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()


class Piece(NamedTuple):
    """A chunk of HTTP/1.1 as text; `end`: where it ends in its stream."""

    end: int
    text: bytes

    def order_ids(self) -> list[bytes]:
        """Return the ids of its events."""
        return [match[1] for match in _EVENT.finditer(self.text)]


class Unpacker:
    """Unpacks the chunks of a stream that grows."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        self._begin = 0
        self._pieces: list[Piece] = []

    def pieces(self, stream: bytearray) -> list[Piece]:
        """Return the whole chunks of a stream, which begins with all that was given before."""
        while (line := stream.find(b"\r\n", self._begin)) > 0:
            end = line + 2 + int(stream[self._begin : line], 16)
            if len(stream) < end + 2:
                break
            self._pieces.append(Piece(end, self._inflate.decompress(stream[line + 2 : end])))
            self._begin = end + 2
        return self._pieces


class KeptStream:
    """What the first reader got, byte by byte."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.arrivals = ArrivalTimes()
        self._unpacker = Unpacker()

    def receive(self, data: memoryview) -> None:
        self.data += data
        self.arrivals.note(len(self.data))

    def pieces(self) -> list[Piece]:
        """Return what came, unpacked."""
        return self._unpacker.pieces(self.data)


class ComparedStream:
    """What another reader got: so many bytes as the first did, and `rest`, which is not the same (yet)."""

    def __init__(self, kept: KeptStream) -> None:
        self._kept = kept
        self._alike = 0
        self._rest = bytearray()
        self.arrivals = ArrivalTimes()

    def receive(self, data: memoryview) -> None:
        self.arrivals.note(self._alike + len(self._rest) + len(data))
        if not self._rest and self._kept.data.startswith(data, self._alike):
            self._alike += len(data)
        else:
            self._rest += data
            self.compare()

    def compare(self) -> bool:
        """Compare what can be by now; return True if it has all that the first reader got."""
        if self._kept.data.startswith(self._rest, self._alike):
            self._alike += len(self._rest)
            self._rest.clear()
        return self._alike == len(self._kept.data)

    def order_ids(self) -> list[bytes]:
        """Return the ids of its events: streams that were cut elsewhere may hold the same ones."""
        whole = self._kept.data[: self._alike] + self._rest
        return [order_id for piece in Unpacker().pieces(whole) for order_id in piece.order_ids()]


class ArrivalTimes:
    """How many bytes of a stream were there at which moments (Unix seconds)."""

    def __init__(self) -> None:
        self._lengths: list[int] = []
        self._moments: list[float] = []

    def note(self, length: int) -> None:
        """Note that so many bytes have arrived by now."""
        self._lengths.append(length)
        self._moments.append(time.time())

    def moment_of(self, end: int) -> float:
        """Return when so many bytes had arrived."""
        return self._moments[bisect_left(self._lengths, end)]


async def follow_feed(job: FeedReadersJob, parent: ParentPipe) -> FeedReadersResult:
    """Follow the feed until the parent says how many orders there are and all readers have those."""
    kept = KeptStream()
    others = [ComparedStream(kept) for _ in range(job.readers - 1)]
    loop = asyncio.get_running_loop()
    connections: list[FeedConnection] = []
    for receive in (kept.receive, *(one.receive for one in others)):
        _, connection = await loop.create_connection(
            partial(FeedConnection, receive), job.host, job.port
        )
        await connection.begun
        connections.append(connection)
    await parent.ready()
    cpu = time.process_time()
    expected = int(await parent.wait())
    until = time.monotonic() + _COMPLETE_SECONDS
    while True:
        if _is_complete(kept, others, expected) or time.monotonic() > until:
            break
        await asyncio.sleep(_POLL_SECONDS)
    cpu = time.process_time() - cpu
    for connection in connections:
        connection.close()
    return _result(kept, others, cpu, job.ids_to)


def _result(
    kept: KeptStream, others: list[ComparedStream], cpu: float, ids_to: str
) -> FeedReadersResult:
    ids = [order_id for piece in kept.pieces() for order_id in piece.order_ids()]
    Path(ids_to).write_bytes(b"".join(UUID(one.decode()).bytes for one in ids))
    same = [one for one in others if one.compare()]
    cut_elsewhere = sum(one.order_ids() == ids for one in others if one not in same)
    arrivals = [kept.arrivals, *(one.arrivals for one in same)]
    return FeedReadersResult(
        events=len(ids),
        alike=1 + len(same) + cut_elsewhere,
        chain=hashlib.sha256(b"".join(ids)).hexdigest(),
        ages=Latencies.of(_ages(kept.pieces(), arrivals)),
        cpu=round(cpu / max(1, len(ids)) * 1e6, 1),
    )


def _is_complete(kept: KeptStream, others: list[ComparedStream], expected: int) -> bool:
    read = sum(piece.text.count(b"\ndata: ") for piece in kept.pieces())
    return read >= expected and all(one.compare() for one in others)


def _ages(whole: list[Piece], arrivals: list[ArrivalTimes]) -> Iterator[float]:
    """Iterate over the ages of events in seconds, at most so many, evenly; each comes with its piece."""
    events = [(piece.end, match[2]) for piece in whole for match in _EVENT.finditer(piece.text)]
    for end, at in events[:: max(1, len(events) * len(arrivals) // _MAX_AGES)]:
        received = datetime.fromisoformat(at.decode()).timestamp()
        for one in arrivals:
            yield one.moment_of(end) - received
