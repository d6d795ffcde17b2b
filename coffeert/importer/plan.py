"""What a file is understood to mean, and what its owner says about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol
from zoneinfo import ZoneInfo

from coffeert.importer.rows import RejectedRow, SaleLine, SkippedRow

FIELDS: Final = {
    "placed_at": "date and time of the sale in one column",
    "date": "day of the sale, if the time has its own column",
    "time": "time of day",
    "zone": "name of the time zone, or offset",
    "store": "name or code of the store",
    "drink": "name or code of what was sold",
    "variant": "size or kind, appended to the drink's name",
    "quantity": "pieces, negative for a refund",
    "price": "price of one piece",
    "total": "what the line costs",
    "discount": "what was taken off the line, if there is no total; of a heading with % a percentage",
    "currency": "code of the currency",
    "status": "what tells sales from voids and refunds",
    "receipt": "number of the receipt",
    "receipt_line": "what tells the lines of a receipt apart",
    "order_id": "the row's own unique key",
}
"""What a column can hold, and what that is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeaningOptions:
    """What the owner says, which wins over whatever is inferred.

    `columns` names the column of a field, empty for none. `missing` says what a missing value of a field
    means: a number, a name, a day such as 2026-09-14, a time of day, or for the price `menu`. `skip`,
    `refund` and `sale` are conditions such as `Status=Cancelled`. `refund_drink` is what refunds are of
    that name no drink. `preset` is the name of a known export, the path of a preset file, or `none`.
    `date_format` is an order such as `dmy`, a pattern such as `DD/MM/YYYY`, or `excel`, `excel1904`,
    `unix` or `unixms`. `clock` is `24`, or of a clock of 12 hours without AM and PM the time at which
    the shop opens, or `excel` for parts of a day. `dates_begin` is when business days begin: times
    before it are of the day after their date. `decimal_mark` is `.` or `,`, for columns that do not
    show theirs. `amounts` is `minor` for whole cents, or `major`. `currency` is the installation's, or
    if it has none yet the one that the owner names; `names_currency`: the owner says that this file is
    in it. `known_stores` (code and name) and `known_zones` (IANA name, and whose it is) are offered as
    answers, and never taken without being asked for.
    """

    preset: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)
    store: str | None = None
    zone: ZoneInfo | None = None
    date_format: str | None = None
    clock: str | None = None
    dates_begin: str | None = None
    decimal_mark: str | None = None
    amounts: str | None = None
    skip: tuple[str, ...] = ()
    refund: tuple[str, ...] = ()
    sale: tuple[str, ...] = ()
    refund_drink: str | None = None
    currency: str | None = None
    names_currency: bool = False
    known_stores: tuple[tuple[str, str], ...] = ()
    known_zones: tuple[tuple[str, str], ...] = ()


class Answer(NamedTuple):
    """A possible answer to a question: the arguments that give it, and what it means."""

    arguments: tuple[str, ...]
    meaning: str


class Question(NamedTuple):
    """What the file alone cannot tell; nothing is stored before it is answered.

    A word in capitals in an answer's arguments stands for what only the owner knows.
    """

    text: str
    answers: tuple[Answer, ...]


class Plan(Protocol):
    """How a table is read. With `questions` left, `lines` must not be used."""

    @property
    def facts(self) -> tuple[str, ...]:
        """What was understood, each a plain sentence."""

    @property
    def questions(self) -> tuple[Question, ...]:
        """What must be answered first."""

    @property
    def currency(self) -> str | None:
        """That of the amounts, as the file or the options say; `None` if neither does."""

    @property
    def zone(self) -> ZoneInfo | None:
        """That of all times, as the file or the options say; `None` if there is none, or more than one."""

    @property
    def arguments(self) -> tuple[str, ...]:
        """The options of the command that would repeat this plan without inferring anything."""

    @property
    def stated_totals(self) -> Mapping[str, int]:
        """Sums that the file itself states in totals rows, by column, in minor units."""

    def lines(self) -> Iterator[SaleLine | RejectedRow | SkippedRow]:
        """Read the table from the beginning."""
