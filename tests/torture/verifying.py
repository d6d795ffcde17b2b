"""`python -m tests.torture.verifying`: is `coffeert verify` exact while 1,000 orders a second arrive?

Real processes, durable PostgreSQL, and nothing between them: `coffeert serve` with a pass every second,
`coffeert inject` as an open loop of single orders over HTTP, and `coffeert verify` again and again.
What arrived is counted in the table, past our own code.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from coffeert.cancellation import end
from coffeert.postgres.migrations import migrate
from tests.end_to_end.processes import Shell
from tests.servers import postgres_server, temporary_directory, valkey_server
from tests.torture.overload import replace_table

_RATE = 1_000
_BEFORE = 200_000  # orders that are there already
_LOOK_EVERY = 0.02  # seconds
_TICKS = os.sysconf("SC_CLK_TCK")
_BACKENDS = "SELECT pid FROM pg_stat_activity WHERE application_name = 'coffeert verify'"


@dataclass(frozen=True, slots=True)
class Appearance:
    """One run of `coffeert verify`.

    `seconds` are its own, of the comparison; `processor` those of its PostgreSQL processes; `rate` is
    how many orders a second arrived from its start to its end.
    """

    exact: bool
    orders: int
    seconds: float
    processor: float
    rate: float


@dataclass(frozen=True, slots=True)
class Result:
    """What the page tells. `rate` is over the whole time from the first look to the last."""

    looks: tuple[Appearance, ...]
    rate: float
    sent: int
    accepted: int
    stored: int
    exact_at_the_end: bool

    @property
    def good(self) -> bool:
        """Whether every look was exact at the rate that was promised, and nothing was lost."""
        return (
            all(look.exact for look in self.looks)
            and len(self.looks) > 1
            and self.rate >= 0.98 * _RATE
            and self.sent == self.accepted
            and self.stored == self.accepted + _BEFORE
            and self.exact_at_the_end
        )

    def table(self) -> str:
        """Put it into Markdown."""
        looks = self.looks
        seconds, processor = (
            [getattr(look, name) for look in looks] for name in ("seconds", "processor")
        )
        compared = f"{looks[0].orders:,} to {looks[-1].orders:,}"
        rows = [
            ("orders offered (open loop, HTTP, one each)", f"{_RATE:,}/s"),
            ("orders accepted while `coffeert verify` was run", f"{self.rate:,.0f}/s"),
            ("the slowest stretch, during one run", f"{min(look.rate for look in looks):,.0f}/s"),
            ("runs of `coffeert verify`", str(len(looks))),
            ("of which exact", str(sum(look.exact for look in looks))),
            ("orders compared by a run", compared),
            ("a run compares for, median", f"{statistics.median(seconds):.2f} s"),
            ("a run compares for, longest", f"{max(seconds):.2f} s"),
            ("of PostgreSQL's processor time, median", f"{statistics.median(processor):.2f} s"),
            ("orders sent, and not accepted", f"{self.sent - self.accepted}"),
            ("orders accepted, and not stored", f"{self.accepted + _BEFORE - self.stored}"),
        ]
        return "| | |\n|---|---:|\n" + "".join(f"| {name} | {value} |\n" for name, value in rows)


class Books:
    """The database, asked in plain SQL."""

    def __init__(self, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        self._connection = connection

    async def count(self) -> int:
        """Count the orders, by the index, which costs least."""
        return int(await self._connection.fetchval("SELECT count(*) FROM orders"))

    async def verifying(self) -> list[int]:
        """The processes that work for `coffeert verify` now."""
        return [row["pid"] for row in await self._connection.fetch(_BACKENDS)]


async def look(shell: Shell, books: Books) -> Appearance:
    """Run `coffeert verify` once and watch what it costs."""
    before, started = await books.count(), time.monotonic()
    command = shell.start("verify", "--json")
    spent: dict[int, float] = {}
    while command.running:
        for pid in await books.verifying():
            spent[pid] = max(spent.get(pid, 0.0), _processor_time(pid))
        await asyncio.sleep(_LOOK_EVERY)
    ended = await command.ended()
    took = time.monotonic() - started
    told = json.loads(ended.out)
    return Appearance(
        exact=ended.code == 0 and told["exact"],
        orders=told["orders"],
        seconds=told["seconds"],
        processor=sum(spent.values()),
        rate=(await books.count() - before) / took,
    )


async def verifying(seconds: float) -> Result:
    """Fill the table, let orders arrive, and verify until the time is over."""
    async with _shop() as (shell, database_url):
        _, url = await shell.serve("--aggregation-interval", "1")
        await _inject(shell, url, "--count", str(_BEFORE), "--rate", "20000", "--via", "batch")
        connection = await asyncpg.connect(database_url)
        books = Books(connection)
        orders = ("--rate", str(_RATE), "--duration", f"{seconds:g}s", "--via", "http")
        arriving = asyncio.create_task(_inject(shell, url, *orders))
        try:
            while await books.count() < _BEFORE + 2 * _RATE:  # the load has settled
                await asyncio.sleep(_LOOK_EVERY)
            looks = []
            before, started = await books.count(), time.monotonic()
            deadline = started + seconds - 5
            while time.monotonic() < deadline:
                looks.append(await look(shell, books))
                await asyncio.sleep(1)
            rate = (await books.count() - before) / (time.monotonic() - started)
            sent, accepted = await arriving
        finally:
            await end(arriving)
        last = await look(shell, books)
        stored = await books.count()
        await connection.close()
    return Result(tuple(looks), rate, sent, accepted, stored, last.exact)


async def _inject(shell: Shell, url: str, *options: str) -> tuple[int, int]:
    """Send orders; return how many were sent and how many accepted."""
    ended = await shell.start("inject", "--url", url, "--json", *options).ended(within=600)
    told = json.loads(ended.out)
    return told["sent"], told["accepted"]


def _processor_time(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:  # it has ended meanwhile
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS


@asynccontextmanager
async def _shop() -> AsyncIterator[tuple[Shell, str]]:
    with temporary_directory() as directory:
        postgres, valkey = postgres_server(directory, sync=True), valkey_server(directory)
        place = Path(tempfile.mkdtemp(prefix="coffeert-verifying-", dir="/tmp"))
        shell = Shell(place, {})
        try:
            await asyncio.to_thread(postgres.start)
            valkey.start()
            postgres.ensure_database("shop")
            url = postgres.database_url("shop")
            await migrate(url)
            shell.settings |= {"database_url": url, "redis_url": valkey.url}
            yield shell, url
        finally:
            await asyncio.to_thread(shell.close)
            valkey.stop()
            await asyncio.to_thread(postgres.stop, "immediate")
            shutil.rmtree(place, ignore_errors=True)


def main() -> int:
    """Run, print, and write the table where `--write` says."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture.verifying", description=__doc__)
    parser.add_argument("--seconds", type=float, default=40.0)
    parser.add_argument("--write", type=Path, help="a page whose table is replaced")
    options = parser.parse_args()
    result = asyncio.run(verifying(options.seconds))
    print(result.table(), result.good)
    if options.write:
        replace_table(options.write, "verifying", result.table())
    return 0 if result.good else 1


if __name__ == "__main__":
    raise SystemExit(main())
