"""The load generator: requests sent when they are due, or as fast as their connections allow."""

from __future__ import annotations

import asyncio
import random
import time
from array import array
from collections import Counter, deque
from collections.abc import Iterable
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from coffeert.lab.clients import (
    BROKEN,
    EncodedRequest,
    HttpConnection,
    LoadConnection,
    RequestFactory,
    RequestHead,
    WebSocketConnection,
)
from coffeert.lab.late_orders import LateMix
from coffeert.lab.results import Latencies
from coffeert.lab.worker_process import ParentPipe

OrderTransport = Literal["http", "ws", "batch"]
UNANSWERED = -1
UNSENT = -2
TIMELINE_STEP_SECONDS = 0.5
# Prepared for a closed loop, by the second: more than it can send.
_CLOSED_LOOP_REQUESTS = 50_000
_CLOSED_LOOP_BATCHES = 40  # of 5,000 lines
_TICK_SECONDS = 0.001
_WRONG_ANSWER = 599
_STORED = (200, 201)


class LoadJob(msgspec.Struct, frozen=True, kw_only=True):
    """What to send: `rate` requests a second for `seconds`; 0: each connection as fast as it goes.

    `max_in_flight` a connection may exceed 1 over WebSocket only. `objective`, `patience` and `drain` are
    in seconds; a request that has waited longer than `patience` (0: any time) for an idle connection is
    not sent.
    The file `sent_to` gets the id of each order sent, and `acknowledged_to` that of each order
    acknowledged, 16 bytes each. `mix` is for batches.
    """

    host: str
    port: int
    transport: OrderTransport = "http"
    head: RequestHead = "minimal"
    connections: int = 64
    max_in_flight: int = 1
    rate: float = 0.0
    seconds: float = 2.0
    seed: int = 1
    objective: float = 0.1
    patience: float = 0.0
    lines: int = 500
    probes: tuple[str, ...] = ()
    stride: int = 0
    mix: LateMix | None = None
    drain: float = 5.0
    sent_to: str = ""
    acknowledged_to: str = ""

    @classmethod
    def to(cls, url: str, **settings: object) -> LoadJob:
        """Make a job for the server at a URL."""
        parts = urlsplit(url)
        return msgspec.convert(
            {"host": parts.hostname, "port": parts.port, **settings}, cls, strict=False
        )


class Probe(msgspec.Struct, frozen=True, array_like=True):
    """An order whose arrival is observed: its drink, when it was due, and when it was acknowledged.

    In seconds of `time.monotonic`, which all processes of a machine share; 0: not acknowledged.
    """

    drink: str
    due: float
    answered: float


class TimelineSlice(msgspec.Struct, frozen=True, array_like=True):
    """How many requests were due in half a second of a run, and how many of them were good and shed."""

    due: int
    good: int
    shed: int


class LoadResult(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the requests; `elapsed` is in seconds, from the first due to the last answer.

    `wrong` answers were neither 503 nor what was asked for; `unanswered` requests got none, or lost their
    connection, and `unsent` ones waited in vain for one. `backlog_middle` and `backlog_end`: requests due
    but not yet sent, halfway and at the end.
    `latency` and `shed_latency` count from when requests were due, `shed_sent` from when they were sent.
    `pieces`: those stored, by minute (Unix seconds), if a mix was sent.
    `send_delay_p99`: seconds from when requests were due to when they were sent, which waits for an idle
    connection. `release_delay_p99`: those after which the generator itself noticed that they were due.
    """

    sent: int
    stored: int
    shed: int
    wrong: int
    unanswered: int
    unsent: int = 0
    good: int
    elapsed: float
    backlog_middle: int
    backlog_end: int
    cores: float
    send_delay_p99: float
    release_delay_p99: float
    latency: Latencies
    shed_latency: Latencies
    shed_sent: Latencies
    timeline: tuple[TimelineSlice, ...] = ()
    probes: tuple[Probe, ...] = ()
    pieces: dict[int, int] = {}

    @property
    def rate(self) -> float:
        """Requests stored a second."""
        return self.stored / self.elapsed if self.elapsed else 0.0

    @property
    def errors(self) -> int:
        """Requests that were not answered as asked; those shed are among them."""
        return self.sent - self.stored


class LoadGenerator:
    """One run of a job."""

    def __init__(self, job: LoadJob) -> None:
        self._job = job
        self._factory = RequestFactory(
            job.seed,
            host=f"{job.host}:{job.port}",
            head=job.head,
            probes=job.probes,
            stride=job.stride,
            mix=job.mix,
        )
        self._due = poisson(job.rate, job.seconds, job.seed) if job.rate else []
        closed = _CLOSED_LOOP_BATCHES if job.transport == "batch" else _CLOSED_LOOP_REQUESTS
        count = len(self._due) if job.rate else int(closed * job.seconds)
        self._requests: list[EncodedRequest] = [self._make(index) for index in range(count)]
        self._answered_at = array("d", bytes(8 * count))
        self._due_at = array("d", bytes(8 * count))
        self._sent_at = array("d", bytes(8 * count))
        self._release_delays = array("d")
        self._status = array("h", [UNANSWERED]) * count
        self._connections: list[LoadConnection] = []
        self._idle: deque[LoadConnection] = deque()
        self._released = self._taken = self._finished = 0
        self._begin = 0.0
        self._ends = False
        self._done = asyncio.Event()
        self._backlog_middle = -1
        self._backlog_end = 0

    async def connect(self) -> None:
        """Open every connection, and wait until the server has accepted them.

        The kernel completes handshakes long before the server accepts. The server accepts in order, so
        when it answers on one more connection it has accepted all of them.
        """
        loop, job = asyncio.get_running_loop(), self._job
        kind = WebSocketConnection if job.transport == "ws" else HttpConnection
        for _ in range(job.connections):
            _, connection = await loop.create_connection(lambda: kind(self), job.host, job.port)
            await connection.opened
            self._connections.append(connection)
        reader, writer = await asyncio.open_connection(job.host, job.port)
        writer.write(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        writer.close()
        self._idle = deque(self._connections * job.max_in_flight)

    async def run(self) -> LoadResult:
        """Send everything, wait for the answers, and sum up."""
        cpu, self._begin = time.process_time(), time.monotonic()
        if self._job.rate:
            self._tick()
        else:
            asyncio.get_running_loop().call_later(self._job.seconds, self._end)
            self._released = len(self._requests)
            self._dispatch(self._begin)
        try:
            async with asyncio.timeout(self._job.seconds + self._job.drain):
                await self._done.wait()
        except TimeoutError:
            self._ends = True
        cores = (time.process_time() - cpu) / (time.monotonic() - self._begin)
        for connection in self._connections:
            connection.close()
        return self._result(cores)

    def answered(self, connection: LoadConnection, status: int, answer: bytes) -> None:
        """Record an answer, and send the next request that waits for a connection."""
        index, connection.index = connection.index, -1
        if index < 0:
            return
        now = time.monotonic()
        self._answered_at[index] = now
        if status in _STORED and self._requests[index].marker not in answer:
            status = _WRONG_ANSWER
        self._status[index] = status
        self._finished += 1
        if status != BROKEN:
            self._idle.append(connection)
        if self._taken < self._released and not self._ends:
            self._dispatch(now)
        if self._finished == self._taken and (self._ends or self._taken == len(self._requests)):
            self._done.set()

    def _end(self) -> None:
        self._ends = True
        if self._finished == self._taken:
            self._done.set()

    def _tick(self) -> None:
        now, due = time.monotonic(), self._due
        while self._released < len(due) and self._begin + due[self._released] <= now:
            at = self._due_at[self._released] = self._begin + due[self._released]
            self._release_delays.append(now - at)
            self._released += 1
        self._dispatch(now)
        if self._backlog_middle < 0 and now - self._begin > self._job.seconds / 2:
            self._backlog_middle = self._released - self._taken
        if self._released < len(due):
            # The loop's clock has a resolution of a millisecond. A shorter wait would not wait at all, and
            # the generator would spin on a core that the server needs. The delay counts against the server.
            wait = self._begin + due[self._released] - now
            asyncio.get_running_loop().call_later(max(_TICK_SECONDS, wait), self._tick)
        else:
            self._backlog_end = self._released - self._taken

    def _dispatch(self, now: float) -> None:
        while self._taken < self._released and self._idle:
            index, self._taken = self._taken, self._taken + 1
            if not self._job.rate:
                self._due_at[index] = now
            elif 0 < self._job.patience < now - self._due_at[index]:
                self._status[index] = UNSENT
                self._finished += 1
                continue
            self._sent_at[index] = time.monotonic()
            # Round-robin: the server closes connections that stay silent.
            self._idle.popleft().send(index, self._requests[index].wire)

    def _make(self, index: int) -> EncodedRequest:
        if self._job.transport == "batch":
            return self._factory.batch(index, self._job.lines)
        make = self._factory.websocket if self._job.transport == "ws" else self._factory.http
        return make(index)

    def _result(self, cores: float) -> LoadResult:
        job, sent = self._job, self._taken
        stored = [i for i in range(sent) if self._status[i] in _STORED]
        shed = [i for i in range(sent) if self._status[i] == 503]
        unsent = [i for i in range(sent) if self._status[i] == UNSENT]
        unanswered = sum(self._status[i] in (UNANSWERED, BROKEN) for i in range(sent))
        took = [self._answered_at[i] - self._due_at[i] for i in stored]
        self._write_ids(stored)
        last = max(self._answered_at[:sent], default=0.0)
        return LoadResult(
            sent=self._released if job.rate else sent,
            stored=len(stored),
            shed=len(shed),
            wrong=sent - len(stored) - len(shed) - unanswered - len(unsent),
            unanswered=unanswered,
            unsent=len(unsent),
            good=sum(seconds <= job.objective for seconds in took),
            elapsed=max(last - self._begin, job.seconds if job.rate else 1e-6),
            backlog_middle=max(0, self._backlog_middle),
            backlog_end=self._backlog_end,
            cores=round(cores, 3),
            send_delay_p99=_p99(
                self._sent_at[i] - self._due_at[i] for i in range(sent) if self._status[i] != UNSENT
            ),
            release_delay_p99=_p99(self._release_delays),
            latency=Latencies.of(took),
            shed_latency=Latencies.of(self._answered_at[i] - self._due_at[i] for i in shed),
            shed_sent=Latencies.of(self._answered_at[i] - self._sent_at[i] for i in shed),
            timeline=self._timeline(sent) if job.rate else (),
            probes=self._probes(sent),
            pieces=self._pieces(stored),
        )

    def _timeline(self, sent: int) -> tuple[TimelineSlice, ...]:
        count = int(self._job.seconds / TIMELINE_STEP_SECONDS) + 1
        slices = [[0, 0, 0] for _ in range(count)]
        for i in range(sent):
            number = int((self._due_at[i] - self._begin) / TIMELINE_STEP_SECONDS)
            part = slices[min(count - 1, number)]
            part[0] += 1
            stored = self._status[i] in _STORED
            part[1] += stored and self._answered_at[i] - self._due_at[i] <= self._job.objective
            part[2] += self._status[i] == 503
        return tuple(TimelineSlice(*part) for part in slices)

    def _probes(self, sent: int) -> tuple[Probe, ...]:
        found = []
        for i in range(sent):
            drink = self._factory.probe(i)
            if drink is not None:
                stored = self._status[i] in _STORED
                found.append(Probe(drink, self._due_at[i], self._answered_at[i] if stored else 0.0))
        return tuple(found)

    def _pieces(self, stored: list[int]) -> dict[int, int]:
        found: Counter[int] = Counter()
        for index in stored:
            found.update(self._requests[index].pieces)
        return dict(found)

    def _write_ids(self, stored: list[int]) -> None:
        for name, requests in (
            (
                self._job.sent_to,
                [self._requests[i] for i in range(self._taken) if self._status[i] != UNSENT],
            ),
            (self._job.acknowledged_to, [self._requests[i] for i in stored]),
        ):
            if name:
                Path(name).write_bytes(b"".join(request.ids for request in requests))


def _p99(seconds: Iterable[float]) -> float:
    found = sorted(seconds) or [0.0]
    return found[int(len(found) * 0.99)]


def poisson(rate: float, seconds: float, seed: int) -> list[float]:
    """Return the moments, in seconds from 0, of a Poisson process with `rate` events a second."""
    rng = random.Random(seed)
    moments: list[float] = []
    at = rng.expovariate(rate)
    while at < seconds:
        moments.append(at)
        at += rng.expovariate(rate)
    return moments


async def generate_load(job: LoadJob, parent: ParentPipe) -> LoadResult:
    """Run a job in a worker process; the load begins when the parent says so."""
    load = LoadGenerator(job)
    await load.connect()
    await parent.ready()
    return await load.run()
