"""A file of orders as shots: keyed by content, at the pace at which they were placed or another."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import msgspec

from coffeert.domain.orders import Draft
from coffeert.inject.column_mapping import ColumnMapping, check_columns
from coffeert.inject.rows import BadRow, FileRow, Rows
from coffeert.inject.scheduled_order import ScheduledOrder, key_from
from coffeert.wire.orders import draft_body, encode


@dataclass(frozen=True, slots=True)
class Pace:
    """When rows are due: `rate` a second, or `speed` times as fast as recorded, or at once."""

    rate: float | None = None
    speed: float | None = None


class RowKeys:
    """Keys derived from what the rows say, so that a file loaded twice adds nothing.

    Equal rows are different orders, told apart by their occurrence number, so neither the order of
    rows nor rows that were appended since change the key of another. About 150 bytes a distinct row.
    """

    def __init__(self) -> None:
        self._seen: Counter[UUID] = Counter()

    def key(self, draft: Draft) -> UUID:
        """Return the row's own key, or the one derived from its content."""
        if draft.order_id is not None:
            return draft.order_id
        placed_at = draft.placed_at.astimezone(UTC).isoformat() if draft.placed_at else ""
        price = "" if draft.price_cents is None else str(draft.price_cents)
        content = (draft.store, draft.drink, str(draft.quantity), price, placed_at)
        first = key_from("row", *content)
        self._seen[first] += 1
        number = self._seen[first]
        return first if number == 1 else key_from("row", *content, str(number))


class RecordingClock:
    """Says when a row is due, in seconds since the start, never before the row above it."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._first: datetime | None = None
        self._last = 0.0
        self._rows = 0

    def due(self, placed_at: datetime | None) -> float | None:
        """Return when the next row is due, `None` for at once."""
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


def shots_from(
    rows: Rows, layout: ColumnMapping, pace: Pace, count: int | None = None
) -> Iterator[ScheduledOrder | BadRow]:
    """Turn rows into at most `count` shots.

    Raises `ConfigError` where the file lacks a column that is needed.
    """
    left = sys.maxsize if count is None else count
    keys, clock = RowKeys(), RecordingClock(pace)
    for row in checked(rows, layout):
        if isinstance(row, BadRow):
            yield row
            continue
        try:
            draft = layout.read(row).draft
        except ValueError as error:
            yield BadRow(row.line, str(error))
            continue
        if left == 0:
            return
        left -= 1
        draft = msgspec.structs.replace(draft, order_id=keys.key(draft))
        yield ScheduledOrder(encode(draft_body(draft)), clock.due(draft.placed_at), row.line)


def checked(rows: Rows, layout: ColumnMapping) -> Iterable[FileRow | BadRow]:
    """Check that the columns are there, in a CSV's header or in the first object, and go through."""
    unchecked = True
    if rows.columns is not None:
        check_columns(rows.columns, layout.columns, store_given=layout.store is not None)
        unchecked = False
    for row in rows:
        if unchecked and isinstance(row, FileRow):
            check_columns(row.values, layout.columns, store_given=layout.store is not None)
            unchecked = False
        yield row
