"""Session windows and sliding windows, of what the last pass has counted."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final

import msgspec

from coffeert.domain.menu import Menu
from coffeert.domain.money import money_text
from coffeert.errors import FieldError, Invalid
from coffeert.postgres.pool import Connection
from coffeert.postgres.reports import ReportState, load_report_state
from coffeert.postgres.windows import (
    DayBounds,
    SessionRow,
    SlidingRow,
    StoreSpan,
    count_stale,
    load_active_stores,
    load_day_bounds,
    load_sessions,
    load_sliding,
    load_today,
)
from coffeert.server.reports.request import Choice
from coffeert.wire.windows import SalesSession, SalesSessions, SlidingSeries, SlidingSums

MOST_SESSIONS: Final = 50_000
MOST_WINDOWS: Final = 100_000
_MINUTE: Final = timedelta(minutes=1)


class WindowSpan(msgspec.Struct, frozen=True, kw_only=True):
    """Of which stores and from when to when: whole minutes, or business days of each store.

    A day `last` is included as a whole. `None`: from the start of today on, and until now.
    """

    stores: Choice = Choice()
    first: datetime | date | None = None
    last: datetime | date | None = None


async def read_sessions(
    connection: Connection,
    span: WindowSpan,
    gap: timedelta,
    sources: frozenset[str] | None,
    menu: Menu,
) -> SalesSessions:
    """Read the runs of sales in a transaction that sees one moment; raises `Invalid`."""
    state = await load_report_state(connection)
    spans = await _spans(connection, span, menu, state)
    rows = await load_sessions(connection, state, spans, gap, sources, MOST_SESSIONS + 1)
    if len(rows) > MOST_SESSIONS:
        raise _fault("from", f"gives more than {MOST_SESSIONS:,} sessions; ask for fewer days")
    return SalesSessions(
        as_of=state.as_of,
        gap=gap.total_seconds(),
        stale_minutes=await count_stale(connection),
        sessions=await asyncio.to_thread(_sessions, rows, state.as_of - gap, menu),
    )


async def read_sliding(
    connection: Connection, span: WindowSpan, width: timedelta, step: timedelta, menu: Menu
) -> SlidingSums:
    """Read the sums over windows in a transaction that sees one moment; raises `Invalid`.

    No window ends after the last whole minute: it would be one of the future.
    """
    state = await load_report_state(connection)
    now = _this_minute(state)
    spans = [
        of._replace(ends=min(of.ends, now))
        for of in await _spans(connection, span, menu, state)
        if of.begins < now
    ]
    if sum((of.ends - of.begins) // step for of in spans) > MOST_WINDOWS:
        raise _fault("step", f"gives more than {MOST_WINDOWS:,} windows; ask for fewer")
    rows = await load_sliding(connection, state, spans, width, step)
    return SlidingSums(
        as_of=state.as_of,
        width=int(width.total_seconds()),
        step=int(step.total_seconds()),
        currency=menu.currency or "",
        series=await asyncio.to_thread(_series, rows, menu),
    )


def _this_minute(state: ReportState) -> datetime:
    return state.as_of.replace(second=0, microsecond=0)


async def _spans(
    connection: Connection, span: WindowSpan, menu: Menu, state: ReportState
) -> list[StoreSpan]:
    first, last = span.first, span.last
    now = _this_minute(state)
    first_day = None if first is None or isinstance(first, datetime) else first
    last_day = None if last is None or isinstance(last, datetime) else last
    begins = [DayBounds(None, first, None)] if isinstance(first, datetime) else None
    if begins is None and first_day is None:
        begins = await load_today(connection, now)
    ends = [DayBounds(None, None, last if isinstance(last, datetime) else now + _MINUTE)]
    if first_day is not None or last_day is not None:
        bounds = await load_day_bounds(connection, first_day, last_day)
        begins = bounds if begins is None else begins
        ends = bounds if last_day is not None else ends
    begins_of = {bound.store: bound.begins for bound in begins or ()}
    ends_of = {bound.store: bound.ends for bound in ends}
    found = []
    codes = [store.code for store in menu.stores] + await load_active_stores(connection)
    for store in dict.fromkeys(codes):
        if span.stores.has(store):
            begin = begins_of.get(store, begins_of[None])
            end = ends_of.get(store, ends_of[None])
            if begin is None or end is None:
                field = "from" if begin is None else "to"
                raise _fault(field, "must be a day from 2000-01-01 to 2099-12-31")
            found.append(StoreSpan(store, begin, end))
    if found and all(of.begins >= of.ends for of in found):
        raise _fault("to", "must be later than from")
    return [of for of in found if of.begins < of.ends]


def _sessions(
    rows: Sequence[SessionRow], running_since: datetime, menu: Menu
) -> tuple[SalesSession, ...]:
    names = {store.code: store.name for store in menu.stores}
    return tuple(
        SalesSession(
            store=row.store,
            name=names.get(row.store, row.store),
            first_at=row.first_at,
            last_at=row.last_at,
            orders=row.orders,
            running=row.last_at >= running_since,
        )
        for row in rows
    )


def _series(rows: Sequence[SlidingRow], menu: Menu) -> tuple[SlidingSeries, ...]:
    names = {store.code: store.name for store in menu.stores}
    return tuple(
        SlidingSeries(
            store=row.store,
            name=names.get(row.store, row.store),
            begins=row.begins.astimezone(UTC),
            orders=tuple(row.orders),
            pieces=tuple(row.pieces),
            takings=tuple(money_text(cents, menu.places) for cents in row.cents),
        )
        for row in rows
    )


def _fault(field: str, message: str) -> Invalid:
    return Invalid(
        f"The windows cannot be made: {field} {message}.", errors=(FieldError(field, message),)
    )
