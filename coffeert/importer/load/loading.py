"""Storing the staged rows of a file, and taking an import back, in chunks of one transaction each."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from coffeert.importer.load.look import MenuAdditions
from coffeert.postgres.calendars import set_store_calendar
from coffeert.postgres.imports import (
    Import,
    NewImport,
    begin_import,
    begin_undo,
    finish_import,
    finish_undo,
    load_rows,
    undo_chunk,
)
from coffeert.postgres.menu import add_drink, add_store
from coffeert.postgres.pool import Connection

CHUNK_ROWS = 20_000


class Progress(NamedTuple):
    """What a load or an undo has done, whether all of it, and its last transaction."""

    number: int
    orders: int
    complete: bool
    xid: int | None


Report = Callable[[int], None]
Stopped = Callable[[], bool]


async def extend_menu(connection: Connection, additions: MenuAdditions) -> None:
    """Put what a file names and the menu lacks on the menu, a store with its calendar."""
    for store in additions.stores:
        async with connection.transaction(isolation="read_committed"):
            await add_store(connection, store)
            if additions.zone is not None:
                await set_store_calendar(connection, store.code, additions.zone, 0)
    for drink in additions.drinks:
        await add_drink(connection, drink)


async def load(
    connection: Connection,
    new: NewImport,
    earlier: Import | None,
    rows: int,
    *,
    report: Report,
    stopped: Stopped,
) -> Progress:
    """Store staged rows; `report` gets the number of rows done, and before each chunk `stopped` is called.

    What is stored stays if it is stopped or killed, and the same file goes on from there.
    """
    number = await begin_import(connection, new, earlier)
    orders, xid = 0, None
    for start in range(0, rows, CHUNK_ROWS):
        if stopped():
            return Progress(number, orders, False, xid)
        end = min(start + CHUNK_ROWS, rows)
        written = await load_rows(connection, start, end, number=number, source=new.source)
        orders += written.orders
        xid = written.xid
        report(end)
    await finish_import(connection, number)
    return Progress(number, orders, True, xid)


async def undo(
    connection: Connection, number: int, *, report: Report, stopped: Stopped
) -> Progress:
    """Void all orders of an import that are not void; again, or after an interruption, it goes on."""
    left = await begin_undo(connection, number)
    done, xid = 0, None
    while left:
        if stopped():
            return Progress(number, done, False, xid)
        written = await undo_chunk(connection, number, CHUNK_ROWS)
        if written is None:
            break
        done += written.orders
        xid = written.xid
        report(done)
    await finish_undo(connection, number)
    return Progress(number, done, True, xid)
