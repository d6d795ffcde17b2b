"""`python -m tests.torture.overload`: twice what the database can store, offered without mercy.

The database is made the limit: every round trip to it takes long and batches are small, so what is
sustainable is a number that this machine reaches easily, and the server's decisions are measured, not
how many processors there are. Past the processors themselves see `coffeert lab`.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.torture.stage import Stage, staged

_ORDER = b'{"store":"uptown","drink":"latte","quantity":1}'
_REQUEST = (
    b"POST /api/orders HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(_ORDER), _ORDER)
)
_GOOD_WITHIN = 1.5  # seconds: the queue's limit of 1 s, and the commit itself
_SETTINGS = {"max_batch_rows": "40", "max_concurrent_commits": "2", "max_queue_seconds": "1"}
_ROUND_TRIP = 0.04  # seconds, each way


@dataclass(slots=True)
class Load:
    """What came of one stretch of load; latencies in seconds.

    Of orders `stored` from when they were due, of those `refused` from when they were sent.
    """

    seconds: float
    sent: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    stored: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    last_refusal: float = 0.0
    without_retry_after: int = 0

    @property
    def goodput(self) -> float:
        """Orders a second that were stored in good time."""
        return sum(latency <= _GOOD_WITHIN for latency in self.stored) / self.seconds


class Link(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.answer: asyncio.Future[bytes] | None = None
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the way to the server."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Collect an answer to its end."""
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        if end and length and len(body) >= int(length):
            self._received = b""
            if self.answer is not None and not self.answer.done():
                self.answer.set_result(head)

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail what still waits."""
        if self.answer is not None and not self.answer.done():
            self.answer.set_exception(ConnectionResetError("the server has closed"))

    async def order(self) -> bytes:
        """Send one order and return the head of its answer."""
        assert self.transport is not None
        self.answer = asyncio.get_running_loop().create_future()
        self.transport.write(_REQUEST)
        return await self.answer


class Generator:
    """Sends orders when they are due, whatever has become of those before: an open loop."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[Link] = []

    async def offer(self, rate: float, seconds: float) -> Load:
        """Offer `rate` orders a second for a while and wait for all answers."""
        load = Load(seconds)
        loop = asyncio.get_running_loop()
        start = loop.time()
        async with asyncio.TaskGroup() as group:
            while (due := start + load.sent / rate) < start + seconds:
                if due > (now := loop.time()):
                    await asyncio.sleep(due - now)
                load.sent += 1
                group.create_task(self._one(load, due, start))
        return load

    async def close_loop(self, clients: int, seconds: float) -> Load:
        """Keep so many orders under way for a while: finds what can be stored."""
        load = Load(seconds)
        loop = asyncio.get_running_loop()
        start = loop.time()

        async def client() -> None:
            while loop.time() < start + seconds:
                load.sent += 1
                await self._one(load, loop.time(), start)

        async with asyncio.TaskGroup() as group:
            for _ in range(clients):
                group.create_task(client())
        return load

    async def _one(self, load: Load, due: float, start: float) -> None:
        loop = asyncio.get_running_loop()
        try:
            link = self._idle.pop() if self._idle else await self._connect()
            sent = loop.time()
            head = await link.order()
        except OSError:
            load.statuses[0] += 1
            return
        self._idle.append(link)
        status, now = int(head[9:12]), loop.time()
        load.statuses[status] += 1
        if status == 201:
            load.stored.append(now - due)
        else:
            load.refused.append(now - sent)
            load.last_refusal = now - start
            load.without_retry_after += b"retry-after:" not in head.lower()

    async def _connect(self) -> Link:
        _, link = await asyncio.get_running_loop().create_connection(Link, "127.0.0.1", self._port)
        return link


@dataclass(frozen=True, slots=True)
class Result:
    """What the page tells, and whether it is what was promised."""

    peak: float
    goodput: float
    refused: int
    refusal_p50: float
    refusal_p90: float
    refusal_p99: float
    without_retry_after: int
    recovery: float
    grown: int
    lost: int

    @property
    def good(self) -> bool:
        """Whether the promises hold."""
        return (
            self.goodput >= 0.9 * self.peak
            and self.refused > 0
            and self.refusal_p99 <= 0.05
            and not self.without_retry_after
            and self.recovery <= 10
            and self.grown <= 64 << 20
            and not self.lost
        )

    def table(self) -> str:
        """Put it into Markdown."""
        rows = [
            ("sustainable (closed loop)", f"{self.peak:,.0f} orders/s"),
            ("offered (open loop)", f"{2 * self.peak:,.0f} orders/s"),
            ("goodput at twice the sustainable", f"{self.goodput / self.peak:.0%} of its peak"),
            ("refused with 503", f"{self.refused:,}"),
            ("a refusal takes, median", f"{self.refusal_p50 * 1e3:.0f} ms"),
            ("a refusal takes, 90th percentile", f"{self.refusal_p90 * 1e3:.0f} ms"),
            ("a refusal takes, 99th percentile", f"{self.refusal_p99 * 1e3:.0f} ms"),
            ("refusals without Retry-After", str(self.without_retry_after)),
            ("after the load has halved, refusals go on for", f"{self.recovery:.1f} s"),
            ("memory grown", f"{self.grown / 2**20:.1f} MiB"),
            ("acknowledged and not stored", str(self.lost)),
        ]
        return "| | |\n|---|---:|\n" + "".join(f"| {name} | {value} |\n" for name, value in rows)


async def overload(seconds: float) -> Result:
    """Find the peak, offer twice as much, then half as much, and watch."""
    async with staged(settings=_SETTINGS) as stage:
        stage.before_postgres.mood, stage.before_postgres.delay = "slow", _ROUND_TRIP
        generator = Generator(stage.port)
        warm = await generator.close_loop(40, seconds / 2)
        closed = await generator.close_loop(120, seconds)
        before = _memory(stage)
        twice = await generator.offer(2 * closed.goodput, 2 * seconds)
        after = await generator.offer(closed.goodput / 2, seconds + 2)
        grown = _memory(stage) - before
        stage.before_postgres.mood = "pass"
        loads = (warm, closed, twice, after)
        lost = await _lost(stage, loads)
    refused = sorted(twice.refused)
    return Result(
        peak=closed.goodput,
        goodput=twice.goodput,
        refused=len(refused),
        refusal_p50=_share(refused, 0.5),
        refusal_p90=_share(refused, 0.9),
        refusal_p99=_share(refused, 0.99),
        without_retry_after=sum(load.without_retry_after for load in loads),
        recovery=after.last_refusal,
        grown=grown,
        lost=lost,
    )


def _share(ordered: Sequence[float], share: float) -> float:
    return ordered[int(len(ordered) * share)] if ordered else 0.0


def _memory(stage: Stage) -> int:
    status = Path(f"/proc/{stage.server.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) << 10


async def _lost(stage: Stage, loads: Sequence[Load]) -> int:
    acknowledged = sum(load.statuses[201] for load in loads)
    stored = int(stage.postgres.execute("SELECT count(*) FROM orders", database="torture"))
    return max(0, acknowledged - stored)


def main() -> int:
    """Run, print, and write the table where `--write` says."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture.overload", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--write", type=Path, help="a page whose table is replaced")
    options = parser.parse_args()
    started = time.monotonic()
    result = asyncio.run(overload(options.seconds))
    print(result.table(), f"{time.monotonic() - started:.0f} s", result.good)
    if options.write:
        replace_table(options.write, "overload", result.table())
    return 0 if result.good else 1


def replace_table(page: Path, name: str, text: str) -> None:
    """Replace what lies between a page's marks of this name."""
    begin, finish = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    head, _, rest = page.read_text(encoding="utf-8").partition(begin)
    _, _, tail = rest.partition(finish)
    page.write_text(f"{head}{begin}\n{text}\n{finish}{tail}", encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(main())
