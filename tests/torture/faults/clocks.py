"""Faults of clocks and zones: a server's or the database's clock is wrong, and is put right."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch
from uuid import uuid4

import aiohttp

from coffeert.embedded import service_account
from tests.integration.server.live.test_clocks import zone_with_a_cut_hour
from tests.servers import temporary_directory
from tests.torture.faults.fault import Fault, NotPossible
from tests.torture.stage import Stage, staged

_LIBRARY = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")
_MINUTE = 60
_WITHIN = 20.0


class FalseClock:
    """The clock of processes that are started with `variables`; `set` puts it right or wrong."""

    def __init__(self, directory: Path) -> None:
        if not _LIBRARY.exists():
            raise NotPossible("libfaketime is not installed")
        self._file = directory / "clock"
        self._file.write_text("+0s\n")
        self._file.chmod(0o644)
        self.variables = {
            "LD_PRELOAD": str(_LIBRARY),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }

    def set(self, seconds: int) -> None:
        """Put the clock that many seconds ahead of this machine's, or behind."""
        # In place of the old one as a whole: the library reads it at any moment.
        new = self._file.with_suffix(".new")
        new.write_text(f"{seconds:+d}s\n")
        new.chmod(0o644)
        new.replace(self._file)


class ServerClockWrong(Fault):
    """The server's own clock is ten minutes behind and then ahead: its windows are the database's."""

    name = "server's clock behind, ahead, put right"
    strikes = 1
    _clock: FalseClock

    @asynccontextmanager
    async def setting(self) -> AsyncIterator[Stage]:
        """Set a stage whose server has a clock of its own."""
        with temporary_directory() as directory:
            self._clock = FalseClock(directory)
            async with staged(server_variables=self._clock.variables) as stage:
                yield stage

    async def strike(self, stage: Stage, rng: random.Random) -> None:
        """Turn the clock; the windows may not move."""
        for minutes in (-10, 10, 0):
            self._clock.set(minutes * _MINUTE)
            stage.lift()
            await clock_offset(stage, minutes * _MINUTE)
            await windows_at(stage, 0)


class DatabaseClockPutRight(Fault):
    """The database's clock is two hours ahead for a while; when it is right, the windows are too."""

    name = "database's clock ahead, put right"
    strikes = 1
    _clock: FalseClock

    @asynccontextmanager
    async def setting(self) -> AsyncIterator[Stage]:
        """Set a stage whose PostgreSQL has a clock of its own."""
        with temporary_directory() as directory:
            self._clock = FalseClock(directory)
            with _embedded_servers_with(self._clock.variables):
                async with staged() as stage:
                    yield stage

    async def strike(self, stage: Stage, rng: random.Random) -> None:
        """Turn the clock on and back."""
        self._clock.set(120 * _MINUTE)
        await windows_at(stage, 120 * _MINUTE)
        await asyncio.sleep(1 + rng.random())
        self._clock.set(0)
        stage.lift()
        await windows_at(stage, 0)


class ServersOfTwoZones(Fault):
    """A second server has another zone, whose midnight cuts an hour: each shows its own windows."""

    name = "two servers with different zones"
    strikes = 2

    @asynccontextmanager
    async def setting(self) -> AsyncIterator[Stage]:
        """Set a stage with a second server."""
        self._zone = zone_with_a_cut_hour()
        async with staged() as stage:
            _, url = await stage.shell.serve("--no-aggregator", "--timezone", self._zone.key)
            stage.other_urls.append(url)
            yield stage

    async def strike(self, stage: Stage, rng: random.Random) -> None:
        """Place orders in the hour that the other's midnight cuts."""
        midnight = datetime.now(self._zone).replace(hour=0, minute=0, second=0, microsecond=0)
        async with aiohttp.ClientSession() as http:
            for _ in range(20):
                order = {
                    "order_id": str(uuid4()),
                    "store": "uptown",
                    "drink": "latte",
                    "placed_at": (midnight + timedelta(seconds=rng.randrange(900))).isoformat(),
                }
                stage.maybe.append(order["order_id"])
                async with http.post(f"{stage.direct_url}/api/orders", json=order) as answer:
                    assert answer.status == 201, await answer.text()
        stage.lift()


async def windows_at(stage: Stage, ahead: int) -> None:
    """Wait until the server's windows are those of this machine's time and some seconds."""
    async with aiohttp.ClientSession() as http, asyncio.timeout(_WITHIN):
        while True:
            async with http.get(f"{stage.direct_url}/api/dashboard") as answer:
                as_of = (await answer.json())["view"]["as_of"]
            if abs(as_of + _MINUTE / 2 - (datetime.now(UTC).timestamp() + ahead)) < _MINUTE:
                return
            await asyncio.sleep(0.1)


async def clock_offset(stage: Stage, seconds: int) -> None:
    """Wait until the server says how far its clock is ahead of the database's."""
    async with aiohttp.ClientSession() as http, asyncio.timeout(_WITHIN):
        while True:
            async with http.get(f"{stage.direct_url}/readyz") as answer:
                database = (await answer.json())["parts"]["database"]
            if abs(database.get("clock_offset_s", 0) - seconds) < 2:
                return
            await asyncio.sleep(0.1)


@contextmanager
def _embedded_servers_with(variables: dict[str, str]) -> Iterator[None]:
    environment = {**service_account._ENVIRONMENT, **variables}
    with patch.object(service_account, "_ENVIRONMENT", environment):
        yield
