"""Closes business days: when somebody asks for it, and some time after each has ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from typing import Final, NamedTuple

import structlog

from coffeert.domain.orders import MIN_PLACED_AT
from coffeert.domain.periods import LAST_DAY
from coffeert.errors import ClusterMismatch, CoffeertError, FieldError, Invalid
from coffeert.postgres.closings import (
    DayToClose,
    close_day,
    day_to_close,
    ended_days,
    last_closed_day,
    limit_closing,
    lock_closings,
)
from coffeert.postgres.errors import translate_errors
from coffeert.postgres.pool import Connection, Pool
from coffeert.postgres.rollups import load_state
from coffeert.postgres.state import OTHER_CLUSTER

log = structlog.get_logger(__name__)

_ACQUIRE_SECONDS: Final = 2.0
_STATEMENT_SECONDS: Final = 30.0
_CHECK_SECONDS: Final = 60.0
_MOST_DAYS: Final = 31
"""Days that ended while no server ran are closed as well, at most so many."""


class ClosedDay(NamedTuple):
    """The number of a day's last closing, and whether it was made now."""

    number: int
    new: bool


class DayCloser:
    """Closes days; several servers may, since a day is closed by one at a time.

    `after` is in seconds: how long after the end of a day it closes on its own, `None` for never.
    """

    def __init__(
        self, pool: Pool, after: float | None, *, interval: float = _CHECK_SECONDS
    ) -> None:
        self._pool = pool
        self._after = after
        self._interval = interval
        self._last_error: str | None = None

    async def close(self, day: date | None = None) -> ClosedDay:
        """Close a business day, or the last one that has ended at every store.

        A day that is closed already and has not changed since keeps its closing; one that has changed gets
        another, which corrects the one before. Raises `Invalid`, `ClusterMismatch`, `DatabaseUnavailable`.
        """
        async with self._closing() as connection:
            chosen = day or (await ended_days(connection, 0, 1))[0]
            found = await day_to_close(connection, chosen)
            _check(chosen, found)
            if found.number is not None and not (found.late or found.recut):
                return ClosedDay(found.number, new=False)
            return ClosedDay(await close_day(connection, chosen, found.number), new=True)

    async def run(self) -> None:
        """Close each day once it has ended long enough ago, until cancelled."""
        while True:
            await asyncio.sleep(self._interval)
            if self._after is None:
                continue
            try:
                while await self.close_next(self._after):
                    pass
                self._last_error = None
            except CoffeertError as error:
                if str(error) != self._last_error:
                    log.warning("days are not closed", reason=str(error))
                self._last_error = str(error)

    async def close_next(self, after: float) -> bool:
        """Close the next day that ended at least `after` seconds ago; return False if there is none.

        That is one later than any that was closed, and without any closing the last one that ended. Days on
        which nothing was placed are left out.
        """
        async with self._closing() as connection:
            days = await ended_days(connection, after, _MOST_DAYS)
            last = await last_closed_day(connection)
            due = days[:1] if last is None else [day for day in days if day > last]
            for day in reversed(due):
                if (await day_to_close(connection, day)).placed:
                    number = await close_day(connection, day, None)
                    log.info("day closed", day=str(day), number=number)
                    return True
        return False

    @asynccontextmanager
    async def _closing(self) -> AsyncIterator[Connection]:
        with translate_errors():
            async with (
                self._pool.acquire(timeout=_ACQUIRE_SECONDS) as connection,
                # Each statement must see what was committed before it, such as the closing before.
                connection.transaction(isolation="read_committed", readonly=False),
            ):
                await limit_closing(connection, _STATEMENT_SECONDS)
                await lock_closings(connection)
                if not (await load_state(connection)).here:
                    raise ClusterMismatch(OTHER_CLUSTER)
                yield connection


def _check(day: date, found: DayToClose) -> None:
    if found.ends is None or not MIN_PLACED_AT.date() <= day <= LAST_DAY:
        raise day_fault(f"must lie between {MIN_PLACED_AT:%Y-%m-%d} and {LAST_DAY:%Y-%m-%d}")
    if not found.ended:
        raise day_fault(
            f"must be over at every store, which {day} is at {found.ends:%Y-%m-%d %H:%M} UTC"
        )
    if not found.placed:
        raise day_fault(f"must be one on which something was sold, and {day} is not")


def day_fault(message: str) -> Invalid:
    """Refuse to close a day, or to look for its closings."""
    return Invalid(f"The day {message}.", errors=(FieldError("day", message),))
