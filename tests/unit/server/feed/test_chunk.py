"""A stretch of the feed keeps what its readers share, and no more than that is worth."""

from __future__ import annotations

from datetime import UTC, datetime

from coffeert.domain.feed import FeedPlace, FeedPosition, FeedTick
from coffeert.domain.orders import Order, new_order_id
from coffeert.postgres.feed import FeedRow, FeedRows
from coffeert.server.feed.chunk import FeedChunk
from coffeert.wire.feed import FeedFilter

NOW = datetime.now(UTC)


def chunk_of(orders: int) -> FeedChunk:
    before, tick = (FeedTick("l", n, f"{n}0:{n}0:", NOW) for n in (1, 2))
    made = (Order(new_order_id(), "uptown", f"d{n % 8}", 1, 450, NOW, NOW) for n in range(orders))
    rows = tuple(FeedRow(FeedPlace(is_void=False, xid=11, order_id=o.order_id), o) for o in made)
    return FeedChunk([FeedRows(FeedPosition(before), tick, rows, whole=True)], 2)


async def test_readers_share_bytes_and_their_filters_do_not_fill_memory() -> None:
    chunk = chunk_of(200)
    everything = await chunk.frames(FeedFilter())
    assert await chunk.frames(FeedFilter()) is everything
    kept = []
    for number in range(1, 256):
        drinks = frozenset(f"d{bit}" for bit in range(8) if number >> bit & 1)
        kept.append(await chunk.frames(FeedFilter(drinks=drinks)))
    shared = [await chunk.frames(FeedFilter(drinks=frozenset(("d7",)))) for _ in range(2)]
    assert shared[0] is shared[1]
    assert sum(map(len, chunk._frames.values())) <= chunk.size < sum(map(len, kept))
