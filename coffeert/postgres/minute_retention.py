"""Minutes are kept for some weeks; quarter hours and days are kept for good.

Most minutes hold one order only, so they would grow as fast as the orders. What needs an older minute reads
the orders (`view_at`).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from coffeert.postgres.errors import translate_errors
from coffeert.postgres.pool import Connection
from coffeert.postgres.queries import sql
from coffeert.postgres.state import check_writable, locked_state

CELLS_AT_ONCE: Final = 5_000
"""They take some 20 ms, in which no pass is made."""


async def prune_minutes(connection: Connection, keep: timedelta, token: int | None) -> bool:
    """Delete some of the minutes older than `keep`; True if there are more to delete.

    `token` is the caller's fencing token, `None` if it does not lead. Raises `Fenced`, `ClusterMismatch`,
    `DatabaseUnavailable`.
    """
    with translate_errors():
        async with locked_state(connection) as state:
            check_writable(state, token)
            before = (state.now - keep).replace(minute=0, second=0, microsecond=0)
            deleted: int = await connection.fetchval(sql("prune_minutes"), before, CELLS_AT_ONCE)
    return deleted >= CELLS_AT_ONCE
