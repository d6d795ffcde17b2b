"""Pieces and amounts of a line, with the sign of what the line is."""

from __future__ import annotations

from typing import NamedTuple

from coffeert.domain.money import MAX_PRICE_CENTS
from coffeert.importer.meaning.statuses import Kind
from coffeert.importer.spelling.cell_text import Fault


class Money(NamedTuple):
    """What a line is about: pieces, and the price of one or what all cost, in minor units."""

    quantity: int
    price: int | None
    total: int | None


class Faults(tuple[Fault, ...]):
    """Several reasons."""

    __slots__ = ()


class SkippedKind(NamedTuple):
    """Why a row is left out."""

    reason: str


class LineAmounts(NamedTuple):
    """What a row says of pieces, of the price of one, and of what all cost, with any signs."""

    pieces: int
    price: int | None
    total: int | None

    def share(self, hundredths: int) -> int:
        """Return the discount of so many hundredths of a percent; what is left is rounded half up."""
        before = abs((self.total or 0) if self.price is None else self.pieces * self.price)
        return before - (before * (10_000 - hundredths) + 5_000) // 10_000

    def after(self, discount: int) -> LineAmounts:
        """Return it with a discount taken off; a total that is lower by it already stays.

        A total that fits neither way stays as well, beside the price that it contradicts.
        """
        before = self.total if self.price is None else self.pieces * self.price
        if not discount or before is None:
            return self
        size = abs(before) - abs(discount)
        if self.price is not None and self.total is not None and abs(self.total) != abs(before):
            return self._replace(price=None) if abs(self.total) == size else self
        return LineAmounts(self.pieces, None, -size if before < 0 else size)


def signed_money(line: LineAmounts, kind: Kind, reason: str) -> Money | Faults | SkippedKind:
    """Give pieces and amounts the sign of what the row is, or say why they contradict it."""
    pieces, price, total = line
    negative = pieces < 0 or (total or 0) < 0 or (price or 0) < 0
    if kind is Kind.REFUNDED and not negative:
        return SkippedKind(f"{reason}: the money went back")
    if kind is Kind.UNKNOWN:
        return Faults((Fault(f"{reason}, and it is not known what that means"),))
    if kind is Kind.GIVEN and (total if total is not None else price):
        return Faults((Fault(f"{reason}, but it is not free"),))
    refund = pieces < 0 or kind in (Kind.REFUND, Kind.REFUNDED)
    if negative and not refund:
        return Faults((Fault("has a negative amount, but nothing says that it is a refund"),))
    size, unit, cost = abs(pieces), _magnitude(price), _magnitude(total)
    if unit is not None and cost is not None and 2 * abs(cost - size * unit) > size:
        return Faults(
            (Fault(f"contradicts itself: {size} pieces at that price do not cost the total"),)
        )
    if unit is not None and unit > MAX_PRICE_CENTS:
        return Faults((Fault("has a price that is more than any drink can cost"),))
    if unit is not None and cost == size * unit:
        cost = None
    if cost is not None and refund:
        cost = -cost
    return Money(-size if refund else size, unit, cost)


def _magnitude(amount: int | None) -> int | None:
    return None if amount is None else abs(amount)
