"""Rows of a text with separators, by the csv module, and what to do if its quotation marks do not match."""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, count, islice, repeat
from typing import BinaryIO, NamedTuple, Protocol

from coffeert.importer.rows import RejectedRow
from coffeert.importer.table.encoding import TextForm
from coffeert.importer.table.grid import Block, Cells

_BLOCK_ROWS = 2_048
_QUOTE = '"'
_SEPARATORS = ("\t", ";", "|", "^", "~", ",", "#")
"""The rarer in prose the earlier: if two fit equally well, the commas are those of prose or decimals."""
_NO_DELIMITER = "\x1f"
"""For a text of one column, whose cells may hold anything else."""


class _Reader(Protocol):
    line_num: int

    def __iter__(self) -> Iterator[list[str]]: ...

    def __next__(self) -> list[str]: ...


class Dialect(NamedTuple):
    """How cells are separated. `first_line` is 2 after a line `sep=`."""

    delimiter: str
    first_line: int = 1
    escape: str | None = None
    blank_before_quote: bool = False

    def reader(self, lines: Iterator[str], *, strict: bool = True) -> _Reader:
        """The csv module's reader of these lines."""
        return csv.reader(
            lines,
            delimiter=self.delimiter,
            quotechar=_QUOTE,
            doublequote=self.escape is None,
            escapechar=self.escape,
            skipinitialspace=self.blank_before_quote,
            strict=strict,
        )


class _RememberedLines:
    """An iterator over lines at the speed of C, which can give again those of the record being read."""

    def __init__(self, lines: Iterator[str], first_line: int) -> None:
        self._lines = lines
        self._blocks: deque[tuple[int, list[str]]] = deque()
        self._next = first_line
        self.needed_from = first_line
        """No line before this one will be asked for again."""
        self.iterator = chain.from_iterable(self._read())

    def _read(self) -> Iterator[list[str]]:
        while block := list(islice(self._lines, 1_024)):
            while self._blocks and self._blocks[0][0] + len(self._blocks[0][1]) <= self.needed_from:
                self._blocks.popleft()
            self._blocks.append((self._next, block))
            self._next += len(block)
            yield block

    def again(self, first: int, last: int) -> list[str]:
        """The lines from `first` to `last`."""
        return [
            line
            for start, block in self._blocks
            for line in block[max(0, first - start) : max(0, last + 1 - start)]
        ]


@dataclass(frozen=True, slots=True)
class DelimitedGrid:
    """A text whose cells are separated by one character.

    A record whose quotation marks do not match is rejected with all lines that it takes in, each on its
    own; reading goes on behind it.
    """

    open: Callable[[], BinaryIO]
    form: TextForm
    dialect: Dialect
    empty: str = ""
    place: str = "line"

    def blocks(self) -> Iterator[Block]:
        """Read from the beginning."""
        with self.form.lines(self.open) as text:
            for _ in range(1, self.dialect.first_line):
                next(text, None)
            yield from self._blocks(_RememberedLines(text, self.dialect.first_line))

    def _blocks(self, lines: _RememberedLines) -> Iterator[Block]:
        reader = self.dialect.reader(lines.iterator)
        line = lines.needed_from
        offset = line - 1  # what the reader's own count lacks
        while True:
            rows: list[list[str]] = []
            error: csv.Error | None = None
            try:
                # What extend() has taken stays if the next row is broken.
                rows.extend(islice(reader, _BLOCK_ROWS))
            except csv.Error as failure:
                error = failure
            if not rows and error is None:
                return
            read = reader.line_num + offset
            starts: Sequence[int] = range(line, line + len(rows))
            if error is not None or read + 1 - line != len(rows):
                starts, line = _starts(rows, line)
            else:
                line += len(rows)
            yield from self._checked(Block(starts, _cells(rows)))
            if error is not None:
                line += yield from self._broken(lines, line, read, error)
                offset += line - 1 - read
            lines.needed_from = line

    def _checked(self, block: Block) -> Iterator[Block]:
        """Split off the rows whose text is damaged."""
        if not self.form.damaged:
            yield block
            return
        for line, row in zip(block.lines, block.rows, strict=True):
            if any("\ufffd" in cell for cell in row if isinstance(cell, str)):
                reason = "has bytes that are not UTF-8, which the rest of the file is"
                yield Block((), [], (RejectedRow(line, tuple(row), (reason,)),))
            else:
                yield Block((line,), [row])

    def _broken(
        self, lines: _RememberedLines, first: int, last: int, error: csv.Error
    ) -> Generator[Block, None, int]:
        """Reject the lines of a record whose quotation marks do not match; returns their number."""
        taken = lines.again(first, last)
        endless = "field larger" in str(error)
        closed = not endless and "unexpected end" not in str(error)
        if first == last and closed:
            reason = 'a quotation mark (") stands within a cell; it must be doubled ("")'
            yield Block((), [], (self._rejected(first, taken[0], reason),))
            return 1
        how = f"is closed in line {last}, in the middle of a cell" if closed else "is never closed"
        if endless:
            how = "is not closed within 131,072 characters"
        reason = f'the quotation mark (") of line {first} {how}, and takes in the lines below'
        inside = f'taken in by the quotation mark (") of line {first}, which {how}'
        rest = chain(taken, _through_quote(lines.iterator) if endless else ())
        line = first
        while part := list(islice(rest, _BLOCK_ROWS)):
            reasons = [reason if line == first else inside, *repeat(inside, len(part) - 1)]
            yield Block((), [], tuple(map(self._rejected, count(line), part, reasons)))
            line += len(part)
        return line - first

    def _rejected(self, line: int, text: str, reason: str) -> RejectedRow:
        try:
            cells = next(self.dialect.reader(iter([text.rstrip("\r\n")]), strict=False), [])
        except csv.Error:
            cells = [text[:1_000]]
        return RejectedRow(line, tuple(cells), (reason,))


def _cells(rows: list[list[str]]) -> list[Cells]:
    return rows  # type: ignore[return-value] # lists of text are lists of cells that nobody changes


def _through_quote(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        yield line
        if _QUOTE in line:
            return


def _starts(rows: list[list[str]], line: int) -> tuple[list[int], int]:
    """The lines in which rows begin, if cells have line ends within, and the line after the last row."""
    starts: list[int] = []
    for row in rows:
        starts.append(line)
        text = "".join(row) if len(row) == 1 else "\x1f".join(row)
        line += 1 + text.count("\n")
        if "\r" in text:
            line += text.count("\r") - text.count("\r\n")
    return starts, line


def find_dialect(lines: list[str]) -> Dialect:
    """The separator by which most of the first lines of a text have equally many cells.

    A line `sep=;` at the top says it; a quotation mark is escaped by doubling it, or else by a backslash.
    """
    first_line, candidates = 1, list(_SEPARATORS)
    if lines and (stated := re.fullmatch(r'\ufeff?"?sep=(.)"?[\s,;]*', lines[0], re.IGNORECASE)):
        first_line, lines, candidates = 2, lines[1:], [stated[1], *candidates]
    trials = [_trial(lines, Dialect(delimiter, first_line)) for delimiter in candidates]
    if first_line == 2 and trials[0][0] > 0:
        return trials[0][1]
    score, dialect = max(trials, key=lambda trial: trial[0])
    return dialect if score else dialect._replace(delimiter=_NO_DELIMITER)


def _trial(lines: list[str], dialect: Dialect) -> tuple[float, Dialect]:
    """How well a separator fits: the share of rows of the usual width, then that width."""
    if re.search(rf'{re.escape(dialect.delimiter)} +"', "".join(lines)):
        dialect = dialect._replace(blank_before_quote=True)
    variants = [dialect]
    if any('\\"' in line for line in lines):
        variants.append(dialect._replace(escape="\\"))
    best: tuple[int, Dialect, list[int]] | None = None
    for variant in variants:
        widths, errors = _widths(lines, variant)
        if best is None or errors < best[0]:
            best = errors, variant, widths
    assert best is not None
    _, dialect, widths = best
    wide = [width for width in widths if width > 1]
    if not wide:
        return 0.0, dialect
    usual = max(set(wide), key=lambda width: (wide.count(width), width))
    table = widths[widths.index(usual) :]  # without the titles
    share = table.count(usual) / len(table)
    if widths[0] != usual and (table.count(usual) == 1 or (share < 0.5 and widths[0] == 1)):
        return 0.0, dialect
    return round(wide.count(usual) / len(widths), 1) + usual / 10_000, dialect


def _widths(lines: list[str], dialect: Dialect) -> tuple[list[int], int]:
    reader = dialect.reader(iter(lines))
    widths: list[int] = []
    errors = 0
    while True:
        try:
            widths.extend(len(row) for row in reader if row)
        except csv.Error as error:
            if "unexpected end" in str(error):  # the lines are the beginning of a text
                return widths, errors
            errors += 1
        else:
            return widths, errors
