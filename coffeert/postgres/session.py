"""What a session of ours may do in the database, and what its commits wait for."""

from __future__ import annotations

from functools import cache

import msgspec

from coffeert.postgres.connecting import has_session, note_backend
from coffeert.postgres.errors import translate_errors
from coffeert.postgres.migrations import read_migrations
from coffeert.postgres.pool import Connection
from coffeert.postgres.queries import sql

STALLED_SECONDS = 2.0
"""Seconds after which a commit that has not ended is taken for one that hangs."""


class SessionStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What `session_status` has read; the last three are settings as PostgreSQL spells them."""

    backend: int = 0
    standby: bool
    read_only: bool
    may_insert: bool
    schema: str
    waiting: int
    synchronous_commit: str
    fsync: str
    full_page_writes: str

    def obstacle(self) -> str | None:
        """Say why no order can be stored; `None` if nothing is known against it."""
        if self.schema != _newest_migration():
            return "the database has the schema of another version"
        if self.standby:
            return "PostgreSQL is a standby"
        if self.read_only:
            return "the database is read-only"
        if not self.may_insert:
            return "the role may not insert orders"
        if self.waiting:
            return "commits wait for a synchronous standby"
        return None

    def risk(self) -> str | None:
        """Say what a crash could do to acknowledged orders; `None` if nothing."""
        if self.fsync == "off":
            return "fsync is off: a crash of the machine can lose orders and damage the data"
        if self.full_page_writes == "off":
            return "full_page_writes is off: a crash of the machine can damage the data"
        if self.synchronous_commit not in ("on", "remote_apply"):
            return f"synchronous_commit is {self.synchronous_commit}: a crash can lose orders"
        return None


async def read_status(connection: Connection) -> SessionStatus:
    """Read the status of a session; raises `DatabaseUnavailable` and `SchemaMismatch`."""
    with translate_errors():
        row = await connection.fetchrow(sql("session_status"), STALLED_SECONDS)
    assert row is not None
    status = SessionStatus(**row)
    note_backend(connection, status.backend)
    if not has_session(connection) and status.synchronous_commit != "remote_apply":
        # Each statement that stores orders sets it for itself.
        status = msgspec.structs.replace(status, synchronous_commit="on")
    return status


@cache
def _newest_migration() -> str:
    return read_migrations()[-1].name
