"""The log has one line for a fault and one for its recovery, of each part, and none for a request."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from coffeert.cancellation import end
from coffeert.embedded import PostgresServer, ValkeyServer
from tests.end_to_end.processes import Command, Shell
from tests.servers import temporary_directory, valkey_server
from tests.waiting import WITHIN, eventually

Line = tuple[str, str]
ORDERS = 300  # that arrive in each part of the test, at the least


class Log:
    """The log of one process, read as it grows."""

    def __init__(self, command: Command) -> None:
        self._command = command
        self._read = 0

    @property
    def lines(self) -> list[dict[str, Any]]:
        whole = self._command.err.rpartition("\n")[0]  # the last line may be half written
        return [json.loads(line) for line in whole.splitlines()]

    def has(self, event: str, part: str) -> bool:
        """Whether there is a new line of this event and part."""
        lines = self.lines[self._read :]
        return any(line["event"] == event and line.get("part") == part for line in lines)

    def has_ended(self) -> bool:
        """Whether each `unhealthy` has its `recovered`, which is logged two seconds after the part is."""
        events = Counter(line["event"] for line in self.lines)
        return events["unhealthy"] == events["recovered"]

    def new(self) -> Counter[Line]:
        """Count what was written since the last call, each line by its level and subject."""
        lines = self.lines[self._read :]
        self._read += len(lines)
        # Whether this machine is busy meanwhile, so that orders are shed, is not what is tested.
        lines = [line for line in lines if line.get("part") != "intake"]
        return Counter((line["level"], _subject(line)) for line in lines)


def _subject(line: dict[str, Any]) -> str:
    return f"{line['event']} {line['part']}" if "part" in line else str(line["event"])


@pytest.fixture
def valkey() -> Iterator[ValkeyServer]:
    """A Valkey of the test's own, beside its PostgreSQL."""
    with temporary_directory() as directory:
        server = valkey_server(directory)
        server.start()
        yield server
        server.stop()


@pytest.fixture
async def shop(
    directory: Path, own_postgres: PostgresServer, valkey: ValkeyServer
) -> AsyncIterator[Shell]:
    """Commands on servers that may be stopped, with logs that can be read back."""
    own_postgres.ensure_database("shop")
    settings = {
        "database_url": own_postgres.database_url("shop"),
        "redis_url": valkey.url,
        "heartbeat_interval": "0.2",
        "log_format": "json",
    }
    shell = Shell(directory, settings)
    assert (await shell.run("migrate")).code == 0
    yield shell
    await asyncio.to_thread(shell.close)


@pytest.mark.long
async def test_a_fault_is_one_line_and_its_recovery_another(
    shop: Shell, own_postgres: PostgresServer, valkey: ValkeyServer
) -> None:
    server, url = await shop.serve("--no-aggregator")
    aggregator = shop.start("aggregate", "--aggregation-interval", "1s")
    logs = Log(server), Log(aggregator)
    await _ready(url)
    await eventually(logs[0].has_ended)  # on a slow machine the first pass is late
    for log in logs:
        log.new()

    async with _customers(url) as answered:
        await _many_more(answered)
        assert [log.new() for log in logs] == [Counter(), Counter()]

        pid = valkey.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await _many_more(answered)
        await eventually(lambda: logs[0].has("unhealthy", "redis"))
        await asyncio.to_thread(valkey.start)
        await eventually(lambda: logs[0].has("recovered", "redis"))
        await _many_more(answered)
        assert [log.new() for log in logs] == [
            _fault_of("redis"),
            Counter([("warning", "not published"), ("info", "publishes again")]),
        ]

        await asyncio.to_thread(own_postgres.stop, "immediate")
        await eventually(lambda: logs[0].has("unhealthy", "aggregator"))
        await _many_more(answered)
        await asyncio.to_thread(own_postgres.start)
        for part in ("database", "aggregator"):
            await eventually(partial(logs[0].has, "recovered", part))
        await _many_more(answered)
        assert [log.new() for log in logs] == [
            _fault_of("database") + _fault_of("aggregator"),
            Counter([
                ("warning", "cannot aggregate"), ("info", "leading"),
                ("info", "can aggregate again"),
            ]),
        ]  # fmt: skip

    assert answered[201] > ORDERS
    assert answered[503] > 0


def _fault_of(part: str) -> Counter[Line]:
    return Counter([("warning", f"unhealthy {part}"), ("info", f"recovered {part}")])


async def _ready(url: str) -> None:
    """Wait until a pass was received and every part is well, which the log need not speak of."""
    async with aiohttp.ClientSession(url) as http, asyncio.timeout(WITHIN):
        while True:
            async with http.get("/readyz") as response:
                parts = (await response.json())["parts"]
            well = all(part.get("ok", True) for part in parts.values() if isinstance(part, dict))
            if well and parts["aggregator"].get("leader"):
                return
            await asyncio.sleep(0.05)


@asynccontextmanager
async def _customers(url: str) -> AsyncIterator[Counter[int]]:
    """People who order, void, read and watch without end; counts the answers by status."""
    answered: Counter[int] = Counter()
    async with aiohttp.ClientSession(url, timeout=aiohttp.ClientTimeout(total=10)) as http:
        tasks = [asyncio.create_task(_order(http, answered)) for _ in range(8)]
        tasks += [asyncio.create_task(_read(http)), asyncio.create_task(_watch(http))]
        try:
            yield answered
            assert not any(task.done() for task in tasks), tasks
        finally:
            for task in tasks:
                await end(task)


async def _many_more(answered: Counter[int]) -> None:
    target = answered.total() + ORDERS
    await eventually(lambda: answered.total() >= target, within=30)


async def _order(http: aiohttp.ClientSession, answered: Counter[int]) -> None:
    order = {"store": "uptown", "drink": "latte"}
    while True:
        async with http.post("/api/orders", json=order) as response:
            placed = await response.json()
        answered[response.status] += 1
        if response.status == 201 and answered[201] % 10 == 0:
            async with http.post(f"/api/orders/{placed['order_id']}/void") as response:
                await response.read()
        await asyncio.sleep(0.02)


async def _read(http: aiohttp.ClientSession) -> None:
    paths = ("/api/dashboard", "/api/dashboard?at=2026-01-31T09:30:00Z", "/nowhere", "/readyz")
    while True:
        for path in paths:
            async with http.get(path) as response:
                await response.read()
        await asyncio.sleep(0.05)


async def _watch(http: aiohttp.ClientSession) -> None:
    while True:
        with suppress(TimeoutError):
            async with http.ws_connect("/ws/dashboard", max_msg_size=0) as socket:
                for _ in range(20):
                    await socket.receive(timeout=5)
