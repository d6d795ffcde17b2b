"""Which stores are compared: those that sold on both sides, and today those that may still do so."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from coffeert.domain.comparisons import Comparison
from coffeert.domain.periods import parse_period
from coffeert.postgres.reports import TradingDays
from coffeert.server.reports.days import Comparing

TODAY = date(2026, 11, 26)
WEEKS = [TODAY - timedelta(weeks=week) for week in range(1, 5)]


def settled(period: str, comparison: Comparison, trading: TradingDays | None) -> str | None:
    return Comparing(parse_period(period), comparison, 1, {}).settled(TODAY, trading).reason


@pytest.mark.parametrize("comparison", ["last-week", "usual"])
def test_before_the_first_sale_of_a_day_a_store_is_compared_by_the_clock(
    comparison: Comparison,
) -> None:
    trading = TradingDays(frozenset(WEEKS), WEEKS[-1])
    assert settled("today", comparison, trading) is None
    assert settled(str(TODAY - timedelta(days=1)), comparison, trading) == "nothing sold"


def test_a_store_that_did_not_sell_then_or_ever_is_not_compared_today() -> None:
    elsewhen = TradingDays(frozenset({TODAY - timedelta(days=1)}), WEEKS[-1])
    assert settled("today", "last-week", elsewhen) == "nothing sold then"
    assert settled("today", "last-week", None) == "nothing sold yet"
