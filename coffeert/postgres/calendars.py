"""The stores' calendars: reading them, changing them, and checking their days."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import asyncpg
import msgspec

from coffeert.domain.calendar import BusinessCalendar, Calendars
from coffeert.domain.menu import check_code
from coffeert.errors import FieldError, Invalid, NotFound
from coffeert.postgres.errors import no_time_zone, translate_errors
from coffeert.postgres.pool import Connection
from coffeert.postgres.queries import sql
from coffeert.postgres.state import begin_lineage, check_writable, locked_state

DEFAULT_CALENDAR = 1
"""The calendar of stores that have none of their own, and of codes that are not on the menu."""


class StoreCalendar(msgspec.Struct, frozen=True):
    """The time zone and start of day of a store; `starts` is in minutes after the local midnight."""

    zone: str
    starts: int


def with_offsets(row: asyncpg.Record) -> dict[str, Any]:
    """Return the columns of an order, with its times as the wall clocks of its store show them.

    `placed_offset` and `received_offset`, the seconds by which they are ahead of UTC, go into these.
    """
    values = dict(row)
    for name in ("placed", "received"):
        ahead = timezone(timedelta(seconds=values.pop(f"{name}_offset")))
        values[f"{name}_at"] = values[f"{name}_at"].astimezone(ahead)
    return values


async def load_calendars(connection: Connection, start: int, end: int) -> Calendars:
    """Read the calendar of every store for a span of time, in Unix seconds, both ends included.

    Raises `ValueError` unless the span is inside of 1999-12-30 to 2100-01-02.
    """
    span = (datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(end, UTC))
    with translate_errors():
        rows = await connection.fetch(sql("load_calendars"), *span)
    return Calendars(  # in the order of their ids: the default is first
        tuple(_calendar(row, start, end) for row in rows),
        {store: place for place, row in enumerate(rows) if place for store in row["stores"]},
    )


def _calendar(row: asyncpg.Record, start: int, end: int) -> BusinessCalendar:
    dates, begins, ends = (tuple(row[name] or ()) for name in ("dates", "begins", "ends"))
    if not dates or start < begins[0] or end >= ends[-1]:
        raise ValueError("calendars reach from 1999-12-30 to 2100-01-02")
    return BusinessCalendar(
        id=row["id"],
        zone=row["zone"],
        starts=row["starts"],
        loaded_from=start,
        loaded_to=end,
        dates=dates,
        begins=begins,
        ends=ends,
        offset_from=tuple(row["offset_from"]),
        offsets=tuple(row["offsets"]),
    )


async def load_store_calendars(connection: Connection) -> dict[str | None, StoreCalendar]:
    """Read which stores have a calendar of their own; that of all others has the key `None`."""
    with translate_errors():
        rows = await connection.fetch(sql("load_store_calendars"))
    return {row["store"]: StoreCalendar(row["zone"], row["starts"]) for row in rows}


async def find_zone(connection: Connection, name: str) -> str | None:
    """Return a time zone as PostgreSQL spells it, `None` if no calendar can have it."""
    with translate_errors():
        found: str | None = await connection.fetchval(sql("find_timezone"), name)
    return found


async def set_default_calendar(
    connection: Connection, zone: str | None = None, starts: int | None = None
) -> StoreCalendar:
    """Change the calendar of all stores that have none of their own; `None` leaves a part as it is.

    Their days are summed again, and a new lineage begins. Raises `Invalid` for a zone that PostgreSQL
    does not know or a start that is no whole quarter hour from 00:00 to 12:00.
    """
    zone = await _known(connection, zone, starts)
    async with locked_state(connection) as state:
        check_writable(state, None)
        row = await connection.fetchrow(sql("set_default_calendar"), zone, starts)
        await _sum_days_again(connection, [DEFAULT_CALENDAR])
        await begin_lineage(connection, state)
    assert row is not None
    return StoreCalendar(**row)


async def set_store_calendar(
    connection: Connection, store: str, zone: str | None = None, starts: int | None = None
) -> StoreCalendar:
    """Give a store a calendar of its own; `None` keeps the zone or the start that it has now.

    The store's days are summed again, and a new lineage begins. Raises `NotFound` if the menu has no such
    store, and `Invalid` as `set_default_calendar` does.
    """
    check_code(store)
    zone = await _known(connection, zone, starts)
    async with locked_state(connection) as state:
        check_writable(state, None)
        row = await connection.fetchrow(sql("find_store_calendar"), store)
        if row is None:
            raise NotFound(f"The menu has no store {store!a}.")
        chosen = StoreCalendar(
            row["zone"] if zone is None else zone, row["starts"] if starts is None else starts
        )
        calendar = await connection.fetchval(sql("find_calendar"), chosen.zone, chosen.starts)
        if calendar is None:
            calendar = await connection.fetchval(sql("add_calendar"), chosen.zone, chosen.starts)
        await _assign(connection, store, calendar)
        await begin_lineage(connection, state)
    return chosen


async def unset_store_calendar(connection: Connection, store: str) -> StoreCalendar:
    """Let a store follow the default calendar, which is returned; raises `NotFound`."""
    check_code(store)
    async with locked_state(connection) as state:
        check_writable(state, None)
        if await connection.fetchrow(sql("find_store_calendar"), store) is None:
            raise NotFound(f"The menu has no store {store!a}.")
        await _assign(connection, store, None)
        row = await connection.fetchrow(sql("find_store_calendar"), store)
        await begin_lineage(connection, state)
    assert row is not None
    return StoreCalendar(row["zone"], row["starts"])


async def refill_calendars(connection: Connection) -> int:
    """Compute all days again, after PostgreSQL's time zone data changed; return how many were others.

    The sums of days are computed again and a new lineage begins, if any day differed.
    """
    async with locked_state(connection) as state:
        check_writable(state, None)
        differing = await count_differing_days(connection)
        if differing:
            calendars = await connection.fetchval(sql("refill_calendars"))
            await _sum_days_again(connection, calendars)
            await begin_lineage(connection, state)
    return differing


async def count_differing_days(connection: Connection) -> int:
    """Count the calendar days that PostgreSQL would compute otherwise today, missing ones included."""
    with translate_errors():
        differing: int = await connection.fetchval(sql("calendar_days_differing"))
    return differing


def differing_days_sentence(differing: int) -> str:
    """Say what `count_differing_days` has found, and what to do."""
    return (
        f"Business days that PostgreSQL's time zone data gives otherwise today: {differing:,}; "
        "`coffeert menu calendar --recompute` computes them again."
    )


async def _known(connection: Connection, zone: str | None, starts: int | None) -> str | None:
    if starts is not None and (starts % 15 or not 0 <= starts <= 720):
        fault = FieldError("starts", "must be a whole quarter hour from 00:00 to 12:00")
        raise Invalid(f"The start of day {fault.message}.", errors=(fault,))
    if zone is None:
        return None
    known = await find_zone(connection, zone)
    if known is None:
        fault = FieldError("zone", "must be an IANA name such as Europe/Kyiv")
        raise Invalid(no_time_zone(zone), errors=(fault,))
    return known


async def _assign(connection: Connection, store: str, calendar: int | None) -> None:
    await connection.execute(sql("assign_calendar"), store, calendar)
    await connection.execute(sql("drop_unused_calendars"))
    await _sum_days(connection, [store])


async def _sum_days_again(connection: Connection, calendars: Iterable[int]) -> None:
    stores = await connection.fetchval(sql("stores_of_calendars"), list(calendars))
    await _sum_days(connection, stores)


async def _sum_days(connection: Connection, stores: list[str]) -> None:
    await connection.execute(sql("read_sequentially"))
    await connection.execute(sql("clear_days"), stores)
    await connection.execute(sql("sum_days"), stores)
