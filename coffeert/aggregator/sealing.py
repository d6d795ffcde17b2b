"""Sealing the days that have ended, on a connection of its own beside the passes."""

from __future__ import annotations

import asyncio
import time

import structlog

from coffeert.errors import CoffeertError
from coffeert.postgres.pool import close, connect
from coffeert.postgres.sealed_days import begin_sealing, days_to_seal, seal_day

log = structlog.get_logger(__name__)

SEAL_SECONDS = 3600.0
"""Seconds until it is looked again for days that have ended, or that a late order has unsealed."""
_DAYS_AT_ONCE = 31


async def seal_regularly(database_url: str, token: int) -> None:
    """Seal days until cancelled; what fails is tried again an hour later. `token` is the leader's."""
    while True:
        try:
            await seal_ended_days(database_url, token)
        except CoffeertError as error:
            log.warning("cannot seal days", reason=str(error))
        await asyncio.sleep(SEAL_SECONDS)


async def seal_ended_days(database_url: str, token: int | None) -> None:
    """Seal all days that have ended; between two days it waits as long as the first one took.

    `token` and errors as in `begin_sealing`.
    """
    connection = await connect(database_url, application_name="coffeert sealing")
    try:
        days = await days_to_seal(connection)
        for first in range(0, len(days), _DAYS_AT_ONCE):
            entered = days[first : first + _DAYS_AT_ONCE]
            await begin_sealing(connection, entered, token)
            for day in entered:
                started = time.monotonic()
                await seal_day(connection, day)
                await asyncio.sleep(time.monotonic() - started)
    finally:
        await close(connection)
