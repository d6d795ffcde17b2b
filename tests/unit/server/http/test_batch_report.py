"""The counts of a batch that breaks off are those of its first lines, so that a client can go on there."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from coffeert.domain.orders import Order, new_order_id
from coffeert.errors import Invalid, KeyContended, Unavailable
from coffeert.server.http.batch import BatchReport
from coffeert.server.ingest.batch_insert import Outcome, StoredOrder

NOW = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
ORDER = Order(new_order_id(), "uptown", "latte", 1, 480, NOW, NOW)
OUTCOMES: list[Outcome] = [
    StoredOrder(ORDER, replayed=False),
    StoredOrder(ORDER, replayed=True),
    Invalid("No."),
    KeyContended("Held."),
]


@given(st.lists(st.sampled_from(OUTCOMES)))
def test_what_is_counted_are_the_lines_before_the_first_that_is_not_settled(
    outcomes: list[Outcome],
) -> None:
    report = BatchReport()
    report.add(enumerate(outcomes, 1))
    result = report.result()
    settled = next(
        (at for at, one in enumerate(outcomes) if isinstance(one, Unavailable)), len(outcomes)
    )
    assert result.accepted + result.replayed + result.rejected == settled
    assert all(error.line <= settled for error in result.errors)
