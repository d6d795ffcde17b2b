"""The demo's tills: they send each sale when it happens, again and again until it has been answered."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import msgspec

from coffeert.client import OrderClient
from coffeert.domain.orders import Draft, new_order_id
from coffeert.errors import CoffeertError
from coffeert.inject.shop_sales import Sale, sales_of_day

_CONNECTIONS: Final = 16
_MAX_UNANSWERED: Final = 10_000


class Tills:
    """Sends sales to a server. `sent` are all orders but those that it refused for good."""

    def __init__(self, client: OrderClient) -> None:
        self._client = client
        self._room = asyncio.Semaphore(_MAX_UNANSWERED)
        self._sending: set[asyncio.Task[None]] = set()
        self.sent: dict[UUID, None] = {}

    @property
    def unanswered(self) -> int:
        """How many orders have been sent and not answered yet."""
        return len(self._sending)

    async def sell(self, sales: Iterator[Sale]) -> None:
        """Send each sale at its time."""
        for draft, sent_at in sales:
            early = (sent_at - datetime.now(UTC)).total_seconds()
            if early > 0:
                await asyncio.sleep(early)
            await self._begin(draft)

    async def rush(self, per_second: float) -> None:
        """Send further orders of the kind that the shops sell, at random moments, until cancelled."""
        rng = random.Random()
        while True:
            seed, today = rng.getrandbits(32), datetime.now(UTC).date()
            sales = await asyncio.to_thread(sales_of_day, today, UTC, seed)
            rng.shuffle(sales)
            for sale in sales:
                await asyncio.sleep(rng.expovariate(per_second))
                await self._begin(
                    msgspec.structs.replace(
                        sale.draft, order_id=new_order_id(), placed_at=None, receipt=None
                    )
                )

    async def _begin(self, draft: Draft) -> None:
        await self._room.acquire()
        self.sent[_key(draft)] = None
        task = asyncio.create_task(self._send(draft))
        self._sending.add(task)
        task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[None]) -> None:
        self._sending.discard(task)
        self._room.release()

    async def _send(self, draft: Draft) -> None:
        try:
            await self._client.place(draft)
        except CoffeertError:  # such as for a drink that was retired meanwhile
            self.sent.pop(_key(draft), None)

    async def stop(self) -> None:
        """Give up what has not been answered."""
        for task in self._sending:
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)


def _key(draft: Draft) -> UUID:
    assert draft.order_id is not None
    return draft.order_id


@asynccontextmanager
async def open_tills(url: str) -> AsyncIterator[Tills]:
    """Open the tills of a server, which never lose patience."""
    async with OrderClient(url, connections=_CONNECTIONS, patience=math.inf) as client:
        tills = Tills(client)
        try:
            yield tills
        finally:
            await tills.stop()
