"""Percentages are exact, and there is none on a base that carries none."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffeert.domain.changes import Changes, PercentChange, changes_of
from coffeert.domain.rollups import Totals

COUNTS = st.integers(-5, 10**6)
CENTS = st.integers(-(10**4), 10**13)


def exact(now: Fraction, then: Fraction) -> int:
    """Round half away from zero, as a person does."""
    percent = 100 * (now - then) / then
    whole = int(abs(percent) + Fraction(1, 2))
    return whole if percent >= 0 else -whole


@given(COUNTS, CENTS, COUNTS, CENTS, st.sampled_from((1, 12)))
def test_each_figure_is_compared_exactly(
    orders: int, cents: int, then_orders: int, then_cents: int, scale: int
) -> None:
    now, then = Totals(orders, orders, cents), Totals(then_orders, then_orders, then_cents)
    changes = changes_of(now, then, scale=scale)
    enough = then_orders >= 20 * scale
    assert (changes.takings.percent is not None) == (enough and then_cents > 0)
    assert (changes.orders.percent is not None) == enough
    assert (changes.per_order.percent is not None) == (enough and then_cents > 0 and orders > 0)
    for change in changes:
        assert (change.percent is None) == (change.reason is not None)
    if changes.takings.percent is not None:
        assert changes.takings.percent == exact(Fraction(cents), Fraction(then_cents, scale))
    if changes.orders.percent is not None:
        assert changes.orders.percent == exact(Fraction(orders), Fraction(then_orders, scale))
    if changes.per_order.percent is not None:
        each = Fraction(cents, orders), Fraction(then_cents, then_orders)
        assert changes.per_order.percent == exact(*each)


@pytest.mark.parametrize(
    ("then", "reason"),
    [
        (Totals(0, 0, 0), "nothing sold then"),
        (Totals(19, 19, 100), "fewer than 20 orders then"),
        (Totals(-3, -3, -100), "nothing sold then"),
    ],
)
def test_says_why_there_is_no_percentage(then: Totals, reason: str) -> None:
    assert changes_of(Totals(30, 30, 9000), then) == Changes(*[PercentChange(reason=reason)] * 3)


@pytest.mark.parametrize(
    ("cents", "reason"), [(0, "no takings then"), (-100, "more refunded than sold then")]
)
def test_compares_orders_if_takings_cannot_be(cents: int, reason: str) -> None:
    changes = changes_of(Totals(30, 30, 9000), Totals(25, 25, cents))
    assert changes.takings == changes.per_order == PercentChange(reason=reason)
    assert changes.orders == PercentChange(percent=20)


def test_takings_per_order_are_not_rounded_before_they_are_compared() -> None:
    # 0.5 and 1.49 minor units an order: rounded quotients would differ by no or by a whole 100 per cent.
    assert changes_of(Totals(100, 100, 149), Totals(200, 200, 100)).per_order.percent == 198
