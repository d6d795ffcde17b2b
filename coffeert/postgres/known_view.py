"""The view as it was known at a tick of the feed: without what came later, whenever it was placed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import asyncpg
import msgspec

from coffeert.domain.calendar import Calendars, calendar_span
from coffeert.domain.feed import NOTHING_SEEN, FeedPosition
from coffeert.domain.retention_window import RetentionWindow
from coffeert.domain.rollups import CellKey, Cells, Totals, add, at_all_grains
from coffeert.domain.view import Change
from coffeert.domain.watermark import Watermark
from coffeert.errors import FieldError, Invalid
from coffeert.postgres.calendars import load_calendars
from coffeert.postgres.errors import translate_errors
from coffeert.postgres.passes import cells_from, retention_moments
from coffeert.postgres.pool import Pool
from coffeert.postgres.queries import sql
from coffeert.postgres.rollups import load_recent, load_state

_SECONDS: Final = 10.0
_AHEAD: Final = timedelta(minutes=10)


class KnownView(msgspec.Struct, frozen=True):
    """A view, and the calendars for what follows it."""

    change: Change
    calendars: Calendars


async def load_known_view(pool: Pool, position: FeedPosition, moment: datetime) -> KnownView:
    """Read the view of a moment as of a position of the feed, which is at or before the moment.

    It is exact: the orders of the feed up to there, and no others. Raises `Invalid` if that takes too long,
    since too many orders have come since, and `DatabaseUnavailable`.
    """
    snapshot = NOTHING_SEEN if position.after is None else position.after.snapshot
    try:
        with translate_errors():
            async with (
                pool.acquire(timeout=_SECONDS) as connection,
                connection.transaction(isolation="repeatable_read", readonly=True),
            ):
                await connection.execute(sql("limit_time"), f"{round(_SECONDS * 1000)}ms")
                calendars = await load_calendars(connection, *calendar_span(moment))
                retention = RetentionWindow.at(moment, calendars)
                state = await load_state(connection)
                rows = await connection.fetch(
                    sql("view_at"), state.watermark, moment, *retention_moments(retention), None
                )
                begins = datetime.fromtimestamp(retention.first_date - 2 * 86400, UTC)
                differing = await connection.fetch(
                    sql("known_difference"), snapshot, state.watermark, moment, begins
                )
                seen = Watermark.parse(snapshot)
                recent = await load_recent(connection, seen, moment + _AHEAD)
    except asyncpg.QueryCanceledError:
        message = "lies so far back that the view of then cannot be computed in time"
        raise Invalid(f"from {message}.", errors=(FieldError("from", message),)) from None
    cells = cells_from(rows)
    minutes: Cells = {CellKey("minute", *row[:3]): Totals(*row[3:]) for row in differing}
    for key, totals in at_all_grains(minutes, calendars).items():
        if retention.contains(key):
            add(cells, key, totals)
    return KnownView(Change(retention, moment, cells, recent), calendars)
