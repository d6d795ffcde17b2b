"""What an import has found and done, as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Literal

import msgspec

from coffeert.importer.load.identity import Identity
from coffeert.importer.load.loading import Progress
from coffeert.importer.load.preview import Preview
from coffeert.importer.plan import Question
from coffeert.postgres.import_staging import ReasonCount


class AnswerBody(msgspec.Struct, frozen=True):
    """An answer: the arguments that give it, and what it means."""

    arguments: tuple[str, ...]
    meaning: str


class QuestionBody(msgspec.Struct, frozen=True):
    """What the file alone cannot tell."""

    text: str
    answers: list[AnswerBody]


class ReasonBody(msgspec.Struct, frozen=True):
    """A reason why lines are left out, and the first of them."""

    reason: str
    lines: int
    first_lines: list[int]


class EqualRows(msgspec.Struct, frozen=True, kw_only=True):
    """Rows that equal sales of another import, and what is made of them."""

    import_id: int
    file: str
    rows: int
    taken_for: Literal["undecided", "the same sales", "other sales"]


class DayBody(msgspec.Struct, frozen=True):
    """Sums of a business day, in minor units."""

    date: date
    orders: int
    refunds: int
    quantity: int
    amount: int


class StoreSumBody(msgspec.Struct, frozen=True):
    """Sums of a store, in minor units."""

    store: str
    orders: int
    refunds: int
    quantity: int
    amount: int


class ExampleBody(msgspec.Struct, frozen=True):
    """A row as it would be stored."""

    line: int
    store: str
    drink: str
    quantity: int
    price: int
    amount: int
    placed_at: datetime
    receipt: str | None


class NewEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the menu lacks; a drink has a price in minor units."""

    code: str
    name: str
    price: int | None = None


class StoredBody(msgspec.Struct, frozen=True, kw_only=True):
    """What was stored, and in how many seconds it was committed and counted.

    `complete` is false after an interruption.
    """

    import_id: int
    orders: int
    complete: bool
    counted: bool
    seconds: float


class ImportReport(msgspec.Struct, frozen=True, kw_only=True):
    """A look at a file, and what was stored of it. Amounts are in minor units of the currency.

    `new_stores_zone` is that of the new stores' own calendar, `None` if they get the default.
    """

    file: str
    facts: Sequence[str]
    questions: list[QuestionBody] = []
    command: str = ""
    source: str | None = None
    currency: str | None = None
    new_currency: bool = False
    rows: int = 0
    new: int = 0
    stored_before: int = 0
    equal: list[EqualRows] = []
    rejected: int = 0
    rejections: list[ReasonBody] = []
    rejects_file: str | None = None
    skipped: int = 0
    skips: list[ReasonBody] = []
    new_stores: list[NewEntry] = []
    new_stores_zone: str | None = None
    new_drinks: list[NewEntry] = []
    retired: list[str] = []
    days: list[DayBody] = []
    stores: list[StoreSumBody] = []
    examples: list[ExampleBody] = []
    stated_totals: dict[str, int] = {}
    rows_per_s: float = 0.0
    stored: StoredBody | None = None


def report_questions(
    file: str, facts: Sequence[str], questions: Sequence[Question]
) -> ImportReport:
    """Return the report of a file that is not understood without its owner."""
    bodies = [
        QuestionBody(question.text, [AnswerBody(*answer) for answer in question.answers])
        for question in questions
    ]
    return ImportReport(file=file, facts=facts, questions=bodies)


def report_of(
    preview: Preview, done: Progress | None, *, counted: bool, seconds: float
) -> ImportReport:
    """Return the report of a look, and of what was stored, if anything."""
    identity, sums, additions = preview.identity, preview.sums, preview.additions
    stored = None
    if done is not None:
        stored = StoredBody(
            import_id=done.number,
            orders=done.orders,
            complete=done.complete,
            counted=counted,
            seconds=round(seconds, 3),
        )
    return ImportReport(
        file=preview.file,
        facts=preview.facts,
        command=preview.command,
        source=identity.source or None,
        currency=preview.currency,
        new_currency=preview.sets_currency,
        rows=identity.rows,
        new=identity.new,
        stored_before=identity.count("stored", "voided", "repeated"),
        equal=_equal(identity),
        rejected=sums.rejected,
        rejections=_reasons(sums.rejections),
        rejects_file=None if preview.rejects is None else str(preview.rejects),
        skipped=sums.skipped,
        skips=_reasons(sums.skips),
        new_stores=[NewEntry(store.code, store.name) for store in additions.stores],
        new_stores_zone=additions.zone,
        new_drinks=[
            NewEntry(drink.code, drink.name, drink.price_cents) for drink in additions.drinks
        ],
        retired=additions.retired,
        days=[DayBody(*day) for day in sums.days],
        stores=[StoreSumBody(*store) for store in sums.stores],
        examples=[ExampleBody(*row) for row in sums.examples],
        stated_totals=preview.stated_totals,
        rows_per_s=round(preview.rate, 1),
        stored=stored,
    )


def _equal(identity: Identity) -> list[EqualRows]:
    same = {
        fate.import_id: fate.rows
        for fate in identity.fates
        if fate.fate == "equal" and fate.import_id is not None and identity.same
    }
    found: tuple[
        tuple[dict[int, int], Literal["undecided", "the same sales", "other sales"]], ...
    ] = (
        (identity.undecided, "undecided"),
        (same, "the same sales"),
        (identity.elsewhere, "other sales"),
    )
    return [
        EqualRows(
            import_id=number, file=identity.others[number].file, rows=rows, taken_for=taken_for
        )
        for rows_by_import, taken_for in found
        for number, rows in rows_by_import.items()
    ]


def _reasons(reasons: Sequence[ReasonCount]) -> list[ReasonBody]:
    return [ReasonBody(*reason) for reason in reasons]
