"""The load generator: requests sent when they are due, or as fast as their connections allow.

Run as `python -m coffeert.lab.load`, a child process of the lab.
"""

from __future__ import annotations

import asyncio
import time
from array import array
from collections import deque
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from coffeert.lab.child import Gate, serve
from coffeert.lab.connections import BROKEN, Connection, HttpConnection, SocketConnection
from coffeert.lab.latency import Latencies
from coffeert.lab.orders import OrderMaker, Request
from coffeert.lab.schedule import poisson

Via = Literal["http", "ws", "batch"]
UNANSWERED = -1
_CLOSED_RATE = (
    50_000  # requests a second that are prepared for a closed loop: more than it can send
)
_CLOSED_BATCHES = 40  # of 5,000 lines
_TIMELINE_STEP = 0.5
_TICK = 0.001


class LoadJob(msgspec.Struct, frozen=True, kw_only=True):
    """What to send. `rate` requests a second for `seconds`; 0: each connection as fast as it goes.

    `under_way`: how many requests a connection may have without an answer, more than one over WebSocket
    only. `objective` is in seconds. `sent_to` names a file that gets the id of every order sent, and
    `acknowledged_to` one that gets those of every order acknowledged, 16 bytes each.
    """

    host: str
    port: int
    via: Via = "http"
    connections: int = 64
    under_way: int = 1
    rate: float = 0.0
    seconds: float = 2.0
    seed: int = 1
    objective: float = 0.1
    lines: int = 500
    probes: tuple[str, ...] = ()
    stride: int = 0
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
    """An order whose arrival is watched: its drink, when it was due, and when it was answered.

    In seconds of `time.monotonic`, which all processes of a machine share; 0: not acknowledged.
    """

    drink: str
    due: float
    answered: float


class Slice(msgspec.Struct, frozen=True, array_like=True):
    """Half a second of a run by when requests were due: how many, how many good, how many shed."""

    due: int
    good: int
    shed: int


class LoadResult(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it, in requests; `elapsed` in seconds, from the first due to the last answer.

    `wrong` are answers that were not what was asked for, `unanswered` got none or lost their link.
    `backlog_middle` and `backlog_end`: requests due but not yet sent, halfway and at the end.
    `shed_latency` is from when requests were due, as `latency` is; `shed_sent` from when they were sent.
    `late`: how long after it was due the generator itself got round to a request (p99, seconds).
    """

    sent: int
    stored: int
    shed: int
    wrong: int
    unanswered: int
    good: int
    elapsed: float
    backlog_middle: int
    backlog_end: int
    cores: float
    late: float
    latency: Latencies
    shed_latency: Latencies
    shed_sent: Latencies
    timeline: tuple[Slice, ...] = ()
    probes: tuple[Probe, ...] = ()

    @property
    def rate(self) -> float:
        """Requests stored a second."""
        return self.stored / self.elapsed if self.elapsed else 0.0

    @property
    def errors(self) -> int:
        """Requests that were not answered as they should."""
        return self.sent - self.stored


class Load:
    """One run of a job."""

    def __init__(self, job: LoadJob) -> None:
        self._job = job
        self._maker = OrderMaker(job.seed, probes=job.probes, stride=job.stride)
        self._due = poisson(job.rate, job.seconds, job.seed) if job.rate else []
        closed = _CLOSED_BATCHES if job.via == "batch" else _CLOSED_RATE
        count = len(self._due) if job.rate else int(closed * job.seconds)
        self._requests: list[Request] = [self._make(index) for index in range(count)]
        self._answered_at = array("d", bytes(8 * count))
        self._due_at = array("d", bytes(8 * count))
        self._sent_at = array("d", bytes(8 * count))
        self._status = array("h", [UNANSWERED]) * count
        self._connections: list[Connection] = []
        self._idle: deque[Connection] = deque()
        self._released = self._taken = self._finished = 0
        self._begin = 0.0
        self._ends = False
        self._done = asyncio.Event()
        self._backlog_middle = -1

    async def connect(self) -> None:
        """Open every connection."""
        loop, job = asyncio.get_running_loop(), self._job
        kind = SocketConnection if job.via == "ws" else HttpConnection
        for _ in range(job.connections):
            _, connection = await loop.create_connection(lambda: kind(self), job.host, job.port)
            await connection.opened
            self._connections.append(connection)
        await self._taken_in()
        self._idle = deque(self._connections * job.under_way)

    async def _taken_in(self) -> None:
        """Wait until the server has taken in the connections, which the system did long before.

        It takes them in as they come, so when it answers on one more it has all of them.
        """
        reader, writer = await asyncio.open_connection(self._job.host, self._job.port)
        writer.write(b"GET /livez HTTP/1.1\r\nHost: lab\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

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
        return self._summed(cores)

    def answered(self, connection: Connection, status: int, answer: bytes) -> None:
        """Note an answer, and send the next request that waits for a connection."""
        index, connection.index = connection.index, -1
        if index < 0:
            return
        now = time.monotonic()
        self._answered_at[index] = now
        right = status in (200, 201) and self._requests[index].marker in answer
        self._status[index] = status if right or status not in (200, 201) else 599
        self._finished += 1
        if status != BROKEN:
            self._idle.append(connection)
        if self._taken < self._released and not self._ends:
            self._dispatch(now)
        elif self._finished == self._taken and self._all_sent():
            self._done.set()

    def _all_sent(self) -> bool:
        return self._ends or self._taken == len(self._requests)

    def _end(self) -> None:
        self._ends = True
        if self._finished == self._taken:
            self._done.set()

    def _tick(self) -> None:
        now, due = time.monotonic(), self._due
        while self._released < len(due) and self._begin + due[self._released] <= now:
            self._due_at[self._released] = self._begin + due[self._released]
            self._released += 1
        self._dispatch(now)
        if self._backlog_middle < 0 and now - self._begin > self._job.seconds / 2:
            self._backlog_middle = self._released - self._taken
        loop = asyncio.get_running_loop()
        if self._released < len(due):
            # The loop's clock ticks in milliseconds: a shorter wait is none, and the generator would
            # spin on a core that the server needs. What waiting costs counts against the server.
            wait = self._begin + due[self._released] - now
            loop.call_later(max(_TICK, wait), self._tick)
        else:
            self._backlog_end = self._released - self._taken

    _backlog_end = 0

    def _dispatch(self, now: float) -> None:
        while self._taken < self._released and self._idle:
            index, self._taken = self._taken, self._taken + 1
            self._sent_at[index] = time.monotonic()
            if not self._job.rate:
                self._due_at[index] = now
            # In turn: a server closes connections of which it hears nothing.
            self._idle.popleft().send(index, self._requests[index].wire)

    def _make(self, index: int) -> Request:
        if self._job.via == "batch":
            return self._maker.batch(index, self._job.lines)
        return self._maker.websocket(index) if self._job.via == "ws" else self._maker.http(index)

    def _summed(self, cores: float) -> LoadResult:
        job, sent = self._job, self._taken
        stored = [i for i in range(sent) if self._status[i] in (200, 201)]
        shed = [i for i in range(sent) if self._status[i] == 503]
        unanswered = sum(self._status[i] in (UNANSWERED, BROKEN) for i in range(sent))
        took = [self._answered_at[i] - self._due_at[i] for i in stored]
        self._write_ids(stored)
        last = max(self._answered_at[:sent], default=0.0)
        late = sorted(self._sent_at[i] - self._due_at[i] for i in range(sent)) or [0.0]
        return LoadResult(
            sent=self._released if job.rate else sent,
            stored=len(stored),
            shed=len(shed),
            wrong=sent - len(stored) - len(shed) - unanswered,
            unanswered=unanswered,
            good=sum(seconds <= job.objective for seconds in took),
            elapsed=max(last - self._begin, job.seconds if job.rate else 1e-6),
            backlog_middle=max(0, self._backlog_middle),
            backlog_end=self._backlog_end,
            cores=round(cores, 3),
            late=late[int(len(late) * 0.99)],
            latency=Latencies.of(took),
            shed_latency=Latencies.of(self._answered_at[i] - self._due_at[i] for i in shed),
            shed_sent=Latencies.of(self._answered_at[i] - self._sent_at[i] for i in shed),
            timeline=self._timeline(sent) if job.rate else (),
            probes=self._probes(sent),
        )

    def _timeline(self, sent: int) -> tuple[Slice, ...]:
        count = int(self._job.seconds / _TIMELINE_STEP) + 1
        slices = [[0, 0, 0] for _ in range(count)]
        for i in range(sent):
            part = slices[min(count - 1, int((self._due_at[i] - self._begin) / _TIMELINE_STEP))]
            part[0] += 1
            stored = self._status[i] in (200, 201)
            part[1] += stored and self._answered_at[i] - self._due_at[i] <= self._job.objective
            part[2] += self._status[i] == 503
        return tuple(Slice(*part) for part in slices)

    def _probes(self, sent: int) -> tuple[Probe, ...]:
        found = []
        for i in range(sent):
            drink = self._maker.probe(i)
            if drink is not None:
                stored = self._status[i] in (200, 201)
                found.append(Probe(drink, self._due_at[i], self._answered_at[i] if stored else 0.0))
        return tuple(found)

    def _write_ids(self, stored: list[int]) -> None:
        job = self._job
        if job.sent_to:
            sent = b"".join(request.ids for request in self._requests[: self._taken])
            Path(job.sent_to).write_bytes(sent)
        if job.acknowledged_to:
            acknowledged = b"".join(self._requests[i].ids for i in stored)
            Path(job.acknowledged_to).write_bytes(acknowledged)


async def _run(job: LoadJob, gate: Gate) -> LoadResult:
    load = Load(job)
    await load.connect()
    await gate.ready()
    return await load.run()


if __name__ == "__main__":
    serve(LoadJob, _run)
