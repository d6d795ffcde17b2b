"""Which aggregator leads: a session's lock or a lease for liveness, a fencing token for safety.

The lock ends with the session, so it is free as soon as a leader dies, and PostgreSQL itself ends the
session of one that has frozen. Behind a pooler in transaction mode there is no session: there a leader is
alive until the end of its term, which it moves on as long as it lives. Either way, what a former leader
still tries is refused: its token is stale.
"""

from __future__ import annotations

import asyncio
import time

from coffeert.errors import Fenced
from coffeert.postgres.connecting import has_session
from coffeert.postgres.errors import translate_errors
from coffeert.postgres.pool import Connection
from coffeert.postgres.queries import sql
from coffeert.postgres.state import check_writable, locked_state

_LOCK = 0x636F6666_6C656164  # "cofflead"
STALL_SECONDS = 5.0
"""Seconds without activity after which a session that blocks the others is ended, or a lease."""
RENEW_SECONDS = 1.5
"""How often a lease is renewed by a leader that makes no pass."""
_POLL_SECONDS = 0.1


def term(interval: float) -> float:
    """Return the seconds for which a leader counts as alive after each pass."""
    return max(STALL_SECONDS, 3 * interval)


async def try_lead(connection: Connection, *, name: str, interval: float) -> int | None:
    """Become the leader and return the fencing token; `None` while another leads.

    Leadership lasts as long as the connection or, if that has no session, as long as `renew_lease` is
    called in time. Raises `ClusterMismatch`, `DatabaseUnavailable`.
    """
    if not has_session(connection):
        return await _try_lease(connection, name)
    seconds = term(interval)
    if not await lock_leadership(connection):
        return None
    await end_if_silent(connection, seconds)
    async with locked_state(connection) as state:
        check_writable(state, None)
        token: int = await connection.fetchval(sql("take_lead"), name, seconds)
    return token


async def end_if_silent(connection: Connection, seconds: float) -> None:
    """Let PostgreSQL end a session, with the locks that it holds, once its client is silent for so long."""
    if has_session(connection):
        with translate_errors():
            await connection.execute(sql("end_if_silent"), f"{int(seconds * 1000)}ms")


async def _try_lease(connection: Connection, name: str) -> int | None:
    with translate_errors():
        # First without waiting: a leader holds the row for as long as its pass takes.
        if not await _is_free(connection):
            return None
    async with locked_state(connection) as state:
        check_writable(state, None)
        if not await _is_free(connection):
            return None
        token: int = await connection.fetchval(sql("take_lead"), name, STALL_SECONDS)
    return token


async def _is_free(connection: Connection) -> bool:
    """Whether nobody leads, by lease or by lock; in a transaction it stays so until that ends."""
    if not await _is_over(connection):
        return False
    locked: bool = await connection.fetchval(sql("lock_lead"), _LOCK)
    return locked


async def _is_over(connection: Connection) -> bool:
    return await connection.fetchval(sql("find_free_lease"), STALL_SECONDS) is not None


def leads_for(connection: Connection, interval: float) -> float:
    """Return the seconds for which a leader over this connection counts as alive after each pass."""
    return term(interval) if has_session(connection) else STALL_SECONDS


async def renew_lease(
    connection: Connection, token: int, seconds: float | None = STALL_SECONDS
) -> None:
    """Let a leader count as alive for some seconds from now; raises `Fenced`, `DatabaseUnavailable`."""
    with translate_errors():
        renewed = await connection.fetchval(sql("renew_lease"), token, seconds)
    if renewed is None:
        raise Fenced(f"Another aggregator leads: another token has followed {token}.")


async def end_lease(connection: Connection, token: int) -> None:
    """Let another lead at once, if this leader leads by a lease."""
    if not has_session(connection):
        with translate_errors():
            await connection.execute(sql("end_lease"), token)


async def forbid_leading(connection: Connection) -> bool:
    """For the rest of a transaction, let nobody lead; False if somebody does.

    A leader by lease that has been silent for its term is fenced.
    """
    with translate_errors():
        if not await _is_free(connection):
            return False
        await connection.execute(sql("fence_leader"))
    return True


async def wait_for_end_of_term(connection: Connection) -> None:
    """Wait until a lease is over, unless its leader lives and moves it on."""
    deadline = time.monotonic() + STALL_SECONDS
    with translate_errors():
        first = await connection.fetchval(sql("read_term"))
        while time.monotonic() < deadline and not await _is_over(connection):
            if await connection.fetchval(sql("read_term")) != first:
                return
            await asyncio.sleep(_POLL_SECONDS)


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
