"""A stretch of the feed in memory: each of its events is encoded once, for all readers."""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Final

import msgspec

from coffeert.domain.feed import FeedPosition, order_text, partial_cursor, whole_cursor
from coffeert.domain.orders import Order
from coffeert.postgres.feed import FeedRow, FeedRows
from coffeert.server.feed.gzip_stream import large_gzip_piece
from coffeert.wire.feed import FeedFilter, OrderEvent

AT_ONCE: Final = 200
"""Events that are encoded before others get their turn: less than two milliseconds."""
_ROW_BYTES: Final = 1_500
"""What an order takes in memory with its encoded event and its part of a frame, roughly."""

_encode = msgspec.json.Encoder().encode


class EncodedEvent(msgspec.Struct, frozen=True, gc=False):
    """An event as JSON; `cursor` leads behind it."""

    cursor: str
    json: bytes

    def frame(self) -> bytes:
        """Return it as an event of a stream (HTML Living Standard, section 9.2.5)."""
        return b"id: %b\ndata: %b\n\n" % (self.cursor.encode(), self.json)


class FeedChunk:
    """Orders in the order of the feed, between two positions; `places` are those of the currency."""

    def __init__(self, parts: Sequence[FeedRows], places: int) -> None:
        self.start = parts[0].start
        self.end = parts[-1].end
        self.last_tick = parts[-1].part
        self.checked = time.monotonic()
        self._places = places
        # Plain lists: a tuple for each order would be one more object for the garbage collector to visit.
        self._rows: list[FeedRow] = [row for part in parts for row in part.rows]
        self._parts = parts
        self._begins = list(accumulate((len(part.rows) for part in parts[:-1]), initial=0))
        self._events: list[EncodedEvent | None] = [None] * len(self._rows)
        self._cursor_parts = {
            part.part.number: partial_cursor(part.start.after, part.part) for part in parts
        }
        self._frames: dict[tuple[FeedFilter, int, bool], bytes] = {}
        self._framing = asyncio.Lock()

    @property
    def size(self) -> int:
        """How many bytes it takes in memory, roughly."""
        return 1_000 + len(self._rows) * _ROW_BYTES

    def matching(self, wanted: FeedFilter, begin: int = 0) -> Iterator[int]:
        """Iterate over the indices from `begin` on of orders that a reader wants."""
        everything = wanted.wants_all
        for index in range(begin, len(self._rows)):
            if everything or wanted.wants(self._rows[index].order):
                yield index

    def orders(self, begin: int = 0) -> Iterator[Order]:
        """Iterate over the orders from an index on."""
        for row in self._rows[begin:]:
            yield row.order

    def event(self, index: int) -> EncodedEvent:
        """Return an event."""
        event = self._events[index]
        if event is None:
            part, row = self._part(index), self._rows[index]
            cursor = self._cursor(part, row)
            body = OrderEvent.of(row.order, cursor, part.part.lineage, self._places)
            event = self._events[index] = EncodedEvent(cursor, _encode(body))
        return event

    def position(self, index: int) -> FeedPosition:
        """Return the position behind an event."""
        part, row = self._part(index), self._rows[index]
        if _is_last(part, row):
            return FeedPosition(part.part)
        return FeedPosition(part.start.after, part.part, row.place)

    async def frames(self, wanted: FeedFilter, begin: int = 0, *, gzip: bool = False) -> bytes:
        """Return what a stream sends from an index on, as a chunk of HTTP/1.1 (RFC 9112, section 7.1).

        It ends with the id of the chunk's end, so that nothing that was left out is read again. Readers
        that want the same get the same bytes: hundreds of kilobytes, which nobody copies or compresses for
        each of them. Of more than all of it would take those used last are kept.
        """
        key = wanted, begin, gzip
        async with self._framing:
            framed = self._frames.pop(key, None)
            if framed is None:
                frames = await self._frame(wanted, begin)
                body = await large_gzip_piece(frames) if gzip else frames
                framed = b"%x\r\n%b\r\n" % (len(body), body)
            self._frames[key] = framed
            while len(self._frames) > 1 and sum(map(len, self._frames.values())) > self.size:
                del self._frames[next(iter(self._frames))]
        return framed

    async def _frame(self, wanted: FeedFilter, begin: int) -> bytes:
        frames: list[bytes] = []
        behind = ""
        for number, index in enumerate(self.matching(wanted, begin), 1):
            event = self.event(index)
            behind = event.cursor
            frames.append(event.frame())
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)
        end = self.end.cursor()
        if behind != end:
            frames.append(b"id: %b\n\n" % end.encode())
        return b"".join(frames)

    def _part(self, index: int) -> FeedRows:
        return self._parts[bisect_right(self._begins, index) - 1]

    def _cursor(self, part: FeedRows, row: FeedRow) -> str:
        if _is_last(part, row):
            # Behind the part as a whole, which stays right when earlier ticks are deleted.
            return whole_cursor(part.part)
        prefix, check = self._cursor_parts[part.part.number]
        return f"{prefix}{order_text(row.order.order_id)}{check}"


def _is_last(part: FeedRows, row: FeedRow) -> bool:
    return part.whole and row is part.rows[-1]
