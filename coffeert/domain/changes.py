"""How figures differ from what they are compared with: the one place where a percentage is computed."""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec

from coffeert.domain.comparisons import SMALLEST_BASE
from coffeert.domain.money import rounded
from coffeert.domain.rollups import Totals

_NOTHING: Final = "nothing sold then"


class PercentChange(msgspec.Struct, frozen=True, kw_only=True):
    """How a figure differs from the compared one, in whole per cent; `None` with the reason in words.

    There is none on a base that is not positive, not complete or too small.
    """

    percent: int | None = None
    reason: str | None = None


class Changes(NamedTuple):
    """How takings, orders and the takings of an order differ."""

    takings: PercentChange
    orders: PercentChange
    per_order: PercentChange


def changes_of(now: Totals, then: Totals, *, scale: int = 1, reason: str | None = None) -> Changes:
    """Compare sums with those of another time, which are `scale` times too large.

    `reason` says why they are not compared, if so. Takings per order come from the sums, not from rounded
    quotients.
    """
    if reason is None and then.orders <= 0:
        reason = _NOTHING
    if reason is None and then.orders < SMALLEST_BASE * scale:
        reason = f"fewer than {SMALLEST_BASE} orders then"
    if reason is not None:
        return Changes(*[PercentChange(reason=reason)] * 3)
    takings = _change(now.cents * scale, then.cents)
    if now.orders > 0:
        per_order = _change(now.cents * then.orders, then.cents * now.orders)
    else:
        per_order = PercentChange(reason="nothing sold")
    return Changes(takings, _change(now.orders * scale, then.orders), per_order)


def _change(now: int, then: int) -> PercentChange:
    if then <= 0:
        return PercentChange(
            reason="more refunded than sold then" if then < 0 else "no takings then"
        )
    return PercentChange(percent=rounded(100 * (now - then), then))
