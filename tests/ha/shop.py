"""Orders at a steady rate, each sent until it is acknowledged, and dashboards that time how they move."""

from __future__ import annotations

import asyncio
import time
from bisect import bisect
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import pairwise
from uuid import UUID, uuid4

import aiohttp

from coffeert.cancellation import end
from coffeert.client import DashboardFeed
from tests.ha.stage import Stage

DASHBOARDS = 4
_ANSWER_SECONDS = 15.0
_AGAIN_SECONDS = 0.1
_LOOK_SECONDS = 0.05
_ON_THE_WAY_SECONDS = 0.3  # from the answer to the screen, on a busy machine
_STANDSTILL_SECONDS = 1.0


class Shop:
    """What was sent and answered since it opened, when `stored` orders were there already."""

    def __init__(self, url: str, rate: float, stored: int) -> None:
        self.acknowledged: set[UUID] = set()
        self.sent: set[UUID] = set()
        self.refusals: Counter[str] = Counter()
        self._answered: list[float] = []
        self._rises: list[list[float]] = [[] for _ in range(DASHBOARDS)]
        self._current: list[list[float]] = [[] for _ in range(DASHBOARDS)]
        self._url = url
        self._rate = rate
        self._stored = stored
        self._orders: set[asyncio.Task[None]] = set()

    async def order(self) -> None:
        """Begin an order every `1 / rate` seconds, until cancelled."""
        loop = asyncio.get_running_loop()
        connector = aiohttp.TCPConnector(limit=0)
        timeout = aiohttp.ClientTimeout(total=_ANSWER_SECONDS)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as http:
            due = loop.time()
            try:
                while True:
                    task = asyncio.create_task(self._order(http))
                    self._orders.add(task)
                    task.add_done_callback(self._orders.discard)
                    due += 1 / self._rate
                    await asyncio.sleep(max(0, due - loop.time()))
            finally:
                while self._orders:
                    await asyncio.wait(self._orders)

    async def _order(self, http: aiohttp.ClientSession) -> None:
        key = uuid4()
        self.sent.add(key)
        body = {"order_id": str(key), "store": "uptown", "drink": "latte"}
        while key not in self.acknowledged:
            try:
                async with http.post(f"{self._url}/api/orders", json=body) as answer:
                    text = await answer.text()
                    if answer.status in {200, 201}:
                        self.acknowledged.add(key)
                        self._answered.append(time.monotonic())
                        return
                    self.refusals[f"{answer.status} {text[:150]}"] += 1
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                self.refusals[type(error).__name__] += 1
            await asyncio.sleep(_AGAIN_SECONDS)

    async def watch(self, number: int) -> None:
        """Note when a dashboard's number of orders rises, and when it has all orders, until cancelled.

        Either alone would not do: while PostgreSQL is away no order is missing, and while Redis is, a
        dashboard moves with the orders of its own server.
        """
        most = 0
        async with DashboardFeed(self._url) as feed:
            while True:
                now, totals = time.monotonic(), feed.totals
                shown = 0 if totals is None else totals.day.orders
                if shown > most:
                    most = shown
                    self._rises[number].append(now)
                if shown - self._stored >= bisect(self._answered, now - _ON_THE_WAY_SECONDS):
                    self._current[number].append(now)
                await asyncio.sleep(_LOOK_SECONDS)

    def longest_standstill(self, since: float) -> float:
        """Return the longest time in which a dashboard did not move, or lacked orders, in seconds."""
        end_of_all = time.monotonic()
        return max(
            after - before
            for moments in (*self._rises, *self._current)
            for before, after in pairwise([since, *(m for m in moments if m > since), end_of_all])
        )

    async def moves_on(self, since: float, seconds: float) -> None:
        """Wait until every dashboard has had every order for so many seconds, and moved."""
        while time.monotonic() - since < seconds or not self._moves(time.monotonic() - seconds):
            await asyncio.sleep(_LOOK_SECONDS)

    def _moves(self, since: float) -> bool:
        moments = (*self._rises, *self._current)
        ends = [since, time.monotonic()]
        return all(
            after - before < _STANDSTILL_SECONDS
            for moment in moments
            for before, after in pairwise(sorted([*ends, *(m for m in moment if m > since)]))
        )


@asynccontextmanager
async def open_shop(stage: Stage, rate: float) -> AsyncIterator[Shop]:
    """Order and watch by way of HAProxy; at the end every order that was sent is acknowledged."""
    shop = Shop(stage.url, rate, sum((await stage.stored()).values()))
    watching = [asyncio.create_task(shop.watch(number)) for number in range(DASHBOARDS)]
    ordering = asyncio.create_task(shop.order())
    try:
        yield shop
        with suppress(TimeoutError):
            async with asyncio.timeout(60):
                await end(ordering)
    finally:
        for task in (ordering, *watching):
            await end(task)
