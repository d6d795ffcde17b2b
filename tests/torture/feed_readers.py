"""Readers of the change feed: each keeps what it has read beside its cursor; some are cut off."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from coffeert.client import Feed
from coffeert.domain.orders import Order
from coffeert.errors import CoffeertError, Gone
from tests.torture.stage import FollowingReader

_SETTLE = 30.0
_EVENTS_PER_SECOND = 3_000  # that the restless reader can do at least


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
        limit = self._rng.choice((1, 7, 100, 1_000, 5_000)) if self._restless else 5_000
        async for batch in Feed(self._url, after=self._cursor, limit=limit):
            if self._restless and self._rng.random() < 0.2:
                return  # killed before it has stored the batch
            self.ids += [UUID(event.data.order_id) for event in batch.events]
            self._cursor = batch.cursor
            batches -= 1
            if not batches:
                return


@dataclass(frozen=True, slots=True)
class FeedFindings:
    """What the readers of a run have read; `chain` is the SHA-256 over all ids in the order of the feed.

    `faults` is empty if each of them has that chain. `restarts`: how often a cursor led nowhere (410).
    """

    faults: list[str]
    readers: int = 0
    events: int = 0
    restarts: int = 0
    chain: str = ""

    def __str__(self) -> str:
        return f"{self.events} by {self.readers}, 410 {self.restarts}, {self.chain[:8]}"


async def check_feed(
    url: str, readers: Sequence[FollowingReader], stored: dict[UUID, Order]
) -> FeedFindings:
    """Every reader ends with every order once, all in the order of one who begins now."""
    settle = _SETTLE + len(stored) / _EVENTS_PER_SECOND
    try:
        async with asyncio.timeout(settle):
            while any(len(reader.ids) < len(stored) for reader in readers):
                await asyncio.sleep(0.05)
    except TimeoutError:
        behind = [f"{len(reader.ids)} of {len(stored)}" for reader in readers]
        return FeedFindings([f"readers of the feed have {', '.join(behind)}"])
    whole: list[UUID] = []
    async for batch in Feed(url, follow=False, limit=5_000):
        whole += [UUID(event.data.order_id) for event in batch.events]
    faults = []
    if len(set(whole)) != len(whole) or set(whole) != stored.keys():
        faults.append(f"the feed has {len(whole)} events, and the table {len(stored)} orders")
    with suppress(TimeoutError):  # one may be about to hear that its cursor leads nowhere
        async with asyncio.timeout(settle):
            while any(reader.ids != whole for reader in readers):
                await asyncio.sleep(0.05)
    chain = _chain(whole)
    faults += [
        "a reader of the feed has another order" for one in readers if _chain(one.ids) != chain
    ]
    place = {order_id: index for index, order_id in enumerate(whole)}
    faults += [
        f"the void {order.order_id} comes before its order"
        for order in stored.values()
        if order.voids is not None and place.get(order.voids, -1) > place.get(order.order_id, -1)
    ]
    return FeedFindings(
        faults,
        len(readers),
        len(whole) * len(readers),
        sum(reader.restarts for reader in readers),
        chain,
    )


def _chain(ids: Sequence[UUID]) -> str:
    return hashlib.sha256(b"".join(order_id.bytes for order_id in ids)).hexdigest()
