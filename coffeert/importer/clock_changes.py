"""The hour that occurs twice as clocks are put back: which of the two a row means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta, tzinfo
from itertools import pairwise
from typing import Final

from coffeert.importer.cell_text import cell_text
from coffeert.importer.moments import MomentReader, has_change
from coffeert.importer.notes import Notes
from coffeert.importer.rows import TableRow

_ROWS: Final = 100_000
_DAY = timedelta(days=1)


def later_lines(
    rows: Iterable[object],
    fields: Mapping[str, int],
    moments: MomentReader,
    zone: tzinfo,
    notes: Notes,
) -> frozenset[int]:
    """Return the lines whose time is the second of two equal ones, as far as the order of rows shows it.

    Of a store's rows of that day, times that go on, then back within the doubled hour, and on again show
    it; the same in a file whose latest rows come first. If they do not, all are taken for the first.
    """
    days: dict[tuple[str, date], list[tuple[int, datetime]]] = {}
    changing: dict[str, bool] = {}
    kept = 0
    day_column = fields.get("placed_at", fields.get("date", -1))
    clock_column = fields.get("time") if "placed_at" not in fields else None
    for row in rows:
        if type(row) is not TableRow or kept > _ROWS:
            continue
        day_text = cell_text(row.cells[day_column]) if day_column >= 0 else ""
        if clock_column is None:
            day_text, clock = moments.parts(day_text)
        else:
            clock = cell_text(row.cells[clock_column])
        if day_text not in changing:
            day = moments.day(day_text)
            changing[day_text] = day is not None and has_change(day, zone)
        if changing[day_text] and (local := moments.local(day_text, clock)) is not None:
            store = cell_text(row.cells[fields["store"]]) if "store" in fields else ""
            days.setdefault((store, local.date()), []).append((row.line, local))
            kept += 1
    later: set[int] = set()
    unclear = skipped = 0
    for times in days.values():
        doubled = [(line, local) for line, local in times if _is_doubled(local, zone)]
        skipped += sum(_is_skipped(local, zone) for _, local in times)
        found = _second(times, {line for line, _ in doubled})
        later |= found
        unclear += 0 if found else len(doubled)
    _say(notes, len(later), unclear, skipped)
    return frozenset(later)


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


def _is_doubled(local: datetime, zone: tzinfo) -> bool:
    first, second = (local.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1))
    assert first is not None
    assert second is not None
    return first > second


def _is_skipped(local: datetime, zone: tzinfo) -> bool:
    first, second = (local.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1))
    assert first is not None
    assert second is not None
    return first < second


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
