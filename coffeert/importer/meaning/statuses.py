"""What tells sales from refunds and from rows that are none: status columns, marks and conditions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, NamedTuple

from coffeert.errors import ConfigError
from coffeert.importer.meaning.columns import Sample
from coffeert.importer.meaning.memory import remember
from coffeert.importer.rows import Cell
from coffeert.importer.spelling.cell_text import cell_text, folded, heading_words, is_missing
from coffeert.importer.spelling.vocabulary import plain, words


class Kind(Enum):
    """What a row is."""

    SALE = "sale"
    REFUND = "refund"  # the row gives money back
    REFUNDED = "refunded"  # the row is a sale, and the money went back
    VOID = "void"
    GIVEN = "given away"  # a sale that must cost nothing
    UNKNOWN = "unknown"


RANK: Final = {
    Kind.SALE: 0,
    Kind.GIVEN: 1,
    Kind.REFUND: 2,
    Kind.REFUNDED: 3,
    Kind.UNKNOWN: 4,
    Kind.VOID: 5,
}
"""Of several columns, the kind with the highest rank is the row's."""


class Condition(NamedTuple):
    """`Column=Value`, which makes a row be of a kind."""

    column: int
    value: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class StatusColumn:
    """A column that tells what a row is; `flag` is what a yes means if it is a mark of its own."""

    index: int
    heading: str
    flag: Kind | None = None
    when_filled: bool = False

    def kind(self, text: str) -> Kind:
        """Return what a value means."""
        word = plain(text)
        if self.when_filled:
            return Kind.SALE if is_missing(text) else Kind.VOID
        if self.flag is not None and (word in words("statuses", "no") or is_missing(text)):
            return Kind.SALE
        if self.flag is not None and word in words("statuses", "yes"):
            return self.flag
        if is_missing(text):
            return Kind.SALE
        return kind_of_word(word)


class RowState(NamedTuple):
    """What the states of a row make of it, and the column and text that do.

    `ruled`: its owner has said so. `refund`: one of the columns says that it gives money back.
    """

    kind: Kind
    column: int = -1
    text: str = ""
    reason: str = ""
    ruled: bool = False
    refund: bool = False


@dataclass(slots=True)
class StateReader:
    """Reads what rows are; `meanings` are those of a known export's words, by column."""

    columns: Sequence[str]
    statuses: Sequence[StatusColumn]
    conditions: Sequence[Condition]
    meanings: Mapping[tuple[int, str], Kind]
    _used: tuple[int, ...] = field(init=False)
    _known: dict[tuple[Cell, ...], RowState] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Choose the cells that a state depends on."""
        used = {status.index for status in self.statuses} | {c.column for c in self.conditions}
        self._used = tuple(sorted(used))

    def read(self, cells: Sequence[Cell]) -> RowState:
        """Return what a row is."""
        if not self._used:
            return _SALE
        key = tuple(cells[index] for index in self._used)
        found = self._known.get(key)
        if found is None:
            found = self._state(cells)
            remember(self._known, key, found)
        return found

    def _state(self, cells: Sequence[Cell]) -> RowState:
        for column, value, kind in self.conditions:
            text = cell_text(cells[column])
            if folded(text) == value:
                return RowState(kind, column, text, self._reason(column, text), ruled=True)
        found, refund = _SALE, False
        for status in self.statuses:
            text = cell_text(cells[status.index])
            kind = self.meaning(status, text)
            refund |= kind is Kind.REFUND
            if RANK[kind] > RANK[found.kind]:
                found = RowState(kind, status.index, text, self._reason(status.index, text))
        return found._replace(refund=refund)

    def meaning(self, status: StatusColumn, text: str) -> Kind:
        """Return what a value of a column means."""
        return self.meanings.get((status.index, plain(text)), status.kind(text))

    def _reason(self, column: int, text: str) -> str:
        return f"`{self.columns[column]}` is {text[:40]!r}"


_SALE: Final = RowState(Kind.SALE)


def kind_of_word(word: str) -> Kind:
    """Return what a word of a status column means, `UNKNOWN` if that is not known."""
    for kind in (Kind.SALE, Kind.REFUND, Kind.REFUNDED, Kind.VOID):
        if word in words("statuses", kind.value):
            return kind
    return Kind.UNKNOWN


def find_statuses(sample: Sample, taken: Iterable[int]) -> list[StatusColumn]:
    """Return the columns of an unknown table that tell what a row is.

    A column such as `Type` is one only if the sample has a word of `data/statuses.toml` in it, one that is
    called `Status` if it says anything.
    """
    found = []
    used = set(taken)
    for index, heading in enumerate(sample.columns):
        if index in used or not sample.filled(index):
            continue
        name = heading_words(heading)
        flag = next(
            (kind for key, kind in _FLAGS if name in words("headings", "status", key)), None
        )
        if flag is not None:
            found.append(StatusColumn(index, heading, flag))
        elif name in words("headings", "status", "when_filled"):
            found.append(StatusColumn(index, heading, when_filled=True))
        elif name in words("headings", "status", "values") and (
            name.split()[-1] in _ALWAYS or _has_known_word(sample.texts[index])
        ):
            found.append(StatusColumn(index, heading))
    return found


def conditions(
    columns: Sequence[str], *, skip: Iterable[str], refund: Iterable[str], sale: Iterable[str]
) -> list[Condition]:
    """Read conditions such as `Status=Cancelled`; raises `ConfigError` for a column that is not there."""
    return [
        Condition(*_condition(columns, text, option), kind)
        for texts, option, kind in (
            (skip, "skip", Kind.VOID),
            (refund, "refund", Kind.REFUND),
            (sale, "sale", Kind.SALE),
        )
        for text in texts
    ]


def _condition(columns: Sequence[str], text: str, option: str) -> tuple[int, str]:
    by_length = sorted(range(len(columns)), key=lambda index: -len(columns[index]))
    for index in by_length:
        name = text[: len(columns[index])]
        rest = text[len(name) :].lstrip()
        if columns[index] and folded(name) == folded(columns[index]) and rest.startswith("="):
            return index, folded(rest[1:])
    there = ", ".join(columns)
    raise ConfigError(f"--{option} {text!r} is not COLUMN=VALUE with one of the columns {there}.")


def _has_known_word(texts: Iterable[str]) -> bool:
    return any(kind_of_word(plain(text)) is not Kind.UNKNOWN for text in set(texts))


_ALWAYS = frozenset({"status", "statut", "ステータス", "статус"})
_FLAGS = (
    ("void", Kind.VOID),
    ("refunded", Kind.REFUNDED),
    ("refund", Kind.REFUND),
    ("given", Kind.GIVEN),
)
