"""Reading the rollups as of the last pass, and the view as it was at a past moment."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final

import asyncpg
import msgspec

from coffeert.domain.calendar import calendar_span
from coffeert.domain.coverage import Coverage
from coffeert.domain.orders import Order
from coffeert.domain.pending_batches import PendingBatches
from coffeert.domain.retention_window import RetentionWindow
from coffeert.domain.rollups import CellKey, Cells, Totals
from coffeert.domain.view import Change, RollupSnapshot
from coffeert.domain.watermark import Watermark, Xid
from coffeert.errors import FieldError, Invalid, SchemaMismatch
from coffeert.postgres.calendars import load_calendars
from coffeert.postgres.errors import translate_errors
from coffeert.postgres.passes import cells_from, retention_moments
from coffeert.postgres.pool import Connection
from coffeert.postgres.queries import sql

_MOST_UNCOUNTED: Final = 100_000
"""With more orders, as after hours without an aggregator, a server that starts leaves them to a pass."""


class RollupState(msgspec.Struct, frozen=True):
    """Which pass the rollups are as of; `here` as in `LockedState`."""

    lineage: str
    nonce: str
    number: int
    token: int
    watermark: str
    data_time: datetime
    next_xid: int
    here: bool


async def load_snapshot(
    connection: Connection, now: datetime, *, live: bool = False
) -> RollupSnapshot:
    """Read everything within the windows of a moment as of the last pass, all from one transaction.

    `live`: and what that pass has not counted, unless it is so much that only a pass can.
    """
    with translate_errors():
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            state = await load_state(connection)
            watermark = Watermark.parse(state.watermark)
            calendars = await load_calendars(connection, *calendar_span(now))
            retention = RetentionWindow.at(now, calendars)
            uncounted = await _load_uncounted(connection, state) if live else None
            return RollupSnapshot(
                lineage=state.lineage,
                nonce=state.nonce,
                number=state.number,
                token=state.token,
                watermark=watermark,
                data_time=state.data_time,
                coverage=Coverage.of(retention),
                cells=await load_cells(connection, retention),
                recent=await load_recent(connection, None if uncounted else watermark),
                next_xid=state.next_xid,
                calendars=calendars,
                uncounted=uncounted,
            )


async def view_at(connection: Connection, moment: datetime) -> Change:
    """Read the view as it was at `moment`: orders placed until then, itself included.

    Exact to the microsecond, for the orders that the last pass has seen; its moment is the change's
    `data_time`.
    """
    with translate_errors():
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            calendars = await load_calendars(connection, *calendar_span(moment))
            retention = RetentionWindow.at(moment, calendars)
            return await _view(connection, moment, retention, None)


async def view_on(connection: Connection, day: date, now: datetime) -> Change:
    """Read the view as it was when a business day ended at every store, or now if it has not ended.

    Today is that day at each store, although another may be running there. Raises `Invalid` if it has
    begun at none.
    """
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    label = int(noon.timestamp()) - 12 * 3600
    with translate_errors():
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            calendars = await load_calendars(connection, *calendar_span(noon))
            spans = [calendar.day(label) for calendar in calendars.calendars]
            if all(now.timestamp() < begins for begins, _ in spans):
                fault = FieldError("at", "is a day that has not begun at any store")
                raise Invalid(f"at {fault.message}.", errors=(fault,))
            last = datetime.fromtimestamp(max(ends for _, ends in spans), UTC)
            moment = min(last - timedelta(microseconds=1), now)
            running = RetentionWindow.at(moment, calendars)
            days = tuple(
                msgspec.structs.replace(local, date=label, begins=begins, ends=ends)
                for local, (begins, ends) in zip(running.days, spans, strict=True)
            )
            retention = msgspec.structs.replace(running, days=days)
            return await _view(connection, moment, retention, day)


async def _view(
    connection: Connection, moment: datetime, retention: RetentionWindow, day: date | None
) -> Change:
    state = await load_state(connection)
    rows = await connection.fetch(
        sql("view_at"), state.watermark, moment, *retention_moments(retention), day
    )
    recent = await load_recent(connection, Watermark.parse(state.watermark), moment)
    return Change(retention, state.data_time, cells_from(rows), recent)


async def load_cells(connection: Connection, retention: RetentionWindow) -> Cells:
    """Read the cells within the retention window, without empty ones."""
    return cells_from(await connection.fetch(sql("load_cells"), *retention_moments(retention)))


async def load_recent(
    connection: Connection, watermark: Watermark | None, until: datetime | None = None
) -> tuple[Order, ...]:
    """Read the 50 most recent orders that the watermark sees, or of all, newest first."""
    seen = None if watermark is None else str(watermark)
    return tuple(Order(**row) for row in await connection.fetch(sql("load_recent"), seen, until))


async def _load_uncounted(connection: Connection, state: RollupState) -> PendingBatches | None:
    """Sum the orders that the last pass has not seen, as the batches of their transactions."""
    if not state.here:  # transaction ids of another cluster cannot be compared
        return None
    rows = await connection.fetch(sql("load_uncounted"), state.watermark, _MOST_UNCOUNTED)
    # In a thread: of the most orders it takes a third of a second, and others have been connected already.
    return await asyncio.to_thread(_batches_from, rows) if rows else None


def _batches_from(rows: Sequence[asyncpg.Record]) -> PendingBatches:
    batches: dict[Xid, Cells] = {}
    for xid, bucket, store, drink, *totals in rows:
        batches.setdefault(Xid(xid), {})[CellKey("minute", bucket, store, drink)] = Totals(*totals)
    return PendingBatches.of(batches)


async def load_state(connection: Connection) -> RollupState:
    """Read which pass the rollups are as of."""
    row = await connection.fetchrow(sql("load_state"))
    if row is None:
        raise SchemaMismatch("The row of aggregator_state is missing.")
    return RollupState(**row)
