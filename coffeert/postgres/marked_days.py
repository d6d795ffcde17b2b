"""The days that are no measure for others, such as holidays, and the start of the week."""

from __future__ import annotations

from datetime import date

from coffeert.domain.menu import check_name
from coffeert.domain.orders import MIN_PLACED_AT
from coffeert.domain.periods import LAST_DAY
from coffeert.errors import FieldError, Invalid, NotFound
from coffeert.postgres.errors import translate_errors
from coffeert.postgres.pool import Connection
from coffeert.postgres.queries import sql


async def load_marked_days(connection: Connection) -> dict[date, str]:
    """Read the marked days in order, with their names."""
    with translate_errors():
        return {row["date"]: row["name"] for row in await connection.fetch(sql("load_marked_days"))}


async def mark_day(connection: Connection, day: date, name: str) -> None:
    """Leave a day out of what is usual; raises `Invalid` for a name or a date that cannot be used."""
    check_name(name)
    if not MIN_PLACED_AT.date() <= day <= LAST_DAY:
        fault = FieldError("date", f"must lie between {MIN_PLACED_AT:%Y-%m-%d} and {LAST_DAY}")
        raise Invalid(f"The date {fault.message}.", errors=(fault,))
    with translate_errors():
        await connection.execute(sql("mark_day"), day, name)


async def unmark_day(connection: Connection, day: date) -> None:
    """Make a day an ordinary one again; raises `NotFound`."""
    with translate_errors():
        if await connection.fetchval(sql("unmark_day"), day) is None:
            raise NotFound(f"{day} is not marked.")


async def load_week_start(connection: Connection) -> int:
    """Read on which weekday a week starts, 1 (Monday) to 7."""
    with translate_errors():
        weekday: int = await connection.fetchval(sql("load_week_start"))
    return weekday


async def set_week_start(connection: Connection, weekday: int) -> None:
    """Set on which weekday a week starts, 1 (Monday) to 7."""
    with translate_errors():
        await connection.execute(sql("set_week_start"), weekday)
