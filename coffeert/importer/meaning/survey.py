"""One look over a whole table: what its columns for days, times, numbers and states say together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from coffeert.importer.meaning.business_days import NightSurvey
from coffeert.importer.meaning.clock_decision import HourSurvey
from coffeert.importer.meaning.key_decision import KeySurvey
from coffeert.importer.meaning.memory import is_long
from coffeert.importer.meaning.reversals import MoneyTexts, ReversalSurvey
from coffeert.importer.meaning.row_kinds import (
    has_total_label,
    is_doubtful,
    is_heading,
    is_other_heading,
    is_total_label,
)
from coffeert.importer.meaning.statuses import Kind, StateReader
from coffeert.importer.rows import Cell, TableRow
from coffeert.importer.spelling.cell_text import cell_text, is_missing
from coffeert.importer.spelling.clocks import read_clock, split_moment
from coffeert.importer.spelling.currency_signs import CurrencySurvey
from coffeert.importer.spelling.dates import DaySurvey, day_numbers, number_format
from coffeert.importer.spelling.numbers import MARKS, MarkSurvey, scaled_number, spelled_number

_DIFFERENT: Final = 50_000
"""How many different texts of a column are remembered, so that each is looked at about once."""
_CLOCKS: Final = 90_000
_SAMPLE: Final = 5_000
_TOTALS: Final = 1_000
_FEW: Final = 50
"""A column with more different texts than this does not tell what a row is."""
_MINUS: Final = ("-", "\N{MINUS SIGN}", "(")
_SHAPE: Final = str.maketrans("0123456789", "1111111111")


@dataclass(slots=True)
class NumberSurvey:
    """What the numbers of a column say, each different text about once."""

    marks: MarkSurvey = field(default_factory=MarkSurvey.empty)
    currencies: CurrencySurvey = field(default_factory=CurrencySurvey)
    all_one: bool = True
    whole: bool = True

    def add(self, text: str) -> None:
        """Note a number's text."""
        number = None if is_missing(text) else spelled_number(text)
        if number is None:
            return
        self.marks.add(number.digits, text)
        self.currencies.add(number.marks)
        self.whole = self.whole and number.digits.isdecimal()
        if self.all_one:
            read = [s for mark in MARKS if (s := scaled_number(number.digits, mark))]
            self.all_one = bool(read) and all(s.whole(0) == 1 for s in read)


@dataclass(slots=True)
class MomentSurvey:
    """What the days and the times of day of a table say."""

    days: DaySurvey = field(default_factory=DaySurvey)
    clock_shapes: dict[str, str] = field(default_factory=dict)
    odd: set[str] = field(default_factory=set)
    texts: set[str] = field(default_factory=set)
    hours: HourSurvey = field(default_factory=HourSurvey)
    nights: NightSurvey = field(default_factory=NightSurvey)
    fraction: bool = False

    def add_day(self, text: str, line: int) -> None:
        """Note a day's text; what is none is `odd`."""
        day = cell_text(text)
        if is_missing(day) or not (
            number_format(day) or day_numbers(day) or day_numbers(split_moment(day)[0])
        ):
            if len(self.odd) < _DIFFERENT:
                self.odd.add(text)
            return
        if number_format(day):
            self.fraction |= any(mark in day for mark in MARKS)
            if number_format(day) == "excel":
                self.hours.add_fraction(day, line)
        else:
            day = day if day_numbers(day) else split_moment(day)[0]
        self.days.add(day, line)

    @property
    def has_twelve(self) -> bool:
        """Whether some times say AM or PM."""
        clocks = [read_clock(text) for text in self.clock_shapes.values()]
        return any(clock is not None and clock.twelve for clock in clocks)

    @property
    def has_offsets(self) -> bool:
        """Whether all times have an offset."""
        clocks = [clock for text in self.clock_shapes.values() if (clock := read_clock(text))]
        return bool(clocks) and all(clock.offset is not None for clock in clocks)

    @property
    def has_clock(self) -> bool:
        """Whether there are times of day other than midnight."""
        return self.fraction or any(shape.strip("0:.Z ") for shape in self.clock_shapes)


@dataclass(slots=True)
class Survey:
    """What was seen of a whole table; the fields are those of `coffeert.importer.plan.FIELDS`."""

    moments: MomentSurvey = field(default_factory=MomentSurvey)
    numbers: dict[str, NumberSurvey] = field(default_factory=dict)
    values: dict[int, dict[str, int]] = field(default_factory=dict)
    few: dict[int, dict[str, int]] = field(default_factory=dict)
    doubtful: dict[str, int] = field(default_factory=dict)
    money: list[MoneyTexts] = field(default_factory=list)
    keys: dict[str, KeySurvey] = field(default_factory=dict)
    other_heading: TableRow | None = None
    totals: list[TableRow] = field(default_factory=list)
    totals_at_the_end: int = 0
    reversals: ReversalSurvey = field(default_factory=ReversalSurvey)


def survey(
    rows: Iterable[object],
    columns: tuple[str, ...],
    fields: Mapping[str, int],
    watched: Iterable[int],
    states: StateReader,
) -> Survey:
    """Look at every row; `watched` are the columns whose different values are counted.

    Those of the other columns are counted in `few`, if a column has only a few, and the rows of drinks with
    doubtful names in `doubtful`.
    """
    return _Surveyor(columns, fields, tuple(watched), states).look(rows)


class _Surveyor:
    def __init__(
        self,
        columns: tuple[str, ...],
        fields: Mapping[str, int],
        watched: tuple[int, ...],
        states: StateReader,
    ) -> None:
        self._columns = columns
        self._names = frozenset(columns)
        self._fields = fields
        self._states = states
        self._tells = bool(states.statuses)
        self._result = Survey()
        self._day = fields.get("placed_at", fields.get("date", -1))
        self._clock = fields.get("time", -1) if "placed_at" not in fields else -1
        self._drink = fields.get("drink", -1)
        self._store = fields.get("store", self._day)
        self._drinks: dict[Cell, bool] = {}
        self._doubtful: set[Cell] = set()
        self._clocks: set[str] = set()
        self._numbers: list[tuple[int, set[Cell], NumberSurvey]] = []
        for name in ("quantity", "price", "total", "amount", "discount"):
            if name in fields:
                found = self._result.numbers[name] = NumberSurvey()
                self._numbers.append((fields[name], set(), found))
        self._keys = [
            (fields[name], self._result.keys.setdefault(name, KeySurvey()))
            for name in ("receipt", "receipt_line", "order_id")
            if name in fields
        ]
        for index in watched:
            self._result.values[index] = {}
        for index in {*range(len(columns))} - {*watched, *fields.values()}:
            self._result.few[index] = {}

    def look(self, rows: Iterable[object]) -> Survey:
        result, moments = self._result, self._result.moments
        days = moments.texts
        for row in rows:
            if type(row) is not TableRow:
                continue
            line, cells = row
            if self._day < 0:
                if not self._names.isdisjoint(cells) and self._is_any_heading(row):
                    continue
                if self._clock >= 0:
                    self._note_clock(cell_text(cells[self._clock]), line)
            else:
                day = self._day_text(cells, line)
                if day not in days and not is_long(day):
                    self._add_day(day, line)
                if day in moments.odd and self._is_odd(row):
                    continue
            if self._drink >= 0 and self._is_total(cells[self._drink]):
                self._note_total(row)
                continue
            self._note(cells, line)
            if (
                result.doubtful
                and (drink := cells[self._drink]) in self._doubtful
                and self._states.read(cells).kind is not Kind.VOID
            ):
                result.doubtful[cell_text(drink)] += 1
        return result

    def _add_day(self, day: str, line: int) -> None:
        moments = self._result.moments
        if len(moments.texts) > _DIFFERENT:
            moments.texts.clear()
        moments.texts.add(day)
        moments.add_day(day, line)

    def _day_text(self, cells: tuple[Cell, ...], line: int) -> str:
        cell = cells[self._day]
        text = cell if type(cell) is str else cell_text(cell)
        if self._clock >= 0:
            clock = cells[self._clock]
            if type(clock) is Decimal and 0 < clock < 1:  # a number of a workbook is no text
                self._result.moments.hours.fractions = True
            clock_text = clock if type(clock) is str else cell_text(clock)
            self._note_clock(clock_text, line)
            self._result.moments.nights.add(cells[self._store], text, clock_text, line)
            return text
        day, _, clock_text = text.partition(" ")
        if day in self._result.moments.texts and clock_text in self._clocks:
            return day
        if len(text) > 11 and text[4] == "-" and text[10] in " T" and text[11].isdigit():
            day, clock_text = text[:10], text[11:]
        elif len(text) < 11:
            day, clock_text = text, ""
        else:
            day, clock_text = split_moment(text.strip())
        if clock_text:
            self._note_clock(clock_text, line)
        return day

    def _note_clock(self, text: str, line: int) -> None:
        if text in self._clocks:
            return
        if len(self._clocks) < _CLOCKS:
            self._clocks.add(text)
        # All digits become 1, so that there are few shapes; midnight is one of its own.
        shape = text.translate(_SHAPE) if text.strip("0:.Z ") else text
        shapes = self._result.moments.clock_shapes
        if shape not in shapes and len(shapes) < _DIFFERENT:
            shapes[shape] = text.strip()
        if shape != text:
            self._result.moments.hours.add(text, shape, line)

    def _note(self, cells: tuple[Cell, ...], line: int) -> None:
        result = self._result
        result.totals_at_the_end = 0
        for index, key in self._keys:
            key.add(cells[index], line)
        for index, seen, found in self._numbers:
            cell = cells[index]
            if cell not in seen and not is_long(cell):
                if len(seen) > _DIFFERENT:
                    seen.clear()
                seen.add(cell)
                found.add(cell_text(cell))
        for index, counts in result.values.items():
            cell = cells[index]
            text = cell if type(cell) is str else cell_text(cell)
            if text in counts or (len(counts) < _DIFFERENT and not is_long(text)):
                counts[text] = counts.get(text, 0) + 1
        if result.few:
            self._note_few(cells)
        state = self._states.read(cells)
        if len(result.money) < _SAMPLE:
            result.money.append(self._money(cells))
        if self._tells and (
            state.kind is not Kind.SALE or self._text(cells, "quantity").startswith(_MINUS)
        ):
            result.reversals.add(state, self._money(cells))

    def _note_few(self, cells: tuple[Cell, ...]) -> None:
        few = self._result.few
        many = []
        for index, counts in few.items():
            cell = cells[index]
            text = cell if type(cell) is str else cell_text(cell)
            if text in counts:
                counts[text] += 1
            elif len(counts) < _FEW and not is_long(text):
                counts[text] = 1
            else:
                many.append(index)
        for index in many:
            del few[index]

    def _money(self, cells: tuple[Cell, ...]) -> MoneyTexts:
        get = self._text
        price = get(cells, "price") or get(cells, "amount")
        return MoneyTexts(
            get(cells, "drink"),
            get(cells, "quantity"),
            price,
            get(cells, "total"),
            get(cells, "receipt"),
            get(cells, "placed_at") or f"{get(cells, 'date')} {get(cells, 'time')}",
        )

    def _text(self, cells: tuple[Cell, ...], name: str) -> str:
        index = self._fields.get(name)
        return "" if index is None else cell_text(cells[index])

    def _is_total(self, cell: Cell) -> bool:
        known = self._drinks.get(cell)
        if known is None:
            if len(self._drinks) > _DIFFERENT:
                self._drinks.clear()
            text = cell_text(cell)
            known = self._drinks[cell] = is_total_label(text)
            if not known and is_doubtful(text) and len(self._doubtful) < _FEW:
                self._doubtful.add(cell)
                self._result.doubtful.setdefault(text, 0)
        return known

    def _is_odd(self, row: TableRow) -> bool:
        """Return whether a row without a readable day is no sale at all."""
        if self._is_any_heading(row):
            return True
        if has_total_label(row.cells):
            self._note_total(row)
            return True
        return False

    def _is_any_heading(self, row: TableRow) -> bool:
        # In front of all rows, headings that share no name are the same ones in another language.
        shares = bool(self._result.money) or not self._names.isdisjoint(row.cells)
        if shares and is_other_heading(row.cells, self._columns):
            self._result.other_heading = self._result.other_heading or row
            return True
        return is_heading(row.cells, self._columns)

    def _note_total(self, row: TableRow) -> None:
        self._result.totals_at_the_end += 1
        if len(self._result.totals) < _TOTALS:
            self._result.totals.append(row)
