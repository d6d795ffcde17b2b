"""Dashboard clients in worker processes: thousands of WebSockets, one that observes, and pollers."""

from __future__ import annotations

import asyncio
import selectors
import socket
import time

import msgspec

from coffeert.lab.clients import (
    WEBSOCKET_UPGRADE,
    HttpConnection,
    LoadConnection,
    RequestFactory,
    WebSocketStream,
)
from coffeert.lab.worker_process import ParentPipe
from coffeert.wire.websocket import read_server_frames

_DELTA = b'{"type":"delta"'
_SNAPSHOT = b'{"type":"snapshot"'
_HELLO = b'{"type":"hello"'
_READ_BYTES = 256 * 1024
_MAX_HANDSHAKES = 128  # at once: below any listen backlog
_HANDSHAKE_TIMEOUT_SECONDS = 30
_SETTLE_SECONDS = 0.3
_FANOUT_TIMEOUT_SECONDS = 10.0
_STALLED_BUFFER_BYTES = 4096
_GET = b"GET /api/dashboard HTTP/1.1\r\nHost: localhost\r\n"


class ClientPoolJob(msgspec.Struct, frozen=True, kw_only=True):
    """How many clients, how many more that never read, and how many orders to time.

    With no `orders` the clients only read, until the parent stops them. `gap` is in seconds.
    """

    host: str
    port: int
    clients: int
    stalled: int = 0
    orders: int = 0
    gap: float = 0.1
    seed: int = 1


class FanoutTiming(msgspec.Struct, frozen=True, array_like=True):
    """Seconds from sending an order to the first and the last client's frame; `missed` got none."""

    first: float
    last: float
    missed: int


class ClientPoolResult(msgspec.Struct, frozen=True, kw_only=True):
    """What the clients received; `payload` is one of the timed frames, `cores` the CPU of all clients."""

    connect_seconds: float
    timings: tuple[FanoutTiming, ...]
    received: int
    payload: bytes
    cores: float


class ClientPool:
    """WebSocket clients on blocking sockets in one process, which also sends the orders it times.

    So all moments are of one clock.
    """

    def __init__(self, job: ClientPoolJob) -> None:
        self._job = job
        self._selector = selectors.DefaultSelector()
        self._stalled: list[socket.socket] = []
        self._buffer = bytearray(_READ_BYTES)
        self.received = 0
        self.payload = b""

    def connect(self) -> float:
        """Open every connection and read the first frames; return the seconds it took."""
        began = time.monotonic()
        for start in range(0, self._job.clients, _MAX_HANDSHAKES):
            opened = [self._open() for _ in range(min(_MAX_HANDSHAKES, self._job.clients - start))]
            for one in opened:
                one.settimeout(_HANDSHAKE_TIMEOUT_SECONDS)
                if not one.recv(_READ_BYTES).startswith(b"HTTP/1.1 101"):
                    raise ConnectionRefusedError("no WebSocket")
                one.setblocking(False)
                self._selector.register(one, selectors.EVENT_READ)
        for _ in range(self._job.stalled):
            self._stalled.append(self._open(receive_buffer=_STALLED_BUFFER_BYTES))
        took = time.monotonic() - began
        self.read_for(_SETTLE_SECONDS)
        return took

    def read_for(self, seconds: float) -> None:
        """Read and discard."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            for key, _ in self._selector.select(left):
                self._read(key.fileobj)  # type: ignore[arg-type]  # only sockets are registered

    def time_order(self, orders: socket.socket, wire: bytes) -> FanoutTiming:
        """Send an order and wait for its frame at every client."""
        missing = self._job.clients
        reached: set[int] = set()
        began = time.monotonic()
        orders.sendall(wire)
        first = last = 0.0
        while missing and time.monotonic() - began < _FANOUT_TIMEOUT_SECONDS:
            for key, _ in self._selector.select(0.5):
                data = self._read(key.fileobj)  # type: ignore[arg-type]  # only sockets
                if _DELTA[1:] in data and key.fd not in reached:
                    reached.add(key.fd)
                    missing -= 1
                    last = time.monotonic() - began
                    first = first or last
                    if missing == 0:
                        self.payload = data
        orders.recv(_READ_BYTES)
        return FanoutTiming(first, last, missing)

    def _open(self, receive_buffer: int = 0) -> socket.socket:
        one = socket.socket()
        if receive_buffer:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        one.connect((self._job.host, self._job.port))
        one.sendall(WEBSOCKET_UPGRADE)
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


async def run_client_pool(job: ClientPoolJob, parent: ParentPipe) -> ClientPoolResult:
    """Time the orders of a job, or read until the parent says so, in a worker process."""
    pool = ClientPool(job)
    connect_seconds = pool.connect()
    await parent.ready()
    cpu, began = time.process_time(), time.monotonic()
    timings: list[FanoutTiming] = []
    if job.orders:
        factory = RequestFactory(job.seed)
        with socket.create_connection((job.host, job.port)) as orders:
            for number in range(job.orders):
                timings.append(pool.time_order(orders, factory.http(number).wire))
                pool.read_for(job.gap)
    else:
        stop = asyncio.ensure_future(parent.wait())
        while not stop.done():
            await asyncio.sleep(0)
            pool.read_for(0.05)
    payloads, _ = read_server_frames(pool.payload)
    return ClientPoolResult(
        connect_seconds=connect_seconds,
        timings=tuple(timings),
        received=pool.received,
        payload=next((one for one in payloads if one.startswith(_DELTA)), b""),
        cores=(time.process_time() - cpu) / (time.monotonic() - began),
    )


class ObserverJob(msgspec.Struct, frozen=True):
    """The server to observe, and the drinks that are probes."""

    host: str
    port: int
    probes: tuple[str, ...]


class ProbeObservation(msgspec.Struct, frozen=True, array_like=True):
    """At `at` (seconds of `time.monotonic`) a frame first counted `orders` orders of a drink."""

    drink: str
    orders: int
    at: float


class ObserverResult(msgspec.Struct, frozen=True):
    """Everything observed; `frames` and `bytes` are those of deltas alone."""

    observations: tuple[ProbeObservation, ...]
    frames: int
    bytes: int


class _DayColumns(msgspec.Struct):
    """Of a frame's columns the days, which every order changes."""

    drinks: list[str]
    day: list[tuple[int, list[int], list[int], list[int], list[int]]]


class _ViewFrame(msgspec.Struct):
    """A snapshot, which has a version, or a delta, which leads `to` one."""

    view: _DayColumns
    version: int = -1
    to: int = -1


class _HelloVersion(msgspec.Struct):
    version: int


class DashboardObserver(asyncio.Protocol):
    """A WebSocket client that records when the frames count a probe."""

    def __init__(self, probes: tuple[str, ...]) -> None:
        self.observations: list[ProbeObservation] = []
        self.frames = self.bytes = 0
        self.loaded = asyncio.Event()
        self._probes = frozenset(probes)
        self._stream = WebSocketStream()
        self._newest = 0
        self._decode = msgspec.json.Decoder(_ViewFrame).decode
        self._counts: dict[tuple[int, str], int] = {}
        self._totals: dict[str, int] = {}

    def data_received(self, data: bytes) -> None:
        """Receive bytes; all frames in them arrived now."""
        now = time.monotonic()
        for payload in self._stream.receive(data):
            if payload.startswith(_DELTA):
                self.frames += 1
                self.bytes += len(payload)
                self._observe(payload, now)
            elif payload.startswith(_SNAPSHOT):
                self._observe(payload, now)
            elif payload.startswith(_HELLO):
                self._newest = msgspec.json.decode(payload, type=_HelloVersion).version

    def _observe(self, payload: bytes, now: float) -> None:
        frame = self._decode(payload)
        view, width = frame.view, len(frame.view.drinks)
        for start, keys, orders, _, _ in view.day:
            for key, count in zip(keys, orders, strict=True):
                drink = view.drinks[key % width]  # probes are of one store, so the drink identifies
                if drink in self._probes:
                    self._count(start, drink, count, now)
        if max(frame.version, frame.to) >= self._newest:
            self.loaded.set()  # a snapshot may be older, with a delta right behind it

    def _count(self, day: int, drink: str, count: int, now: float) -> None:
        more = count - self._counts.get((day, drink), 0)
        self._counts[day, drink] = count
        if more and self.loaded.is_set():  # what the first snapshot holds was stored before
            self._totals[drink] = self._totals.get(drink, 0) + more
            self.observations.append(ProbeObservation(drink, self._totals[drink], now))


async def observe_dashboard(job: ObserverJob, parent: ParentPipe) -> ObserverResult:
    """Observe until the parent says so, in a worker process."""
    loop = asyncio.get_running_loop()
    transport, observer = await loop.create_connection(
        lambda: DashboardObserver(job.probes), job.host, job.port
    )
    transport.write(WEBSOCKET_UPGRADE)
    await observer.loaded.wait()
    await parent.ready()
    await parent.wait()
    transport.close()
    return ObserverResult(tuple(observer.observations), observer.frames, observer.bytes)


class PollingJob(msgspec.Struct, frozen=True):
    """Connections that poll as fast as they are answered; with `etag` they name their version."""

    host: str
    port: int
    connections: int
    seconds: float
    etag: bool


class PollingResult(msgspec.Struct, frozen=True):
    """Answers a second, how many had a body, bytes of the last such answer, and CPU of the pollers."""

    rate: float
    whole: int
    size: int
    cores: float


class PollingClients:
    """Pollers of `/api/dashboard`, each with one request in flight."""

    def __init__(self, job: PollingJob) -> None:
        self.answers = self.whole = self.size = 0
        self.done = asyncio.Event()
        self._job = job
        self._wire = _GET + b"\r\n"
        self._until = 0.0

    def start(self, connections: list[HttpConnection]) -> None:
        self._until = time.monotonic() + self._job.seconds
        for connection in connections:
            connection.send(0, self._wire)

    def answered(self, connection: LoadConnection, status: int, answer: bytes) -> None:
        self.answers += 1
        if status == 200:
            self.whole += 1
            self.size = len(answer)
            if self._job.etag:
                at = answer.lower().find(b"etag: ") + 6
                tag = answer[at : answer.find(b"\r", at)]
                self._wire = _GET + b"If-None-Match: " + tag + b"\r\n\r\n"
        if time.monotonic() < self._until and status:
            connection.send(0, self._wire)
        else:
            self.done.set()


async def poll_dashboard(job: PollingJob, parent: ParentPipe) -> PollingResult:
    """Poll for the time of a job, in a worker process."""
    pollers, loop = PollingClients(job), asyncio.get_running_loop()
    connections: list[HttpConnection] = []
    for _ in range(job.connections):
        _, connection = await loop.create_connection(
            lambda: HttpConnection(pollers), job.host, job.port
        )
        await connection.opened
        connections.append(connection)
    await parent.ready()
    cpu, began = time.process_time(), time.monotonic()
    pollers.start(connections)
    await pollers.done.wait()
    elapsed = time.monotonic() - began
    for connection in connections:
        connection.close()
    cores = (time.process_time() - cpu) / elapsed
    return PollingResult(pollers.answers / elapsed, pollers.whole, pollers.size, round(cores, 2))
