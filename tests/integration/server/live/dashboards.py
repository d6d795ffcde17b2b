"""Orders and dashboards over HTTP, for tests of what is shown."""

from __future__ import annotations

import asyncio
from datetime import datetime

import aiohttp
import msgspec

from coffeert.domain.rollups import Totals
from coffeert.wire.frames import Snapshot
from tests.waiting import POLL, WITHIN


async def place(
    http: aiohttp.ClientSession, url: str, count: int, placed_at: datetime | None = None
) -> None:
    """Store orders, as often as it takes."""
    order = {"store": "uptown", "drink": "latte"}
    if placed_at is not None:
        order["placed_at"] = placed_at.isoformat()
    stored = 0
    async with asyncio.timeout(WITHIN):
        while stored < count:
            async with http.post(f"{url}/api/orders", json=order) as response:
                stored += response.status == 201
                if response.status != 201:
                    assert response.status == 503, await response.text()
                    await asyncio.sleep(POLL)


async def view(http: aiohttp.ClientSession, url: str) -> Snapshot:
    """Read the dashboard."""
    async with http.get(f"{url}/api/dashboard") as response:
        return msgspec.json.decode(await response.read(), type=Snapshot)


async def shows(
    http: aiohttp.ClientSession, url: str, orders: int, window: str = "day"
) -> Snapshot:
    """Wait until a window of the dashboard holds so many orders."""
    shown: Totals | None = None
    try:
        async with asyncio.timeout(WITHIN):
            while True:
                frame = await view(http, url)
                shown = getattr(frame.view.totals, window)
                if shown.orders == orders:
                    return frame
                await asyncio.sleep(POLL)
    except TimeoutError:
        raise AssertionError(f"{window}: {orders} orders are stored, shown {shown}") from None


async def part(http: aiohttp.ClientSession, url: str, name: str) -> dict[str, object]:
    """Read the health of a part."""
    async with http.get(f"{url}/readyz") as response:
        health: dict[str, object] = (await response.json())["parts"][name]
    return health
