"""The server that is fuzzed, and how to tell that something in it has broken."""

from __future__ import annotations

import asyncio
import re
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from coffeert.postgres.migrations import migrate
from tests.end_to_end.processes import Command, Shell
from tests.servers import running_servers

TOKEN = "a-token-that-must-never-be-seen-again"
_LEAKS = re.compile(
    rb"Traceback|INSERT INTO|SELECT |pg_current_snapshot|asyncpg|\.py\"|" + TOKEN.encode()
)
_RECOVERS_WITHIN = 15.0  # seconds
_CONTROLS = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\xc2[\x80-\x9f]")


@dataclass
class Totals:
    """What came of fuzzing one surface."""

    surface: str
    tried: int = 0
    crashes: list[str] = field(default_factory=list)

    def note(self, what: str, data: object) -> None:
        """Write down a crash and what caused it."""
        self.crashes.append(f"{what}: {data!r}"[:2000])


class Target:
    """A running `coffeert serve` with a token."""

    def __init__(self, url: str, server: Command) -> None:
        self.url = url
        self.server = server
        self.port = int(url.rsplit(":", 1)[1])
        self.headers = {"Authorization": f"Bearer {TOKEN}"}

    def judge(self, tally: Totals, status: int, body: bytes, data: object) -> None:
        """Note an answer that no input may get."""
        if status >= 500 and status != 503:
            tally.note(f"status {status}", data)
        if leak := _LEAKS.search(body):
            tally.note(f"the answer gives away {leak.group()!r}", data)
        if _CONTROLS.search(body):
            tally.note("the answer holds a control character", data)

    async def check(self, tally: Totals) -> None:
        """Note whatever has broken in the server: it must serve on as if nothing had been."""
        if not self.server.running:
            tally.note("the server has died", self.server.err[-1500:])
            return
        log = self.server.err.encode()
        for line in log.splitlines():
            if b"[error" in line or b"[critical" in line or line.startswith(b"Traceback"):
                tally.note("the log tells of a fault of ours", line)
            if TOKEN.encode() in line or _CONTROLS.search(line):
                tally.note("the log holds a secret or a control character", line)
        # A server that was flooded may refuse for a moment, but not for long.
        deadline = time.monotonic() + _RECOVERS_WITHIN
        while (fault := await self._fault()) and time.monotonic() < deadline:
            await asyncio.sleep(0.2)
        if fault:
            tally.note("the server has not recovered", fault)

    async def _fault(self) -> str | None:
        async with aiohttp.ClientSession(self.url, headers=self.headers) as http:
            async with http.post("/api/orders", json={"store": "uptown", "drink": "tea"}) as answer:
                if answer.status != 201:
                    return f"an honest order is refused: {await answer.text()}"
            async with http.get("/readyz") as answer:
                parts = (await answer.json())["parts"]
        del parts["durability"]  # this PostgreSQL does not wait for the disk
        ill = [n for n, p in parts.items() if isinstance(p, dict) and p.get("ok") is False]
        return f"parts are ill: {ill}" if ill else None


@asynccontextmanager
async def fuzzed_server() -> AsyncIterator[Target]:
    """Run a server of our own on databases of its own."""
    place = Path(tempfile.mkdtemp(prefix="coffeert-fuzz-", dir="/tmp"))
    with running_servers() as servers:
        servers.postgres.ensure_database("fuzz")
        url = servers.postgres.database_url("fuzz")
        await migrate(url)
        settings = {
            "database_url": url,
            "redis_url": servers.valkey.url,
            "token": TOKEN,
            "header_timeout": "2",
            "body_timeout": "1",
        }
        shell = Shell(place, settings)
        try:
            server, address = await shell.serve()
            yield Target(address, server)
        finally:
            await asyncio.to_thread(shell.close)
            shutil.rmtree(place, ignore_errors=True)
