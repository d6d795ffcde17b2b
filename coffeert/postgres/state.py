"""The aggregator's state row: who may write the rollups, and what they have counted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

import msgspec

from coffeert.errors import ClusterMismatch, Fenced, SchemaMismatch
from coffeert.postgres.errors import translate_errors
from coffeert.postgres.pool import Connection
from coffeert.postgres.queries import sql

LOCK_TIMEOUT_SECONDS = 5.0
"""Seconds to wait for the state row: a pass takes milliseconds, so a longer holder is stuck."""

OTHER_CLUSTER = (
    "The rollups were computed on another PostgreSQL cluster, so their watermark means nothing here; "
    "run `coffeert rebuild`."
)


class LockedState(msgspec.Struct, frozen=True, kw_only=True):
    """The state row as of the moment it was locked.

    `here` is false if the watermark is about another cluster's transactions. `branched`: the database
    has gone back to an earlier state (a promoted standby, a restored backup), so that published passes may
    be missing from it. `now` is the database's clock.
    """

    lineage: str
    nonce: str
    number: int
    token: int
    leader: str
    watermark: str
    now: datetime
    here: bool
    branched: bool
    currency: str | None


@asynccontextmanager
async def locked_state(
    connection: Connection, *, lock_timeout: float = LOCK_TIMEOUT_SECONDS
) -> AsyncIterator[LockedState]:
    """Lock the state row for one transaction, so that no other writes the rollups meanwhile.

    Sequential scans are off inside. Raises `DatabaseUnavailable`, also on a standby (its snapshots
    lack transactions in flight) and if the row was not free in time.
    """
    with translate_errors():
        # Each statement must have a snapshot of its own, whatever the database's default is.
        async with connection.transaction(isolation="read_committed", readonly=False):
            await connection.execute(sql("pass_settings"), f"{int(lock_timeout * 1000)}ms")
            row = await connection.fetchrow(sql("lock_state"))
            if row is None:
                raise SchemaMismatch("The row of aggregator_state is missing.")
            yield LockedState(**row)


def check_writable(state: LockedState, token: int | None) -> None:
    """Raise unless the caller may write on top of this state.

    `token` is the caller's fencing token, `None` if it does not lead. Raises `ClusterMismatch`,
    `Fenced`.
    """
    if not state.here:
        raise ClusterMismatch(OTHER_CLUSTER)
    if token is not None and token != state.token:
        raise Fenced(f"Another aggregator leads: token {state.token} has followed {token}.")


async def begin_lineage(connection: Connection, state: LockedState) -> LockedState:
    """Give the history of orders a new name, inside `locked_state`; return the state with it."""
    row = await connection.fetchrow(sql("begin_lineage"))
    assert row is not None
    return msgspec.structs.replace(state, **row)
