"""Regions that take orders alone and forward them to each other end with the same orders and figures."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack, suppress
from dataclasses import dataclass, field
from itertools import permutations
from pathlib import Path
from uuid import UUID

import aiohttp
import asyncpg
import pytest

from coffeert.cancellation import end
from coffeert.client import OrderClient
from coffeert.domain.orders import Draft
from coffeert.embedded import ValkeyServer
from coffeert.errors import CoffeertError
from tests.end_to_end.processes import Command, Shell
from tests.ports import free_port
from tests.servers import TestServers
from tests.torture.proxy import Proxy

SECONDS = 6.0
STORES = ("uptown", "downtown", "central")
_ORDERS = """
SELECT count(*), md5(string_agg(concat_ws('|', order_id, store, drink, quantity, price_cents, placed_at,
                                          voids, amount, source, receipt), ',' ORDER BY order_id))
FROM orders
"""
_DAYS = """
SELECT md5(string_agg(concat_ws('|', date, store, drink, orders, quantity, revenue_cents), ','
                      ORDER BY date, store, drink))
FROM rollup_day
"""


@dataclass
class Region:
    """An installation: a server, forwarders, and the proxy through which the others reach it."""

    shell: Shell
    database: str
    port: int
    front: Proxy
    server: Command | None = None
    placed: list[UUID] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        self.server, _ = await self.shell.serve(port=self.port)

    async def fetch(self, query: str) -> tuple[object, ...]:
        connection = await asyncpg.connect(self.database)
        try:
            row = await connection.fetchrow(query)
        finally:
            await connection.close()
        assert row is not None
        return tuple(row)


@pytest.fixture
def places(
    servers: TestServers, template_database: str, directory: Path
) -> Iterator[list[tuple[Shell, str]]]:
    """A shell for each of three regions, with a database and a Valkey of its own."""
    with ExitStack() as stack:
        found = []
        for number in range(3):
            place = directory / str(number)
            place.mkdir(mode=0o755)
            valkey = ValkeyServer(place)
            valkey.start()
            stack.callback(valkey.stop)
            url = stack.enter_context(servers.database(template_database))
            shell = Shell(place, {"database_url": url, "redis_url": valkey.url})
            stack.callback(shell.close)
            found.append((shell, url))
        yield found


@pytest.mark.long
@pytest.mark.parametrize("count", [2, 3])
async def test_regions_converge(
    places: list[tuple[Shell, str]], count: int, opened: AsyncExitStack
) -> None:
    chance = random.Random(count)
    regions = []
    for shell, database in places[:count]:
        port = free_port()
        front = await opened.enter_async_context(Proxy(("127.0.0.1", port)))
        regions.append(Region(shell, database, port, front))
    await asyncio.gather(*(region.start() for region in regions))
    forwarders: dict[tuple[int, int], Command] = {}

    def forward(here: int, there: int) -> None:
        target = f"http://127.0.0.1:{regions[there].front.port}"
        forwarders[here, there] = regions[here].shell.start("forward", "--to", target)

    ways = list(permutations(range(count), 2))
    for way in ways:
        forward(*way)
    until = time.monotonic() + SECONDS
    ordering = [
        asyncio.create_task(_order(region, random.Random(number), until))
        for number, region in enumerate(regions)
    ]
    try:
        while time.monotonic() < until:
            await asyncio.sleep(chance.random() * 0.4)
            way = chance.choice(ways)
            if chance.random() < 0.3:
                await forwarders[way].killed()
                forward(*way)
            else:
                await _strike(regions[way[0]], chance)
        await asyncio.gather(*ordering)
    finally:
        for task in ordering:
            await end(task)
    await _converged(regions)
    for forwarder in forwarders.values():
        ended = await forwarder.stopped()
        assert (ended.code, "Traceback" in ended.err) == (0, False), ended.err


async def _converged(regions: list[Region]) -> None:
    """All have the same orders and days, soon; nothing was refused, and each can prove its figures."""
    ended = time.monotonic()
    async with asyncio.timeout(60):
        while len(found := {await region.fetch(_ORDERS) for region in regions}) > 1:
            await asyncio.sleep(0.05)
        ((stored, _),) = found
        print(f"{len(regions)} regions: {stored} orders each, {time.monotonic() - ended:.2f} s")
        assert isinstance(stored, int)
        assert stored >= sum(len(region.placed) for region in regions) > 0
        while len({await region.fetch(_DAYS) for region in regions}) > 1:
            await asyncio.sleep(0.05)
    for region in regions:
        assert await region.fetch("SELECT count(*) FROM forward_refusal") == (0,)
        assert (await region.shell.run("verify")).code == 0


async def _strike(region: Region, chance: random.Random) -> None:
    """Cut the links to a region for a moment or for longer, or kill its server."""
    match chance.choice(("cut", "away", "killed")):
        case "cut":
            region.front.cut()
        case "away":
            region.front.mood = "refuse"
            region.front.cut()
            await asyncio.sleep(0.5)
            region.front.mood = "pass"
        case "killed":
            assert region.server is not None
            await region.server.killed()
            await region.start()


async def _order(region: Region, chance: random.Random, until: float) -> None:
    """Place orders, and void some, until then, through whatever happens to the server."""
    async with OrderClient(region.url, patience=30) as client:
        while time.monotonic() < until:
            with suppress(CoffeertError, aiohttp.ClientError):
                placed = await client.place(
                    Draft(chance.choice(STORES), "latte", chance.randint(1, 3))
                )
                region.placed.append(placed.order.order_id)
                if chance.random() < 0.2:
                    await client.void(chance.choice(region.placed))
