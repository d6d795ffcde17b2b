"""Voids and refunds that a file books in two rows, of which only one says so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from coffeert.importer.meaning.notes import Notes
from coffeert.importer.meaning.statuses import Kind, RowState
from coffeert.importer.spelling.numbers import spelled_number

_DIFFERENT: Final = 50_000
"""How many different goods of voids are remembered."""
_SHOWN: Final = 8


class MoneyTexts(NamedTuple):
    """What a row says about pieces and money."""

    drink: str
    quantity: str
    price: str
    total: str
    receipt: str
    moment: str


@dataclass(slots=True)
class ReversalSurvey:
    """Counts, by column and text, rows that are marked as void or refunded, and rows that take others back.

    `open_voids` are, by goods, negative rows marked as void less positive ones: a void whose two rows are
    both marked is none.
    """

    refunded: Counter[tuple[int, str]] = field(default_factory=Counter)
    refunds: int = 0
    voided: Counter[tuple[int, str]] = field(default_factory=Counter)
    taken_back: Counter[tuple[int, str]] = field(default_factory=Counter)
    open_voids: Counter[tuple[str, ...]] = field(default_factory=Counter)

    def add(self, state: RowState, money: MoneyTexts) -> None:
        """Note a row that is no sale, or a negative one; what its owner says of it is no mark."""
        mark = state.column, state.text
        negative = any(map(_is_negative, (money.quantity, money.price, money.total)))
        if state.kind is Kind.REFUND or (negative and state.kind in (Kind.SALE, Kind.REFUNDED)):
            self.refunds += 1
        elif state.ruled:
            return
        elif state.kind is Kind.REFUNDED:
            self.refunded[mark] += 1
        elif state.kind is Kind.VOID and not state.refund:  # else it is the refund that is void
            (self.taken_back if negative else self.voided)[mark] += 1
            goods = money.drink, *map(_digits, (money.quantity, money.price, money.total))
            if goods in self.open_voids or len(self.open_voids) < _DIFFERENT:
                self.open_voids[goods] += 1 if negative else -1


def ask_for_reversals(seen: ReversalSurvey, columns: Sequence[str], notes: Notes) -> None:
    """Ask which rows count where leaving out the marked ones may undo a void or a refund by half."""
    if seen.refunds:
        back = "1 row gives" if seen.refunds == 1 else f"{seen.refunds} rows give"
        for (column, text), count in seen.refunded.most_common(_SHOWN):
            rule = f"{columns[column]}={text}"
            notes.ask(
                f"{_rows(count)} {text!r} in `{columns[column]}`, and {back} money back. "
                "Is it for the same sales?",
                (("--sale", rule), "yes: the sales count, and so do the rows that take them back"),
                (("--skip", rule), "no: sales with this mark are left out besides"),
            )
    if not any(count > 0 for count in seen.open_voids.values()):
        return
    for mark, count in seen.taken_back.most_common(_SHOWN):
        column, text = mark
        rule = f"{columns[column]}={text}"
        answers = [
            (("--refund", rule), "yes, each takes back what another row sold"),
            (("--skip", rule), "no, they are left out"),
        ]
        if seen.voided[mark]:
            answers.insert(0, (("--sale", rule), "yes, and rows without a minus are sales"))
        notes.ask(
            f"{_rows(count)} {text!r} in `{columns[column]}` and a negative amount. "
            f"{'Does it' if count == 1 else 'Do they'} take back what is not marked so?",
            *answers,
        )


def _is_negative(text: str) -> bool:
    number = spelled_number(text) if text else None
    return number is not None and number.negative


def _digits(text: str) -> str:
    number = spelled_number(text) if text else None
    return "" if number is None else number.digits


def _rows(count: int) -> str:
    return "1 row has" if count == 1 else f"{count} rows have"
