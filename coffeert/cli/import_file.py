"""One file of `coffeert import`: look, ask, store."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click
import msgspec

from coffeert.cli.import_database import ImportDatabase
from coffeert.cli.import_progress import at_work, progress_bar
from coffeert.cli.import_questions import ask, ask_which, meaning_options, unanswered
from coffeert.cli.import_zones import Calendars, calendar_of_new_stores, days_begin, known_zones
from coffeert.cli.signals import signals_noted
from coffeert.cli.wrapped_lines import echo_lines
from coffeert.domain.menu import Menu
from coffeert.errors import ImportRefused
from coffeert.importer.load.identity import Identity
from coffeert.importer.load.loading import Progress, extend_menu, load
from coffeert.importer.load.look import Look, Sums, sets_currency
from coffeert.importer.load.preview import (
    Preview,
    orders_text,
    preview_lines,
    question_sentence,
    understood_lines,
)
from coffeert.importer.load.rejects import OwnColumns, write_rejects
from coffeert.importer.load.report import ImportReport, report_of, report_questions
from coffeert.importer.meaning.understanding import understand
from coffeert.importer.plan import Plan
from coffeert.importer.table.opening import open_table
from coffeert.interrupts import INTERRUPTED
from coffeert.postgres.calendars import StoreCalendar, load_store_calendars
from coffeert.postgres.imports import NewImport, database_time, finish_import, has_orders
from coffeert.postgres.installation import set_currency
from coffeert.postgres.menu import load_menu


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """The options of the command line."""

    files: tuple[str, ...]
    preset: str | None
    columns: tuple[str, ...]
    missing: tuple[str, ...]
    store: str | None
    timezone: str | None
    date_format: str | None
    clock: str | None
    dates_begin: str | None
    decimal_mark: str | None
    amounts: str | None
    currency: str | None
    skip: tuple[str, ...]
    refund: tuple[str, ...]
    sale: tuple[str, ...]
    refund_drink: str | None
    encoding: str | None
    sheet: str | None
    source: str | None
    same: bool
    yes: bool
    dry_run: bool
    rejects: str | None
    as_json: bool

    def with_answer(self, given: dict[str, Any]) -> ImportOptions:
        """Return these options and those of an answer."""
        changes: dict[str, Any] = {}
        for name in (field.name for field in fields(self)):
            value = given.get(name)
            if name == "files" or value in (None, (), False):
                continue
            changes[name] = _joined(name, getattr(self, name), value)
        return replace(self, **changes)


def _joined(name: str, before: Any, answer: Any) -> Any:
    """Return an option's value and that of an answer, which wins if both speak of one field."""
    if not isinstance(answer, tuple):
        return answer
    if name in ("columns", "missing"):
        answered = {one.partition("=")[0] for one in answer}
        before = [one for one in before if one.partition("=")[0] not in answered]
    return (*before, *answer)


class FileImport:
    """Imports one file; `parse` reads the options of an answer."""

    def __init__(
        self,
        database: ImportDatabase,
        options: ImportOptions,
        file: str,
        *,
        parse: Callable[[tuple[str, ...]], dict[str, Any]],
    ) -> None:
        self._database = database
        self._run = database.run
        self._connection = database.connection
        self._options = options
        self._file = file
        self._parse = parse
        self._said: set[str] = set()
        self._attended = (
            not options.as_json and file != "-" and sys.stdin.isatty() and sys.stdout.isatty()
        )

    def run(self) -> int:
        """Look at the file, and store it if that is wanted; return the exit code.

        Raises `ImportRefused` if nothing is stored before its owner has said more.
        """
        path = None if self._file == "-" else Path(self._file)
        options = self._options
        with ExitStack() as stack:
            with at_work("Opening the file"):
                opened = stack.enter_context(
                    open_table(path, encoding=options.encoding, sheet=options.sheet)
                )
            table = OwnColumns(opened)
            menu = self._run(load_menu(self._connection))
            calendars = self._run(load_store_calendars(self._connection))
            plan = self._understand(opened.name, table, menu, calendars)
            look = self._look(menu, plan, calendars[None])
            with progress_bar("read", None) as report:
                self._run(look.read(plan.lines(), report))
            digest = bytes.fromhex(opened.digest)
            identity = self._identify(look, digest)
            sums = self._run(look.sums())
            arguments = (*opened.arguments, *plan.arguments)
            preview = Preview(
                file=opened.name,
                facts=[*table.facts, *plan.facts],
                said=self._said,
                identity=identity,
                sums=sums,
                additions=look.additions,
                currency=look.currency,
                sets_currency=look.sets_currency,
                stated_totals=dict(plan.stated_totals),
                rate=look.rate,
                command=self._command(arguments, identity),
                rejects=self._write_rejects(look, table, sums),
                zone=plan.zone or _shared_zone(sums, calendars),
                days_begin=days_begin(
                    [one.store for one in sums.stores], menu, look.additions, calendars, plan.zone
                ),
            )
        self._say(preview_lines(preview))
        if not self._wanted(preview):
            return self._nothing_stored(preview)
        new = NewImport(
            file=opened.name,
            digest=digest,
            source=identity.source,
            same=identity.same,
            own_ids=look.staged.own_ids,
            arguments=list(arguments),
            rejected=sums.rejected,
            skipped=sums.skipped,
        )
        return self._load(look, preview, new)

    def _understand(self, name: str, table: OwnColumns, menu: Menu, calendars: Calendars) -> Plan:
        while True:
            options = replace(
                meaning_options(self._options, menu.currency),
                known_stores=tuple((one.code, one.name) for one in menu.stores if one.active),
                known_zones=known_zones(menu, calendars),
            )
            with at_work("Looking through the file"):
                plan = understand(table, options)
            # Before anything is asked: answers would be in vain.
            currency = self._options.currency or plan.currency
            sets_currency(menu, currency, has_orders=self._run(has_orders(self._connection)))
            if not plan.questions:
                return plan
            facts = (*table.facts, *plan.facts)
            if not self._said:
                self._say(understood_lines(name, facts))
            self._said.update(facts)
            if not self._attended:
                self._print_json(report_questions(name, facts, plan.questions))
                raise ImportRefused(unanswered(plan.questions))
            self._answer(ask(plan.questions))

    def _look(self, menu: Menu, plan: Plan, default: StoreCalendar) -> Look:
        connection = self._connection
        return Look(
            connection,
            menu,
            self._run(database_time(connection)),
            currency=self._options.currency or plan.currency,
            has_orders=self._run(has_orders(connection)),
            zone=plan.zone or ZoneInfo("UTC"),
            new_calendar=self._run(calendar_of_new_stores(connection, plan.zone, default)),
        )

    def _answer(self, arguments: tuple[str, ...]) -> None:
        self._options = self._options.with_answer(self._parse(arguments))

    def _identify(self, look: Look, digest: bytes) -> Identity:
        while True:
            identity = self._run(
                look.identify(digest, source=self._options.source or "", same=self._options.same)
            )
            if not identity.undecided or not self._attended:
                return identity
            self._answer(ask_which(question_sentence(identity)))

    def _write_rejects(self, look: Look, table: OwnColumns, sums: Sums) -> Path | None:
        if not sums.rejected:
            return None
        name = "stdin" if self._file == "-" else self._file
        chosen = self._options.rejects
        path = Path(chosen or f"{name}.rejects.csv")
        lines = look.staging.rejected_lines()
        return self._run(write_rejects(table, lines, path, chosen=chosen is not None))

    def _command(self, arguments: tuple[str, ...], identity: Identity) -> str:
        source = ("--source", identity.source) if identity.source else ()
        same = ("--same",) if identity.same else ()
        # A name that begins with a dash would be an option.
        option = self._file.startswith("-") and self._file != "-"
        file = f"./{self._file}" if option else self._file
        return shlex.join(["coffeert", "import", file, *arguments, *source, *same])

    def _wanted(self, preview: Preview) -> bool:
        """Return whether to store; raises `ImportRefused` if nobody can be asked."""
        identity, new = preview.identity, preview.identity.new
        if identity.undecided:
            self._report(preview)
            raise ImportRefused(f"Nothing was stored: {question_sentence(identity)}")
        if self._options.dry_run or not new:
            return False
        if self._options.yes:
            return True
        if not self._attended:
            self._report(preview)
            raise ImportRefused(
                f"Nothing was stored; --yes stores these {_in_words(preview)} without asking."
            )
        return click.confirm(f"\nStore {_in_words(preview)}?")

    def _nothing_stored(self, preview: Preview) -> int:
        identity, dry = preview.identity, self._options.dry_run
        self._report(preview)
        if identity.new:
            self._say(["Nothing was stored."])
            return 0 if dry else 1
        if not dry and identity.earlier is not None and identity.earlier.state == "incomplete":
            self._run(finish_import(self._connection, identity.earlier.id))
        if identity.rows:
            self._say(["There is nothing to store that is not stored already."])
            return 1 if preview.sums.rejected else 0
        self._say(["Nothing was stored: no row of the file is a sale that can be stored."])
        return 1

    def _load(self, look: Look, preview: Preview, new: NewImport) -> int:
        started = time.perf_counter()
        if look.sets_currency and look.currency is not None:
            self._run(set_currency(self._connection, look.currency))
        self._run(extend_menu(self._connection, look.additions))
        with progress_bar("stored", preview.identity.rows) as report:
            done = self._run(self._store(new, preview.identity, report))
        uncounted = self._database.count(done.xid)
        seconds = time.perf_counter() - started
        self._report(preview, done, counted=uncounted is None, seconds=seconds)
        if not done.complete:
            self._say(
                [
                    f"Interrupted: {orders_text(done.orders)} {'is' if done.orders == 1 else 'are'} stored "
                    f"as import {done.number}; the same command goes on from there."
                ]
            )
            return INTERRUPTED
        expected = done.orders == preview.identity.new
        stored = _in_words(preview) if expected else orders_text(done.orders)
        counted = "and counted" if uncounted is None else f"but not counted: {uncounted}"
        self._say(
            [
                f"Stored {stored} as import {done.number} in {seconds:.1f} s, {counted}.",
                f"To take the import back: coffeert imports undo {done.number}",
                *_last_day(preview),
            ]
        )
        return 1 if preview.sums.rejected else 0

    async def _store(
        self, new: NewImport, identity: Identity, report: Callable[[int], None]
    ) -> Progress:
        with signals_noted() as stopped:
            return await load(
                self._connection,
                new,
                identity.earlier,
                identity.rows,
                report=report,
                stopped=stopped,
            )

    def _report(
        self,
        preview: Preview,
        done: Progress | None = None,
        *,
        counted: bool = False,
        seconds: float = 0.0,
    ) -> None:
        self._print_json(report_of(preview, done, counted=counted, seconds=seconds))

    def _print_json(self, report: ImportReport) -> None:
        if self._options.as_json:
            click.echo(msgspec.json.encode(report))

    def _say(self, lines: Sequence[str]) -> None:
        if not self._options.as_json:
            echo_lines(lines)


def _last_day(preview: Preview) -> list[str]:
    """Say how to see sales of the past, since a dashboard shows those of today first."""
    days = preview.sums.days
    if not days:
        return []
    return [f"To see their last day while a server runs: coffeert status --at {days[-1].date}"]


def _in_words(preview: Preview) -> str:
    days = preview.sums.days
    return orders_text(sum(day.orders for day in days), sum(day.refunds for day in days))


def _shared_zone(sums: Sums, calendars: Calendars) -> ZoneInfo:
    """Return the zone in which the days of all these stores begin, or else UTC."""
    zones = {calendars.get(one.store, calendars[None]).zone for one in sums.stores}
    return ZoneInfo(zones.pop() if len(zones) == 1 else "UTC")
