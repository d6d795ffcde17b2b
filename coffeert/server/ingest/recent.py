"""Orders that were acknowledged a short time ago, to be stored again if the database has lost them.

After a failover with asynchronous replication the new primary lacks the last orders of the old one, and an
earlier copy of the database lacks more. A server that lives on still has those that it acknowledged itself.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec
import structlog

from coffeert.backoff import Backoff
from coffeert.domain.orders import Order
from coffeert.domain.watermark import Xid
from coffeert.errors import ApiError, Conflict
from coffeert.server.ingest.batch_insert import BatchInsert, OrderStore, PendingOrder

log = structlog.get_logger(__name__)

MAX_ORDERS = 100_000
"""Some 7 MB."""

KEPT_SECONDS = 300.0
_MAX_GAP_SECONDS = 1.0
_ROWS = 1000
_ATTEMPTS = 20  # with the longest delay between two that is three minutes


class RecentAcknowledgements:
    """The last orders that this server acknowledged.

    They are kept for five minutes in which orders were acknowledged: of a time without any, one second
    counts, so that an outage does not use them up. `restored` counts those that were missing and are stored
    again.
    """

    def __init__(
        self,
        table: OrderStore,
        on_commit: Callable[[Xid, Sequence[Order]], None],
        *,
        enabled: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.restored = 0
        self._table = table
        self._on_commit = on_commit
        self._enabled = enabled
        self._clock = clock
        self._now = self._added_at = 0.0
        # Encoded: as objects they would be three times as large, and the garbage collector's to visit.
        self._batches: deque[tuple[float, int, bytes]] = deque()
        self._orders = 0
        self._requested = asyncio.Event()

    def __len__(self) -> int:
        return self._orders

    def add(self, orders: Sequence[Order]) -> None:
        """Remember orders that are acknowledged."""
        if not (orders and self._enabled):
            return
        now = self._clock()
        self._now += min(now - self._added_at, _MAX_GAP_SECONDS)
        self._added_at = now
        self._batches.append((self._now, len(orders), _encode(orders)))
        self._orders += len(orders)
        oldest = self._now - KEPT_SECONDS
        while self._orders > MAX_ORDERS or self._batches[0][0] < oldest:
            self._orders -= self._batches.popleft()[1]

    def store_again(self) -> None:
        """Have `run` store them again: the database may have gone back in time."""
        if self._enabled:
            self._requested.set()

    async def run(self) -> None:
        """Store them again whenever that is asked for, until cancelled."""
        while True:
            await self._requested.wait()
            self._requested.clear()
            await self._store_all()

    async def _store_all(self) -> None:
        sent, restored = len(self), self.restored
        left: list[Order] = []
        for orders in _chunks(_decode(batch) for _, _, batch in list(self._batches)):
            left += await self._store(orders)
        backoff = Backoff()
        while left and backoff.failures < _ATTEMPTS:
            # A correction fails until its order is there, which another server may have to store again.
            await asyncio.sleep(backoff.next_delay())
            left = [order for orders in _chunks([left]) for order in await self._store(orders)]
        if sent:
            missing = self.restored - restored
            log.warning("stored again", sent=sent, missing=missing, failed=len(left))

    async def _store(self, orders: Sequence[Order]) -> list[Order]:
        """Store orders that are missing; return those for which that failed."""
        entries = [PendingOrder(order, None) for order in orders]
        insert = BatchInsert(self._table)
        outcomes = await insert.store(entries)
        for xid, added in insert.commits:
            self.restored += len(added)
            self._on_commit(xid, added)
        return [
            order
            for order, outcome in zip(orders, outcomes, strict=True)
            if isinstance(outcome, ApiError) and not isinstance(outcome, Conflict)
        ]


def _chunks(batches: Iterable[Sequence[Order]]) -> Iterator[list[Order]]:
    chunk: list[Order] = []
    for batch in batches:
        chunk += batch
        while len(chunk) >= _ROWS:
            yield chunk[:_ROWS]
            del chunk[:_ROWS]
    if chunk:
        yield chunk


_encode = msgspec.msgpack.Encoder(uuid_format="bytes").encode
_decode = msgspec.msgpack.Decoder(list[Order]).decode
