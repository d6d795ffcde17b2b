"""What a file is understood to mean, and what its owner says about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

from coffeert.importer.rows import RejectedRow, SaleLine, SkippedRow


@dataclass(frozen=True, slots=True, kw_only=True)
class MeaningOptions:
    """What the owner says, which wins over whatever is inferred.

    `columns` names the column of a field, `missing` says what a missing value of a field means. `skip` and
    `refund` are conditions such as `Status=Cancelled`. `preset` is the name of a known export or the path
    of a preset file. `currency` is the installation's, `None` if it has none yet.
    """

    preset: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)
    store: str | None = None
    zone: ZoneInfo | None = None
    date_format: str | None = None
    skip: tuple[str, ...] = ()
    refund: tuple[str, ...] = ()
    currency: str | None = None


class Answer(NamedTuple):
    """A possible answer to a question: the arguments that give it, and what it means."""

    arguments: tuple[str, ...]
    meaning: str


class Question(NamedTuple):
    """What the file alone cannot tell; nothing is stored before it is answered."""

    text: str
    answers: tuple[Answer, ...]


class Plan(Protocol):
    """How a table is read. With `questions` left, `lines` must not be used."""

    facts: tuple[str, ...]
    """What was understood, each a plain sentence."""
    questions: tuple[Question, ...]
    currency: str | None
    """That of the file's amounts, `None` if it does not say."""
    arguments: tuple[str, ...]
    """The options of the command that would repeat this plan without inferring anything."""
    stated_totals: Mapping[str, int]
    """Sums that the file itself states in totals rows, by column, in minor units."""

    def lines(self) -> Iterator[SaleLine | RejectedRow | SkippedRow]:
        """Read the table from the beginning."""
