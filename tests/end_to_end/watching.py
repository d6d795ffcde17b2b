"""A viewer who never looks away and trusts nothing: every single picture must add up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from coffeert.cancellation import end
from coffeert.client import DashboardFeed, ViewChanged, ViewReset
from coffeert.domain.rollups import Totals


@asynccontextmanager
async def watching(url: str, *, growing: bool = True) -> AsyncIterator[DashboardFeed]:
    """Follow a dashboard and check each picture; fails the test at the first that is wrong.

    `growing`: orders only arrive, so a number of orders that falls is a number that was wrong.
    """
    async with DashboardFeed(url) as feed:
        watcher = asyncio.create_task(_check(feed, growing=growing))
        try:
            yield feed
        finally:
            if watcher.done():
                watcher.result()
            await end(watcher)
            if not watcher.cancelled():
                watcher.result()


async def _check(feed: DashboardFeed, *, growing: bool) -> None:
    most = 0
    async for event in feed.events():
        if not isinstance(event, ViewReset | ViewChanged) or feed.view is None:
            continue
        picture, totals = feed.view.cube, feed.totals
        assert totals is not None
        shown = picture.totals()
        assert shown == totals, "the sums of the cells are not the server's sums"
        days = picture.total("day")
        drinks = [tally for _, tally in picture.top_drinks(1000)]
        assert Totals(*map(sum, zip(*drinks, strict=True))) == days if drinks else days.orders == 0
        if growing:
            assert days.orders >= most, f"{most} orders had been shown, now {days.orders}"
            most = days.orders
