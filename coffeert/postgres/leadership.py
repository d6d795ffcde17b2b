"""Which aggregator leads: a session's advisory lock for liveness, a fencing token for safety.

The lock ends with the session, so it is free as soon as a leader dies, and PostgreSQL itself ends the
session of one that has frozen. What a former leader still tries is refused: its token is stale.
"""

from __future__ import annotations

from coffeert.postgres.errors import translate_errors
from coffeert.postgres.pool import Connection
from coffeert.postgres.queries import sql
from coffeert.postgres.state import check_writable, locked_state

_LOCK = 0x636F6666_6C656164  # "cofflead"
STALL_SECONDS = 5.0
"""Seconds without activity after which a session that blocks the others is ended."""


def term(interval: float) -> float:
    """Return the seconds for which a leader counts as alive after each pass."""
    return max(STALL_SECONDS, 3 * interval)


async def try_lead(connection: Connection, *, name: str, interval: float) -> int | None:
    """Become the leader and return the fencing token; `None` while another leads.

    Leadership lasts as long as the connection. Raises `ClusterMismatch`, `DatabaseUnavailable`.
    """
    seconds = term(interval)
    if not await lock_leadership(connection):
        return None
    with translate_errors():
        await connection.execute(sql("leader_settings"), f"{int(seconds * 1000)}ms")
    async with locked_state(connection) as state:
        check_writable(state, None)
        token: int = await connection.fetchval(sql("take_lead"), name, seconds)
    return token


async def lock_leadership(connection: Connection) -> bool:
    """Take the leader's lock for as long as the connection lasts; False if another session has it."""
    with translate_errors():
        locked: bool = await connection.fetchval(sql("try_lead"), _LOCK)
    return locked


async def end_stalled(connection: Connection, *, silence: float = STALL_SECONDS) -> int:
    """End the idle sessions that block the aggregators; return how many there were."""
    with translate_errors():
        ended: int = await connection.fetchval(sql("end_stalled"), _LOCK, silence)
    return ended
