"""`coffeert imports`: what was imported, and taking it back."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

import click
import msgspec
from rich.cells import cell_len

from coffeert.cli.database import with_database
from coffeert.cli.import_database import ImportDatabase, import_database
from coffeert.cli.import_progress import progress_bar
from coffeert.cli.params import data_dir_option
from coffeert.cli.signals import signals_noted
from coffeert.cli.wrapped_lines import echo_lines
from coffeert.domain.currency import amount_text
from coffeert.errors import ImportRefused
from coffeert.importer.load.loading import Progress, undo
from coffeert.importer.load.preview import orders_text
from coffeert.interrupts import INTERRUPTED
from coffeert.postgres.imports import (
    Import,
    ImportedStore,
    import_zones,
    imported_stores,
    list_imports,
    show_import,
)
from coffeert.postgres.installation import load_currency
from coffeert.postgres.pool import Connection
from coffeert.printable import printable

T = TypeVar("T")


class ImportBody(msgspec.Struct, frozen=True, kw_only=True):
    """An import as JSON; `amount` is in minor units of the currency."""

    id: int
    state: str
    file: str
    sha256: str
    source: str | None
    same: bool
    arguments: list[str]
    orders: int
    amount: int
    voided: int
    rejected: int
    skipped: int
    first_at: datetime | None
    last_at: datetime | None
    started_at: datetime
    finished_at: datetime | None
    undone_at: datetime | None


class StoreBody(msgspec.Struct, frozen=True, kw_only=True):
    """What an import has stored of a store's sales."""

    store: str
    orders: int
    refunds: int
    quantity: int
    amount: int
    voided: int


class ImportWithStores(ImportBody, frozen=True, kw_only=True):
    """An import in full."""

    stores: list[StoreBody]


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
@data_dir_option
@click.pass_context
def command(context: click.Context, as_json: bool, data_dir: Path | None) -> None:
    """List what was imported; show one import, or take it back."""
    context.obj = data_dir
    if context.invoked_subcommand is not None:
        return
    found, currency, zones = _with_database(_load_all)
    if as_json:
        click.echo(msgspec.json.encode([_body(one) for one in found]))
        return
    echo_lines(_list_lines(found, currency, zones))


@command.command("show")
@click.argument("number", type=click.IntRange(1))
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def show(number: int, as_json: bool) -> None:
    """Show an import in full."""

    async def load(
        connection: Connection,
    ) -> tuple[Import, list[ImportedStore], str | None, dict[int, str]]:
        return (
            await show_import(connection, number),
            await imported_stores(connection, number),
            await load_currency(connection),
            await import_zones(connection),
        )

    found, stores, currency, zones = _with_database(load)
    if as_json:
        body = ImportWithStores(
            **msgspec.structs.asdict(_body(found)),
            stores=[StoreBody(**store._asdict()) for store in stores],
        )
        click.echo(msgspec.json.encode(body))
        return
    echo_lines(_full_lines(found, stores, currency, _zone(found, zones)))


@command.command("undo")
@click.argument("number", type=click.IntRange(1))
@click.option("--yes", is_flag=True, help="Take it back without asking.")
def undo_command(number: int, yes: bool) -> int:
    """Take an import back: void those of its orders that are not void yet.

    The sums return to what they were. Again it changes nothing; interrupted, it goes on. Importing the file
    again afterwards stores it again.
    """
    with import_database(click.get_current_context().obj, existing=True) as database:
        one = database.run(show_import(database.connection, number))
        if one.state == "undone":
            click.echo(f"Import {number} was taken back already.")
            return 0
        stores = database.run(imported_stores(database.connection, number))
        others = database.run(list_imports(database.connection))
        for later in reversed([other for other in others if other.may_rely_on(one)]):
            click.echo(
                f"Import {later.id} ({printable(later.file)}) was stored with --same: sales that it shares "
                f"with this one are taken back too, until it is imported again."
            )
        _confirm(one, stores, yes=yes)
        return _undo(database, one, stores)


def _confirm(one: Import, stores: Sequence[ImportedStore], *, yes: bool) -> None:
    if yes:
        return
    what = f"{_in_words(stores)} of {one.file}"
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise ImportRefused(f"Nothing was changed; --yes takes {what} back without asking.")
    if not click.confirm(printable(f"Take {what} back?")):
        raise ImportRefused("Nothing was changed.")


def _undo(database: ImportDatabase, one: Import, stores: Sequence[ImportedStore]) -> int:
    async def work(report: Callable[[int], None]) -> Progress:
        with signals_noted() as stopped:
            return await undo(database.connection, one.id, report=report, stopped=stopped)

    with progress_bar("voided", one.orders) as report:
        done = database.run(work(report))
    uncounted = database.count(done.xid)
    if not done.complete:
        click.echo(
            f"Interrupted: {done.orders:,} of {one.orders:,} rows of import {one.id} are void; "
            "the same command goes on."
        )
        return INTERRUPTED
    counted = "and counted" if uncounted is None else f"but not counted: {uncounted}"
    voided = _in_words(stores) if done.orders == one.orders else orders_text(done.orders)
    click.echo(f"Import {one.id} is taken back: {voided} voided, {counted}.")
    return 0


async def _load_all(
    connection: Connection,
) -> tuple[list[Import], str | None, dict[int, str]]:
    return (
        await list_imports(connection),
        await load_currency(connection),
        await import_zones(connection),
    )


def _with_database(work: Callable[[Connection], Awaitable[T]]) -> T:
    data_dir = click.get_current_context().obj
    return with_database(data_dir, "imports", work, existing=True)


def _body(one: Import) -> ImportBody:
    return ImportBody(
        id=one.id,
        state=one.state,
        file=one.file,
        sha256=one.digest.hex(),
        source=one.source or None,
        same=one.same,
        arguments=one.arguments,
        orders=one.orders,
        amount=one.amount,
        voided=one.voided,
        rejected=one.rejected,
        skipped=one.skipped,
        first_at=one.first_at,
        last_at=one.last_at,
        started_at=one.started_at,
        finished_at=one.finished_at,
        undone_at=one.undone_at,
    )


def _list_lines(
    found: Sequence[Import], currency: str | None, zones: Mapping[int, str]
) -> list[str]:
    if not found:
        return ["Nothing was imported yet."]
    rows: list[tuple[str, ...]] = [
        ("", "IMPORTED", "FILE", "SOURCE", "ROWS", "AMOUNT", "FROM", "TO", "")
    ]
    for one in found:
        zone = _zone(one, zones)
        rows.append(
            (
                str(one.id),
                _day(one.started_at, zone),
                printable(one.file, 40),
                printable(one.source, 20),
                f"{one.orders:,}",
                amount_text(one.amount, currency),
                _day(one.first_at, zone),
                _day(one.last_at, zone),
                _state(one, zone),
            )
        )
    if not any(one.source for one in found):
        rows = [(*row[:3], *row[4:]) for row in rows]
    return _table(rows)


def _full_lines(
    one: Import, stores: Sequence[ImportedStore], currency: str | None, zone: ZoneInfo
) -> list[str]:
    rows = [
        ("import", f"{one.id}, {_state(one, zone)}"),
        ("file", one.file),
        ("sha256", one.digest.hex()),
        ("source", one.source or "-"),
        ("started", _moment(one.started_at, zone)),
        ("finished", _moment(one.finished_at, zone)),
        ("undone", _moment(one.undone_at, zone)),
        ("sales from", _moment(one.first_at, zone)),
        ("to", _moment(one.last_at, zone)),
        ("times are of", zone.key),
        ("stored", _in_words(stores)),
        ("amount", amount_text(one.amount, currency)),
        ("rejected", f"{one.rejected:,} line{'' if one.rejected == 1 else 's'}"),
        ("no sale", f"{one.skipped:,} line{'' if one.skipped == 1 else 's'}"),
    ]
    rows = [row for row in rows if row[1] != "-"]
    table = [("STORE", "ORDERS", "REFUNDS", "PIECES", "AMOUNT", "VOID")]
    table += [
        (
            store.store,
            f"{store.orders:,}",
            f"{store.refunds:,}",
            f"{store.quantity:,}",
            amount_text(store.amount, currency),
            f"{store.voided:,}",
        )
        for store in stores
    ]
    options = shlex.join([*one.arguments, *(("--same",) if one.same else ())])
    read_with = ["", "It was read with:", f"  {options}"] if options else []
    return [*_table(rows), *read_with, "", *_table(table)]


def _in_words(stores: Sequence[ImportedStore]) -> str:
    return orders_text(sum(one.orders for one in stores), sum(one.refunds for one in stores))


def _zone(one: Import, zones: Mapping[int, str]) -> ZoneInfo:
    return ZoneInfo(zones.get(one.id, "UTC"))


def _state(one: Import, zone: ZoneInfo) -> str:
    if one.state == "undone":
        return f"undone {_day(one.undone_at, zone)}"
    if one.state == "half undone":
        return f"half undone: `coffeert imports undo {one.id}` goes on"
    return one.state


def _day(moment: datetime | None, zone: ZoneInfo) -> str:
    return "-" if moment is None else f"{moment.astimezone(zone):%Y-%m-%d}"


def _moment(moment: datetime | None, zone: ZoneInfo) -> str:
    return "-" if moment is None else f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S}"


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in rows
    ]
