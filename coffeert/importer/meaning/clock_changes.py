"""The hour that occurs twice as clocks are put back: which of the two a row means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta, tzinfo
from itertools import pairwise
from typing import Final

from coffeert.importer.meaning.moments import MomentReader
from coffeert.importer.meaning.notes import Notes
from coffeert.importer.rows import TableRow
from coffeert.importer.spelling.cell_text import cell_text

_ROWS: Final = 200_000


def later_lines(
    rows: Iterable[object], fields: Mapping[str, int], moments: MomentReader, notes: Notes
) -> frozenset[int]:
    """Return the lines whose time is the second of two equal ones, as far as the order of rows shows it.

    Of a store's rows of that day, times that go on, then back within the doubled hour, and on again show
    it; the same in a file whose latest rows come first. If they do not, all are taken for the first.
    """
    later: set[int] = set()
    unclear = skipped = 0
    for (_, zone, _), times in _days(rows, fields, moments).items():
        doubled = {
            line for line, local in times if _offsets(local, zone)[0] > _offsets(local, zone)[1]
        }
        skipped += sum(_offsets(local, zone)[0] < _offsets(local, zone)[1] for _, local in times)
        found = _second(times, doubled)
        later |= found
        unclear += 0 if found else len(doubled)
    _say(notes, len(later), unclear, skipped)
    return frozenset(later)


def _days(
    rows: Iterable[object], fields: Mapping[str, int], moments: MomentReader
) -> dict[tuple[str, tzinfo, date], list[tuple[int, datetime]]]:
    """Return line and local time of rows on days on which clocks change, by store, zone and day."""
    days: dict[tuple[str, tzinfo, date], list[tuple[int, datetime]]] = {}
    changing: dict[tuple[str, str], tzinfo | None] = {}
    steady: set[tuple[str, str]] = set()
    at = fields.get
    day_column = at("placed_at", at("date", -1))
    clock_column = -1 if "placed_at" in fields else at("time", -1)
    zone_column = at("zone", -1)
    kept = 0
    for row in rows:
        if type(row) is not TableRow or kept > _ROWS:
            continue
        text, zone = _text(row, day_column), _text(row, zone_column)
        first = text.partition(" ")[0]
        if (first, zone) in steady:
            continue
        day, clock = moments.parts(text) if clock_column < 0 else (text, _text(row, clock_column))
        if (day, zone) not in changing:
            changing[day, zone] = _changing_zone(day, zone, moments)
        rule = changing[day, zone]
        if rule is None:
            if first == day:
                steady.add((day, zone))
        elif (local := moments.local(day, clock)) is not None:
            key = (_text(row, at("store", -1)), rule, local.date())
            days.setdefault(key, []).append((row.line, local))
            kept += 1
    return days


def _changing_zone(day: str, zone: str, moments: MomentReader) -> tzinfo | None:
    """Return the zone if its clocks change on a day."""
    known, rule = moments.day(day), moments.zone_of(zone)
    if known is None or rule is None or not moments.changes_on(known, rule):
        return None
    return rule


def _text(row: TableRow, column: int) -> str:
    if column < 0:
        return ""
    cell = row.cells[column]
    return cell if type(cell) is str else cell_text(cell)


def _second(times: list[tuple[int, datetime]], doubled: set[int]) -> set[int]:
    """Return the lines after the one step back in time, or before it if the latest rows come first."""
    steps = [b[1] - a[1] for a, b in pairwise(times)]
    back = [n for n, step in enumerate(steps) if step < timedelta()]
    on = [n for n, step in enumerate(steps) if step > timedelta()]
    for turns, others, first_rows_first in ((back, on, True), (on, back, False)):
        if len(turns) != 1 or len(others) < 2:
            continue
        turn = turns[0]
        if times[turn][0] in doubled and times[turn + 1][0] in doubled:
            after = times[turn + 1 :] if first_rows_first else times[: turn + 1]
            return {line for line, _ in after} & doubled
    return set()


def _offsets(local: datetime, zone: tzinfo) -> tuple[timedelta, timedelta]:
    """Return the offsets of a local time read as the first and as the second of its kind (PEP 495)."""
    first, second = (local.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1))
    return first or timedelta(), second or timedelta()


def _say(notes: Notes, later: int, unclear: int, skipped: int) -> None:
    if later:
        notes.say(
            "In the hour that occurs twice as clocks are put back, the order of the rows shows which is "
            f"the second; rows in it: {later}."
        )
    if unclear:
        notes.say(
            "Nothing tells which is meant of the hour that occurs twice as clocks are put back; the first "
            f"is taken; rows in it: {unclear}."
        )
    if skipped:
        notes.say(
            "Times in an hour that clocks skip are read as of clocks not yet put forward; rows with such "
            f"times: {skipped}."
        )
