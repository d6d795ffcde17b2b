"""The imports: entering one, storing its rows, and taking it back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Literal, NamedTuple
from uuid import UUID

import msgspec

from coffeert.domain.order_keys import void_key
from coffeert.domain.orders import new_order_id
from coffeert.errors import ImportBusy, NotFound
from coffeert.postgres.connecting import require_session
from coffeert.postgres.errors import translate_errors
from coffeert.postgres.pool import Connection
from coffeert.postgres.queries import sql

LOCK_SECONDS = 5.0
"""How long to wait for the lock: the session of a command that was killed ends with its last statement."""
_POLL_SECONDS = 0.1
_LOCK = 0x636F6666_696D7074  # "coffimpt"


class Import(msgspec.Struct, frozen=True, kw_only=True):
    """A file that was imported.

    `orders` and `amount` (minor units) are what it has stored, between `first_at` and `last_at`. `source`
    is '' if none was named. `same`: rows equal to sales of other imports are those sales. `own_ids`: its
    rows have order ids of their own.
    """

    id: int
    file: str
    digest: bytes
    source: str
    same: bool
    own_ids: bool
    arguments: list[str]
    rejected: int
    skipped: int
    orders: int
    amount: int
    first_at: datetime | None
    last_at: datetime | None
    voided: int
    started_at: datetime
    finished_at: datetime | None
    undoing_at: datetime | None
    undone_at: datetime | None

    def is_file(self, digest: bytes) -> bool:
        """Return whether this file was imported, and not taken back."""
        return self.digest == digest and self.undone_at is None

    def may_rely_on(self, other: Import) -> bool:
        """Return whether rows of this import may be sales that the other has stored for both."""
        return self.same and self.undone_at is None and self.id > other.id

    @property
    def state(self) -> Literal["loaded", "incomplete", "undone", "half undone"]:
        """How far it has come."""
        if self.undone_at is not None:
            return "undone"
        if self.undoing_at is not None:
            return "half undone"
        return "incomplete" if self.finished_at is None else "loaded"


class NewImport(msgspec.Struct, frozen=True, kw_only=True):
    """What is noted of a file before its first order."""

    file: str
    digest: bytes
    source: str
    same: bool
    own_ids: bool
    arguments: list[str]
    rejected: int
    skipped: int


class ImportedStore(NamedTuple):
    """What an import has stored of a store's sales, and how many of them are void."""

    store: str
    orders: int
    refunds: int
    quantity: int
    amount: int
    voided: int


class Written(NamedTuple):
    """How many orders a transaction has stored, and its id."""

    orders: int
    xid: int


async def begin_session(connection: Connection) -> None:
    """Let a session import or take back, and no other at the same time.

    Raises `ImportBusy`, and `ConfigError` if the connection has no session.
    """
    require_session(connection, "An import")
    deadline = time.monotonic() + LOCK_SECONDS
    with translate_errors():
        await connection.execute(sql("import_settings"))
        while not await connection.fetchval(sql("lock_imports"), _LOCK):
            if time.monotonic() >= deadline:
                raise ImportBusy(
                    "Another import, or an undo, is at work here; repeat this when it is over."
                )
            await asyncio.sleep(_POLL_SECONDS)


async def find_import(connection: Connection, digest: bytes, source: str) -> Import | None:
    """Return the import that has stored a file, if it was not taken back."""
    with translate_errors():
        row = await connection.fetchrow(sql("find_import"), digest, source)
    return None if row is None else Import(**row)


async def half_undone(connection: Connection) -> int | None:
    """Return an import whose undo was interrupted."""
    with translate_errors():
        number: int | None = await connection.fetchval(sql("half_undone"))
    return number


async def begin_import(connection: Connection, new: NewImport, earlier: Import | None) -> int:
    """Enter a file, or go on with the import that it has already; return its number."""
    if earlier is not None:
        with translate_errors():
            await connection.execute(
                sql("resume_import"), earlier.id, new.same, new.arguments, new.rejected, new.skipped
            )
        return earlier.id
    with translate_errors():
        number: int = await connection.fetchval(sql("begin_import"), *msgspec.structs.astuple(new))
    return number


async def load_rows(
    connection: Connection, start: int, end: int, *, number: int, source: str
) -> Written:
    """Store the staged rows from `start` to before `end` in one transaction."""
    with translate_errors():
        row = await connection.fetchrow(sql("load_chunk"), start, end, number, source)
    assert row is not None
    return Written(*row)


async def finish_import(connection: Connection, number: int) -> None:
    """Note that an import is complete."""
    with translate_errors():
        await connection.execute(sql("finish_import"), number)


async def is_counted(connection: Connection, xid: int) -> tuple[bool, bool]:
    """Return whether a pass has counted a transaction, and whether an aggregator leads."""
    with translate_errors():
        row = await connection.fetchrow(sql("is_counted"), str(xid))
    assert row is not None
    return row["counted"], row["led"]


async def list_imports(connection: Connection) -> list[Import]:
    """Return all imports, the last one first."""
    with translate_errors():
        return [Import(**row) for row in await connection.fetch(sql("list_imports"))]


async def show_import(connection: Connection, number: int) -> Import:
    """Return an import; raises `NotFound`."""
    row = None
    if number < 2**63:
        with translate_errors():
            row = await connection.fetchrow(sql("show_import"), number)
    if row is None:
        raise NotFound(f"There is no import {number}; `coffeert imports` lists them.")
    return Import(**row)


async def imported_stores(connection: Connection, number: int) -> list[ImportedStore]:
    """Return what an import has stored, by store."""
    with translate_errors():
        rows = await connection.fetch(sql("imported_stores"), number)
    return [ImportedStore(*row) for row in rows]


async def import_zones(connection: Connection) -> dict[int, str]:
    """Return the time zone of each import's sales: that of the first sale's store."""
    with translate_errors():
        rows = await connection.fetch(sql("import_zones"))
    return {row["id"]: row["zone"] for row in rows}


async def begin_undo(connection: Connection, number: int) -> int:
    """Note that an import is being taken back; return how many of its orders are not void yet."""
    with translate_errors():
        await connection.execute(sql("create_undo"))
        found = await connection.execute(sql("find_undo"), number)
        await connection.execute(sql("begin_undo"), number)
    return int(found.split()[-1])


async def undo_chunk(connection: Connection, number: int, size: int) -> Written | None:
    """Void the next orders of an import in one transaction; `None` at the end."""
    with translate_errors():
        rows = await connection.fetch(sql("take_undo"), size)
        if not rows:
            return None
        order_ids: Sequence[UUID] = [row["order_id"] for row in rows]
        keys = [void_key(order_id) for order_id in order_ids]
        written = await _void(connection, order_ids, keys, number)
        if written.orders < len(order_ids):
            # Voided meanwhile, or another order has taken the key.
            left = [row["order_id"] for row in await connection.fetch(sql("unvoided"), order_ids)]
            if left:
                keys = [new_order_id() for _ in left]
                again = await _void(connection, left, keys, number)
                written = Written(written.orders + again.orders, again.xid)
    return written


async def _void(
    connection: Connection, order_ids: Sequence[UUID], keys: Sequence[UUID], number: int
) -> Written:
    row = await connection.fetchrow(sql("void_chunk"), order_ids, keys, number)
    assert row is not None
    return Written(*row)


async def finish_undo(connection: Connection, number: int) -> None:
    """Note that an import was taken back."""
    with translate_errors():
        await connection.execute(sql("finish_undo"), number)


async def database_time(connection: Connection) -> datetime:
    """Return the database's clock, which judges what lies in the future."""
    with translate_errors():
        row = await connection.fetchrow(sql("database_clock"))
    assert row is not None
    now: datetime = row["now"]
    return now


async def has_orders(connection: Connection) -> bool:
    """Return whether any order is stored."""
    with translate_errors():
        found: bool = await connection.fetchval(sql("has_orders"))
    return found
