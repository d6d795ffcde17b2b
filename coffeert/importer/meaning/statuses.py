"""What tells sales from refunds and from rows that are none: status columns, marks and conditions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple

from coffeert.errors import ConfigError
from coffeert.importer.meaning.columns import Sample
from coffeert.importer.spelling.cell_text import folded, heading_words, is_missing
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

    def reason(self, text: str) -> str:
        """Say why a row with this value is left out."""
        return f"`{self.heading}` is {text[:40]!r}"


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
