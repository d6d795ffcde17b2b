"""From a line of a receipt to a row that can be stored, or the reasons why it cannot."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, tzinfo
from uuid import UUID

from coffeert.domain.money import MAX_AMOUNT_CENTS, MAX_PRICE_CENTS
from coffeert.domain.order_keys import order_id_from_key
from coffeert.domain.orders import MAX_QUANTITY, MAX_TEXT_LENGTH, MIN_PLACED_AT
from coffeert.importer.load.menu_names import MenuNames
from coffeert.importer.rows import RejectedRow, SaleLine, SkippedRow
from coffeert.postgres.import_staging import LeftOut, StagedRow


class RowResolver:
    """Turns lines into rows; `latest` is the last moment that is not in the future, `zone` the file's."""

    def __init__(self, names: MenuNames, latest: datetime, zone: tzinfo = UTC) -> None:
        self._names = names
        self._latest = latest
        self._zone = zone
        self._next = 0

    def resolve(self, line: SaleLine) -> StagedRow | LeftOut:
        """Return the row, or all reasons why it must be corrected."""
        reasons: list[str] = []
        store = drink = ""
        try:
            store = self._names.store_code(line.store)
        except ValueError as error:
            reasons.append(str(error))
        try:
            drink = self._names.drink_code(line.drink)
        except ValueError as error:
            reasons.append(str(error))
        reasons += _faults(line)
        if not MIN_PLACED_AT <= line.placed_at <= self._latest:
            reasons.append(_time_fault(line.placed_at, self._zone))
        own_id: UUID | None = None
        if line.order_id is not None:
            try:
                own_id = order_id_from_key(line.order_id)
            except ValueError as error:
                reasons.append(f"the order id {error}")
        if reasons:
            return LeftOut(line.line, True, tuple(reasons))
        price, total = _amounts(line)
        if price is not None and price > MAX_PRICE_CENTS:
            return LeftOut(line.line, True, ("the price of one piece is too high",))
        number = self._next
        self._next += 1
        return StagedRow(
            number,
            line.line,
            store,
            drink,
            line.quantity,
            price,
            total,
            line.placed_at,
            line.receipt or None,
            line.receipt_line or None,
            own_id,
        )


def staged(
    lines: Iterable[SaleLine | RejectedRow | SkippedRow], resolver: RowResolver
) -> Iterator[StagedRow | LeftOut]:
    """Resolve the lines of a plan."""
    for line in lines:
        if isinstance(line, SaleLine):
            yield resolver.resolve(line)
        elif isinstance(line, RejectedRow):
            yield LeftOut(line.line, True, line.reasons)
        else:
            yield LeftOut(line.line, False, (line.reason,))


def _faults(line: SaleLine) -> list[str]:
    faults = []
    if not 1 <= abs(line.quantity) <= MAX_QUANTITY:
        faults.append(f"the quantity must be from 1 to {MAX_QUANTITY:,}, or negative for a refund")
    if line.price is not None and not 0 <= line.price <= MAX_PRICE_CENTS:
        faults.append("the price must be from 0 to 1000000")
    if line.total is not None:
        if abs(line.total) > MAX_AMOUNT_CENTS:
            faults.append("the total is too high")
        if line.total and (line.total < 0) != (line.quantity < 0):
            faults.append("the total and the quantity have different signs")
    for name, text in (("receipt", line.receipt), ("receipt's line", line.receipt_line)):
        if text and (len(text) > MAX_TEXT_LENGTH or not text.isprintable()):
            faults.append(f"the {name} must be at most {MAX_TEXT_LENGTH} printable characters")
    return faults


def _time_fault(placed_at: datetime, zone: tzinfo) -> str:
    if placed_at < MIN_PLACED_AT:
        return "the time is before 2000"
    return f"the time is in the future: {placed_at.astimezone(zone):%Y-%m-%d %H:%M %Z}"


def _amounts(line: SaleLine) -> tuple[int | None, int | None]:
    """Return the price of one piece, and the total if it is not quantity times price."""
    if line.total is None:
        return line.price, None
    pieces = abs(line.quantity)
    price = line.price
    if price is None:  # to the nearest minor unit
        price = (2 * abs(line.total) + pieces) // (2 * pieces)
    return price, None if price * line.quantity == line.total else line.total
