"""Closings as text that fits 80 columns, and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Final

from rich.table import Table

from coffeert.cli.text_page import csv_cell, local_time, page_text, text_table
from coffeert.domain.currency import amount_text
from coffeert.domain.money import units_from_text
from coffeert.printable import printable
from coffeert.wire.closings import Closing, ClosingFigures, ClosingList, ClosingSummary, LateOrder

_FIGURES: Final = ClosingFigures.__struct_fields__


def full_text(closing: Closing) -> str:
    """Write a closing in full: its figures, what changed them, and its stores and drinks."""
    return page_text(_parts(closing))


def list_text(page: ClosingList) -> str:
    """Write a line for each closing."""
    if not page.closings:
        return "No day was closed yet.\n"
    currency = page.closings[0].currency
    table = text_table(
        ("", "day", "note"),
        ("orders", f"takings {currency}".rstrip(), "late", "takings now"),
        (
            (
                str(one.number),
                str(one.day),
                _note(one),
                f"{one.figures.orders:,}",
                _number(one.figures.takings, one),
                "" if one.changed is None else f"{one.changed.late_orders:,}",
                "" if one.changed is None else _number(one.changed.now.takings, one),
            )
            for one in page.closings
        ),
    )
    more = [f"Earlier ones are before number {page.next}."] if page.next is not None else []
    return page_text([table, *more])


def lines_csv(closing: Closing) -> str:
    """Write a row for each drink at each store, with what came late since, the total first."""
    total = ClosingFigures(**{name: getattr(closing.figures, name) for name in _FIGURES})
    changed = None if closing.changed is None else closing.changed.difference
    rows: list[tuple[str, str, ClosingFigures, ClosingFigures | None]] = [("", "", total, changed)]
    rows += [
        (line.store_name, line.drink_name, line.figures, line.difference) for line in closing.lines
    ]
    return _csv(
        ("store", "drink", *_FIGURES, *(f"late_{name}" for name in _FIGURES)),
        (
            (csv_cell(store), csv_cell(drink), *_cells(figures), *_cells(late))
            for store, drink, figures, late in rows
        ),
    )


def list_csv(page: ClosingList) -> str:
    """Write a row for each closing, with what came late since."""
    return _csv(
        (
            *("number", "day", "closed_at", "currency", "corrects", "corrected_by"),
            *_FIGURES,
            *("late", *(f"late_{name}" for name in _FIGURES)),
        ),
        (
            (
                one.number,
                one.day,
                one.closed_at.isoformat(),
                one.currency,
                "" if one.corrects is None else one.corrects,
                "" if one.corrected_by is None else one.corrected_by,
                *_cells(one.figures),
                0 if one.changed is None else one.changed.late_orders,
                *_cells(None if one.changed is None else one.changed.difference),
            )
            for one in page.closings
        ),
    )


def change_sentences(closing: ClosingSummary) -> Iterator[str]:
    """Say that a day was closed, and how it has changed since."""
    takings = _amount(closing.figures.takings, closing)
    changed = closing.changed
    if changed is None:
        yield f"Closed as number {closing.number}{f' with {takings}' if closing.recut else ''}."
    else:
        late = f"{changed.late_orders:,} order{'' if changed.late_orders == 1 else 's'}"
        yield (
            f"Closed as number {closing.number} with {takings}, now "
            f"{_amount(changed.now.takings, closing)}: {late} came since "
            f"({_signed(changed.difference.takings, closing)})."
        )
    if closing.recut:
        yield "A calendar was changed since, and the day has other orders."


def _parts(closing: Closing) -> Iterator[str | Table]:
    yield " ".join(_sentences(closing))
    yield text_table(
        ("store",),
        ("orders", "sold", f"takings {closing.currency}".rstrip(), "refunded", "receipts", "late"),
        (
            (
                printable(store.name),
                f"{store.figures.orders:,}",
                f"{store.figures.pieces:,}",
                _number(store.figures.takings, closing),
                _number(store.figures.refunded, closing),
                "" if store.figures.receipts is None else f"{store.figures.receipts:,}",
                "" if store.difference is None else _signed(store.difference.takings, closing),
            )
            for store in closing.stores
        ),
    )
    yield text_table(
        ("store", "drink"),
        ("orders", "sold", f"takings {closing.currency}".rstrip(), "late"),
        (
            (
                printable(line.store_name),
                printable(line.drink_name),
                f"{line.figures.orders:,}",
                f"{line.figures.pieces:,}",
                _number(line.figures.takings, closing),
                "" if line.difference is None else _signed(line.difference.takings, closing),
            )
            for line in closing.lines
        ),
    )
    if closing.changed is not None:
        yield "What came after the day was closed, at the times of each store:"
        yield _late_table(closing)
        more = closing.changed.late_orders - len(closing.late)
        if more > 0:
            yield f"and {more:,} more"


def _sentences(closing: Closing) -> Iterator[str]:
    figures = closing.figures
    corrects = "" if closing.corrects is None else f", which corrects {closing.corrects}"
    at = local_time(closing.closed_at, closing.timezone)
    yield f"Closing {closing.number}{corrects}: {closing.title}, closed {at:%d %b %H:%M}."
    yield f"{figures.orders:,} orders, {_amount(figures.takings, closing)}."
    if units_from_text(figures.refunded):
        sold, refunded = (_amount(text, closing) for text in (figures.sold, figures.refunded))
        yield f"Sold {sold}, refunded {refunded}."
    if figures.voids:
        yield f"Voids: {figures.voids:,}, of {_amount(figures.voided, closing)}."
    if figures.receipts is not None:
        yield (
            f"Receipts: {figures.receipts:,}, of {figures.orders_with_receipt:,} of "
            f"{figures.orders:,} orders."
        )
    if closing.changed is not None or closing.recut:
        yield "CHANGED SINCE:"
        yield from change_sentences(closing)
    if closing.corrected_by is not None:
        yield f"Closing {closing.corrected_by} corrects it."


def _late_table(closing: Closing) -> Table:
    return text_table(
        ("", "of", "arrived", "store", "drink", "from"),
        ("pieces", "amount"),
        (
            (
                late.kind,
                f"{late.placed_at:%d %b %H:%M}",
                f"{late.received_at:%d %b %H:%M}",
                printable(late.store_name),
                printable(late.drink_name),
                _origin(late),
                f"{late.pieces:,}",
                _number(late.amount, closing),
            )
            for late in closing.late
        ),
    )


def _origin(late: LateOrder) -> str:
    if late.import_number is not None:
        return f"import {late.import_number}"
    return "" if late.source is None else printable(late.source)


def _note(closing: ClosingSummary) -> str:
    if closing.corrected_by is not None:
        return f"corrected by {closing.corrected_by}"
    if closing.changed is not None or closing.recut:
        return "CHANGED since"
    return "" if closing.corrects is None else f"corrects {closing.corrects}"


def _cells(figures: ClosingFigures | None) -> tuple[object, ...]:
    if figures is None:
        return ("",) * len(_FIGURES)
    values = (getattr(figures, name) for name in _FIGURES)
    return tuple("" if value is None else value for value in values)


def _csv(heading: Sequence[str], rows: Iterator[tuple[object, ...]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(heading)
    writer.writerows(rows)
    return text.getvalue()


def _amount(text: str, closing: ClosingSummary) -> str:
    return amount_text(units_from_text(text), closing.currency or None)


def _number(text: str, closing: ClosingSummary) -> str:
    return _amount(text, closing).removesuffix(f" {closing.currency}")


def _signed(text: str, closing: ClosingSummary) -> str:
    number = _number(text, closing)
    return number if number.startswith("-") else f"+{number}"
