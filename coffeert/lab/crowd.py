"""A crowd: thousands of WebSocket clients in one process, reading through bare sockets.

It also sends the order whose frame it then times at every client, so one clock does for all. Run as
`python -m coffeert.lab.crowd`, a child process of the lab.
"""

from __future__ import annotations

import asyncio
import selectors
import socket
import time

import msgspec

from coffeert.lab.child import Gate, serve
from coffeert.lab.orders import OrderMaker
from coffeert.lab.ws_frames import UPGRADE, take_payloads

_DELTA = b'"type":"delta"'
_CHUNK = 256 * 1024
_AT_ONCE = 128  # handshakes under way: below any listen backlog
_SETTLE = 0.3
_TICK_TIMEOUT = 10.0
_STALLED_BUFFER = 4096


class CrowdJob(msgspec.Struct, frozen=True, kw_only=True):
    """How many clients, how many besides that never read, and how many orders to time.

    With no `ticks` the crowd only reads, until it is told to stop. `gap` is in seconds.
    """

    host: str
    port: int
    clients: int
    stalled: int = 0
    ticks: int = 0
    gap: float = 0.1
    seed: int = 1


class Tick(msgspec.Struct, frozen=True, array_like=True):
    """One order: seconds from sending it to the first and to the last client that got its frame."""

    first: float
    last: float
    missed: int


class CrowdResult(msgspec.Struct, frozen=True, kw_only=True):
    """What the crowd saw. `payload`: one of the frames that were timed; `cores`: CPU of the crowd."""

    connect_seconds: float
    ticks: tuple[Tick, ...]
    received: int
    payload: bytes
    cores: float


class Crowd:
    """Sockets that are read as fast as one process can."""

    def __init__(self, job: CrowdJob) -> None:
        self._job = job
        self._selector = selectors.DefaultSelector()
        self._stalled: list[socket.socket] = []
        self._buffer = bytearray(_CHUNK)
        self.received = 0
        self.payload = b""

    def connect(self) -> float:
        """Open every connection and read what greets them; return the seconds it took."""
        began = time.monotonic()
        for start in range(0, self._job.clients, _AT_ONCE):
            opened = [self._open() for _ in range(min(_AT_ONCE, self._job.clients - start))]
            for one in opened:
                _greeted(one)
                one.setblocking(False)
                self._selector.register(one, selectors.EVENT_READ)
        for _ in range(self._job.stalled):
            self._stalled.append(self._open(receive_buffer=_STALLED_BUFFER))
        took = time.monotonic() - began
        self.read_for(_SETTLE)
        return took

    def read_for(self, seconds: float) -> None:
        """Read and forget."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            for key, _ in self._selector.select(left):
                self._read(key.fileobj)  # type: ignore[arg-type]  # only sockets are registered

    def tick(self, orders: socket.socket, wire: bytes) -> Tick:
        """Send an order and time its frame at every client."""
        waiting = self._job.clients
        got: set[int] = set()
        began = time.monotonic()
        orders.sendall(wire)
        first = last = 0.0
        while waiting and time.monotonic() - began < _TICK_TIMEOUT:
            for key, _ in self._selector.select(0.5):
                data = self._read(key.fileobj)  # type: ignore[arg-type]  # only sockets
                if data.find(_DELTA) >= 0 and key.fd not in got:
                    got.add(key.fd)
                    waiting -= 1
                    last = time.monotonic() - began
                    first = first or last
                    if waiting == 0:
                        self.payload = data
        orders.recv(_CHUNK)
        return Tick(first, last, waiting)

    def _open(self, receive_buffer: int = 0) -> socket.socket:
        one = socket.socket()
        if receive_buffer:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        one.connect((self._job.host, self._job.port))
        one.sendall(UPGRADE)
        return one

    def _read(self, one: socket.socket) -> bytes:
        try:
            size = one.recv_into(self._buffer)
        except BlockingIOError:
            return b""
        except ConnectionError:
            size = 0
        if not size:
            self._selector.unregister(one)
        self.received += size
        return bytes(self._buffer[:size])


def _greeted(one: socket.socket) -> None:
    """Wait for the answer to the handshake; what comes with it is read too."""
    one.settimeout(30)
    if not one.recv(_CHUNK).startswith(b"HTTP/1.1 101"):
        raise ConnectionRefusedError("no WebSocket")


async def _run(job: CrowdJob, gate: Gate) -> CrowdResult:
    crowd = Crowd(job)
    connected = crowd.connect()
    # The greetings are read on while the parent looks at the server's memory.
    await gate.ready()
    cpu, began = time.process_time(), time.monotonic()
    ticks: list[Tick] = []
    if job.ticks:
        maker = OrderMaker(job.seed)
        with socket.create_connection((job.host, job.port)) as orders:
            for number in range(job.ticks):
                ticks.append(crowd.tick(orders, maker.http(number).wire))
                crowd.read_for(job.gap)
    else:
        stop = asyncio.ensure_future(gate.word())
        while not stop.done():
            await asyncio.sleep(0)
            crowd.read_for(0.05)
    return CrowdResult(
        connect_seconds=connected,
        ticks=tuple(ticks),
        received=crowd.received,
        payload=_frame_of(crowd.payload),
        cores=(time.process_time() - cpu) / (time.monotonic() - began),
    )


def _frame_of(data: bytes) -> bytes:
    return next((p for p in take_payloads(bytearray(data)) if _DELTA in p[:40]), b"")


if __name__ == "__main__":
    serve(CrowdJob, _run)
