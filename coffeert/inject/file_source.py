"""Orders from a file: keyed by their content, at the recorded pace or another, read in a thread."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from uuid import UUID

import msgspec

from coffeert.domain.orders import Draft, Void
from coffeert.inject.order_reader import OrderReader
from coffeert.inject.report import OutcomeRecorder
from coffeert.inject.rows import BadRow, Rows
from coffeert.inject.scheduled_order import ScheduledOrder, key_from
from coffeert.wire.orders import draft_body, encode

_CHUNK_ORDERS = 256
_MAX_CHUNKS_AHEAD = 4

FileOrders = Iterator[ScheduledOrder | BadRow]
_Chunk = list[ScheduledOrder | BadRow]


@dataclass(frozen=True, slots=True)
class Pace:
    """When rows are due: `rate` a second, or `speed` times as fast as recorded, or at once."""

    rate: float | None = None
    speed: float | None = None


class RowKeys:
    """Keys derived from the content of rows, so that loading a file twice adds nothing.

    Equal rows are different orders, distinguished by their occurrence number, so the key of a row
    depends neither on the order of rows nor on rows appended later. About 150 bytes a distinct row.
    """

    def __init__(self) -> None:
        self._seen: Counter[UUID] = Counter()

    def key(self, draft: Draft) -> UUID:
        """Return the row's own key, or the one derived from its content."""
        if draft.order_id is not None:
            return draft.order_id
        placed_at = draft.placed_at.astimezone(UTC).isoformat() if draft.placed_at else ""
        price = "" if draft.price_cents is None else str(draft.price_cents)
        content: tuple[str, ...] = (draft.store, draft.drink, str(draft.quantity), price, placed_at)
        given = (draft.total_cents, draft.source, draft.receipt)
        if given != (
            None,
            None,
            None,
        ):  # or the keys would be others than those of earlier versions
            content += tuple("" if one is None else str(one) for one in given)
        first = key_from("row", *content)
        self._seen[first] += 1
        number = self._seen[first]
        return first if number == 1 else key_from("row", *content, str(number))


class RecordingClock:
    """When each row is due, in seconds since the start, never before the row above it."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._first: datetime | None = None
        self._last = 0.0
        self._rows = 0

    def due(self, placed_at: datetime | None) -> float | None:
        """Return when the next row is due, `None` for as soon as possible."""
        pace = self._pace
        if pace.rate is not None:
            self._rows += 1
            return (self._rows - 1) / pace.rate
        if pace.speed is None:
            return None
        if placed_at is not None:
            self._first = self._first or placed_at
            self._last = max(self._last, (placed_at - self._first).total_seconds() / pace.speed)
        return self._last


def orders_from(
    rows: Rows, reader: OrderReader, pace: Pace, count: int | None = None
) -> FileOrders:
    """Turn rows into at most `count` orders."""
    left = sys.maxsize if count is None else count
    keys, clock = RowKeys(), RecordingClock(pace)
    for row in rows:
        if isinstance(row, BadRow):
            yield row
            continue
        try:
            wanted = reader.read_void(row) if "void" in row.values else reader.read(row)
        except ValueError as error:
            yield BadRow(row.line, str(error))
            continue
        if left == 0:
            return
        left -= 1
        if isinstance(wanted, Void):
            body = encode({"void": wanted.key or wanted.order_id})
            yield ScheduledOrder(body, clock.due(None), row.line, voids=True)
            continue
        draft = msgspec.structs.replace(wanted, order_id=keys.key(wanted))
        yield ScheduledOrder(
            encode(draft_body(draft, reader.places)), clock.due(draft.placed_at), row.line
        )


async def read_in_thread(
    orders: FileOrders, ready: Callable[[], bool], recorder: OutcomeRecorder
) -> AsyncGenerator[list[ScheduledOrder], None]:
    """Read orders in a thread and yield them in chunks; bad rows go to the recorder.

    `ready` returns whether the next order can be read without waiting, so that an order of a live stream
    is not held back until a chunk is full. The thread is a daemon: one that waits for a terminal must not
    keep the process from ending.
    """
    loop = asyncio.get_running_loop()
    read: asyncio.Queue[_Chunk | Exception] = asyncio.Queue()
    capacity = threading.Semaphore(_MAX_CHUNKS_AHEAD)
    abandoned = threading.Event()

    def read_all() -> None:
        for item in _chunks(orders, ready):
            capacity.acquire()
            if abandoned.is_set():
                return
            loop.call_soon_threadsafe(read.put_nowait, item)

    threading.Thread(target=read_all, name="rows", daemon=True).start()
    try:
        while item := await read.get():
            capacity.release()
            if isinstance(item, Exception):
                raise item
            yield [order for order in item if isinstance(order, ScheduledOrder)]
            for row in item:
                if isinstance(row, BadRow):
                    recorder.bad_row(row.line, row.reason)
    finally:
        abandoned.set()
        capacity.release()


def _chunks(orders: FileOrders, ready: Callable[[], bool]) -> Iterator[_Chunk | Exception]:
    """Yield chunks, an empty one at the end, or the exception that reading raised."""
    try:
        while chunk := _next_chunk(orders, ready):
            yield chunk
        yield []
    except Exception as error:  # noqa: BLE001 (raised again by the consumer)
        yield error


def _next_chunk(orders: FileOrders, ready: Callable[[], bool]) -> _Chunk:
    chunk = list(islice(orders, 1))
    while chunk and len(chunk) < _CHUNK_ORDERS and ready():
        more = next(orders, None)
        if more is None:
            break
        chunk.append(more)
    return chunk
