"""What a look has found, as lines of text."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from itertools import groupby
from pathlib import Path

from rich.cells import cell_len

from coffeert.domain.currency import amount_text
from coffeert.importer.load.identity import Identity
from coffeert.importer.load.look import MenuAdditions, Sums
from coffeert.postgres.import_staging import DaySum, ExampleRow, ReasonCount
from coffeert.postgres.imports import Import
from coffeert.printable import printable

_MAX_DAYS = 14
_EDGE_DAYS = 3
_MAX_MONTHS = 36
_MAX_LISTED = 20
_MAX_REASONS = 12
_CELL_LENGTH = 300
_STAND_INS = {
    "drink": "--missing drink=NAME",
    "quantity": "--missing quantity=1",
    "price": "--missing price=menu",
    "store": "--missing store=NAME",
    "date": "--missing date=2026-09-14",
    "time of day": "--missing time=12:00",
}
"""What a row can lack, and the option that says what stands for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """Everything that a look says of one file.

    `said` are facts that are on the screen already. `rate` is in lines a second. `zone` is that in which
    times are shown, `days_begin` says when the days begin.
    """

    file: str
    facts: Sequence[str]
    said: Collection[str]
    identity: Identity
    sums: Sums
    additions: MenuAdditions
    currency: str | None
    sets_currency: bool
    stated_totals: dict[str, int]
    rate: float
    command: str
    rejects: Path | None
    zone: tzinfo
    days_begin: Sequence[str]


def preview_lines(preview: Preview) -> list[str]:
    """Return a preview as lines."""
    blocks = [
        _facts(preview),
        _examples(preview),
        _days(preview),
        list(preview.days_begin),
        _stores(preview),
        _stated(preview),
        _menu(preview),
        _left_out(preview),
        _met(preview),
        [_read(preview)],
        ["Without questions, as for the next file of this kind:", f"  {preview.command}"],
    ]
    return [line for block in blocks if block for line in (*block, "")][:-1]


def orders_text(orders: int, refunds: int = 0) -> str:
    """Count orders and refunds, such as `12 orders, 1 refund`."""
    counted = [(orders, "order")] if orders or not refunds else []
    if refunds:
        counted.append((refunds, "refund"))
    return ", ".join(_counted(*one) for one in counted)


def understood_lines(file: str, facts: Sequence[str]) -> list[str]:
    """Return what was understood as lines."""
    return [f"{file}: what was understood", *(f"  {fact}" for fact in facts)]


def equal_sentence(rows: int, other: Import) -> str:
    """Say which sales rows equal."""
    return f"{_counted(rows, 'row')} {'equals a sale' if rows == 1 else 'equal sales'} of {_named(other)}"


def question_sentence(identity: Identity) -> str:
    """Ask about the rows of which it is not known whether they are the same sales."""
    equal = " and ".join(
        equal_sentence(rows, identity.others[number]) for number, rows in identity.undecided.items()
    )
    return f"{equal}: the same sales again (--same), or another till's (--source NAME)?"


def _named(other: Import) -> str:
    source = f" from source {other.source}" if other.source else ""
    return f"{other.file} imported on {other.started_at:%Y-%m-%d} (import {other.id}{source})"


def _facts(preview: Preview) -> list[str]:
    if not preview.said:
        return understood_lines(preview.file, preview.facts)
    return [f"  {fact}" for fact in preview.facts if fact not in preview.said]


def _read(preview: Preview) -> str:
    lines = preview.identity.rows + preview.sums.rejected + preview.sums.skipped
    return f"{_counted(lines, 'line')} read, {preview.rate:,.0f} a second."


def _examples(preview: Preview) -> list[str]:
    examples = preview.sums.examples
    if not examples:
        return []
    rows = [
        (
            f"line {row.line}",
            f"{row.placed_at.astimezone(preview.zone):%Y-%m-%d %H:%M:%S}",
            row.store,
            f"{row.quantity} x {row.drink}",
            _amount(preview, row.amount) + _refund(row),
            f"receipt {row.receipt}" if row.receipt else "",
        )
        for row in examples
    ]
    zone = getattr(preview.zone, "key", "UTC")
    return [f"The first rows, as they would be stored (times of {zone}):", *_table(rows)]


def _refund(row: ExampleRow) -> str:
    return " (refund)" if row.quantity < 0 else ""


def _days(preview: Preview) -> list[str]:
    days = preview.sums.days
    if not days:
        return []
    heading = f"By business day, {days[0].date} to {days[-1].date}:"
    rows = [_day_row(preview, str(day.date), [day]) for day in days]
    if len(days) > _MAX_DAYS:
        months = [
            _day_row(preview, month, list(found))
            for month, found in groupby(days, lambda day: f"{day.date:%Y-%m}")
        ]
        if len(months) > _MAX_MONTHS:
            months = [
                _day_row(preview, year, list(found))
                for year, found in groupby(days, lambda day: f"{day.date:%Y}")
            ]
        gap = [("...", "", "", "")]
        rows = [*rows[:_EDGE_DAYS], *gap, *rows[-_EDGE_DAYS:], *months]
    return [heading, *_table([*rows, _day_row(preview, "all", days)])]


def _day_row(preview: Preview, name: str, days: Iterable[DaySum]) -> tuple[str, ...]:
    found = list(days)
    return (
        name,
        orders_text(sum(day.orders for day in found), sum(day.refunds for day in found)),
        _counted(sum(day.quantity for day in found), "piece"),
        _amount(preview, sum(day.amount for day in found)),
    )


def _stores(preview: Preview) -> list[str]:
    stores = preview.sums.stores
    rows = [
        (
            store.store,
            orders_text(store.orders, store.refunds),
            _counted(store.quantity, "piece"),
            _amount(preview, store.amount),
        )
        for store in sorted(stores, key=lambda store: -store.amount)[:_MAX_LISTED]
    ]
    if len(stores) > _MAX_LISTED:
        rows.append((f"... and {len(stores) - _MAX_LISTED} more", "", "", ""))
    return ["By store:", *_table(rows)] if stores else []


def _stated(preview: Preview) -> list[str]:
    lines, found = [], preview.sums.in_file
    for column, stated in preview.stated_totals.items():
        verdict = (
            "which is what its rows add up to"
            if stated == found
            else f"but its rows add up to {_amount(preview, found)}"
        )
        lines.append(f"The file itself states {_amount(preview, stated)} in {column}, {verdict}.")
    return lines


def _menu(preview: Preview) -> list[str]:
    additions = preview.additions
    lines = []
    if preview.sets_currency:
        lines.append(f"The currency would be set to {preview.currency}.")
    if additions.stores:
        lines.append("New on the menu, stores:")
        lines += _table([(store.code, store.name) for store in additions.stores])
    if additions.drinks:
        lines.append("New on the menu, drinks, at the price that is the most frequent:")
        lines += _table(
            [
                (drink.code, drink.name, _amount(preview, drink.price_cents))
                for drink in additions.drinks
            ]
        )
    if additions.retired:
        lines.append(f"Retired on the menu, and stored as history: {', '.join(additions.retired)}.")
    return lines


def _left_out(preview: Preview) -> list[str]:
    sums, lines = preview.sums, []
    if sums.rejected:
        where = f"; all of them, to be corrected: {preview.rejects}" if preview.rejects else ""
        lines.append(f"{_counted(sums.rejected, 'line')} cannot be stored{where}")
        lines += _reasons(sums.rejections)
        found = {reason.reason for reason in sums.rejections}
        lines += [
            f"To store those without a {what} all the same: {option}"
            for what, option in _STAND_INS.items()
            if f"has no {what}" in found
        ]
    if sums.skipped:
        lines.append(f"{_counted(sums.skipped, 'line')} left out as no sale:")
        lines += _reasons(sums.skips)
    return lines


def _reasons(reasons: Sequence[ReasonCount]) -> list[str]:
    rows = [
        (
            f"{reason.lines:,} x",
            f"{reason.reason} (line{'s' if reason.lines > 1 else ''} "
            + ", ".join(map(str, reason.first_lines))
            + (", ..." if reason.lines > len(reason.first_lines) else "")
            + ")",
        )
        for reason in reasons[:_MAX_REASONS]
    ]
    if len(reasons) > _MAX_REASONS:
        rows.append(("...", "and further reasons"))
    return _table(rows)


def _met(preview: Preview) -> list[str]:
    identity, lines = preview.identity, []
    if identity.earlier is not None:
        lines.append(
            f"This file is import {identity.earlier.id} ({identity.earlier.state}); it goes on with that."
        )
    if stored := identity.count("stored"):
        lines.append(f"{_counted(stored, 'row')} {'is' if stored == 1 else 'are'} stored already.")
    if voided := identity.count("voided"):
        lines.append(
            f"Voided by hand before the file was taken back, and still void: {_counted(voided, 'row')}."
        )
    if repeated := identity.count("repeated"):
        lines.append(f"With the order id of an earlier row: {_counted(repeated, 'row')}.")
    for fate in identity.fates:
        if fate.fate == "equal" and fate.import_id is not None and identity.same:
            equal = equal_sentence(fate.rows, identity.others[fate.import_id])
            lines.append(f"{equal}: the same sales, not stored again.")
    for number, rows in identity.elsewhere.items():
        equal = equal_sentence(rows, identity.others[number])
        lines.append(f"{equal}: another till's, since the source is {identity.source}; stored.")
    return lines


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if abs(count) == 1 else 's'}"


def _amount(preview: Preview, amount: int) -> str:
    return amount_text(amount, preview.currency)


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    if not rows:
        return []
    clean = [tuple(printable(cell, _CELL_LENGTH) for cell in row) for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(*clean, strict=True)]
    return [f"  {_padded(row, widths)}".rstrip() for row in clean]


def _padded(row: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(
        cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)
    )
