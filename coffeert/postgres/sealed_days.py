"""Sealing days: reading a day's orders once, so that later verifications can do without them.

A seal is what the orders of a day of UTC add up to, with sums of hashes of the orders, and of the quarters
and minutes that they make (`seal_day`). A pass that counts a late order or a void deletes the day's seal in
the same statement. Days of UTC and not business days: quarters and minutes are UTC, so that no change of a
calendar touches a seal, and days of any calendar are compared as sums of quarters.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from coffeert.postgres.errors import translate_errors
from coffeert.postgres.pool import Connection
from coffeert.postgres.queries import sql
from coffeert.postgres.state import check_writable, locked_state


async def days_to_seal(connection: Connection) -> list[date]:
    """Return the days that have ended and are not sealed, the oldest first."""
    with translate_errors():
        rows = await connection.fetch(sql("days_to_seal"))
    return [row["date"] for row in rows]


async def begin_sealing(connection: Connection, days: Sequence[date], token: int | None) -> None:
    """Enter days, so that a pass which counts an order of one is noticed by `seal_day`.

    `token` is the caller's fencing token, `None` if it does not lead. Raises `Fenced`, `ClusterMismatch`,
    `DatabaseUnavailable`.
    """
    async with locked_state(connection) as state:
        check_writable(state, token)
        await connection.execute(sql("begin_sealing"), days)


async def seal_day(connection: Connection, day: date) -> bool:
    """Read the orders of a day and seal it, beside passes; False if one has counted another meanwhile.

    The day must have been entered by `begin_sealing`; any process may seal it then.
    """
    with translate_errors():
        sealed = await connection.fetchval(sql("seal_day"), day)
    return sealed is not None
