"""Readers of the change feed: each keeps what it has read beside its cursor; some are cut off."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from uuid import UUID

from coffeert.client import Feed
from coffeert.domain.orders import Order
from coffeert.errors import CoffeertError, Gone

_SETTLE = 30.0


class FeedReader:
    """Follows the feed through all faults; one that is `restless` goes back to its cursor again and again.

    `ids` and the cursor change together, as in one transaction. `restarts` is how often it was told that
    its cursor leads nowhere.
    """

    def __init__(self, url: str, rng: random.Random, *, restless: bool) -> None:
        self.ids: list[UUID] = []
        self.restarts = 0
        self._cursor = "beginning"
        self._url = url
        self._rng = rng
        self._restless = restless

    async def run(self) -> None:
        """Read until cancelled."""
        while True:
            try:
                await self._follow(self._rng.randrange(1, 20) if self._restless else 1 << 60)
            except Gone:
                self.ids, self._cursor = [], "beginning"
                self.restarts += 1
            except CoffeertError:
                await asyncio.sleep(0.05)

    async def _follow(self, batches: int) -> None:
        limit = self._rng.choice((1, 7, 100, 1_000)) if self._restless else 1_000
        async for batch in Feed(self._url, after=self._cursor, limit=limit):
            if self._restless and self._rng.random() < 0.2:
                return  # killed before it has stored the batch
            self.ids += [event.order().order_id for event in batch.events]
            self._cursor = batch.cursor
            batches -= 1
            if not batches:
                return


async def feed_faults(url: str, readers: list[FeedReader], stored: dict[UUID, Order]) -> list[str]:
    """Every reader ends with every order once, all in the order of one who begins now."""
    try:
        async with asyncio.timeout(_SETTLE):
            while any(len(reader.ids) < len(stored) for reader in readers):
                await asyncio.sleep(0.05)
    except TimeoutError:
        behind = [f"{len(reader.ids)} of {len(stored)}" for reader in readers]
        return [f"readers of the feed have {', '.join(behind)}"]
    whole: list[UUID] = []
    async for batch in Feed(url, follow=False):
        whole += [event.order().order_id for event in batch.events]
    faults = []
    if len(set(whole)) != len(whole) or set(whole) != stored.keys():
        faults.append(f"the feed has {len(whole)} events, and the table {len(stored)} orders")
    with suppress(TimeoutError):  # one may be about to hear that its cursor leads nowhere
        async with asyncio.timeout(_SETTLE):
            while any(reader.ids != whole for reader in readers):
                await asyncio.sleep(0.05)
    faults += ["a reader of the feed has another order" for one in readers if one.ids != whole]
    place = {order_id: index for index, order_id in enumerate(whole)}
    faults += [
        f"the void {order.order_id} comes before its order"
        for order in stored.values()
        if order.voids is not None and place.get(order.voids, -1) > place.get(order.order_id, -1)
    ]
    return faults
