"""Whatever the dialect, a file is understood to mean exactly the sales that were, or is refused."""

from __future__ import annotations

from collections import Counter
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings

from coffeert.importer.rows import SaleLine
from tests.unit.importer.dialects import Dialect, Sale, dialects, sales, stated
from tests.unit.importer.meanings import Outcome, cost, options_of, read


def what_was(written: list[Sale], dialect: Dialect) -> Counter[tuple[object, ...]]:
    zone = ZoneInfo(dialect.zone)
    return Counter(
        (s.at.replace(tzinfo=zone), s.store, s.drink, s.quantity, s.quantity * s.price)
        for s in written
        if not s.void
    )


def what_is_read(lines: tuple[SaleLine, ...]) -> Counter[tuple[object, ...]]:
    return Counter((s.placed_at, s.store, s.drink, s.quantity, cost(s)) for s in lines)


def answered(dialect: Dialect, written: list[Sale]) -> Outcome:
    table = dialect.table(written)
    options = {"currency": dialect.currency} if dialect.currency else {}
    outcome = read(table, zone=dialect.zone, **options)
    for _ in range(4):
        if not outcome.plan.questions:
            break
        options |= dialect.answers(outcome.plan.questions)
        outcome = read(table, zone=dialect.zone, **options)
    assert not outcome.plan.questions
    return outcome


@settings(max_examples=400)
@given(dialect=dialects(), written=sales())
@pytest.mark.long
def test_what_is_written_is_read(dialect: Dialect, written: list[Sale]) -> None:
    outcome = answered(dialect, written)
    assert not outcome.rejected
    assert what_is_read(outcome.sales) == what_was(written, dialect)
    for total in outcome.plan.stated_totals.values():
        assert total == stated(written)


@settings(max_examples=150)
@given(dialect=dialects(), written=sales())
@pytest.mark.long
def test_the_arguments_repeat_the_plan(dialect: Dialect, written: list[Sale]) -> None:
    outcome = answered(dialect, written)
    options = options_of(outcome.plan.arguments)
    options.setdefault("currency", dialect.currency)
    again = read(dialect.table(written), **options)
    assert not again.plan.questions
    assert again.sales == outcome.sales
    assert again.plan.arguments == outcome.plan.arguments
