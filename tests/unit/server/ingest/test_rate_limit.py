"""How many orders one client may send, on a clock of the test's own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffeert.errors import TooManyRequests
from coffeert.server.ingest.rate_limit import TokenBucket


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_client_that_keeps_to_its_rate_is_never_refused() -> None:
    clock = Clock()
    bucket = TokenBucket(10, clock)
    for _ in range(1000):
        bucket.consume(1)
        clock.now += 0.1


def test_one_over_its_rate_is_told_when_to_come_back() -> None:
    clock = Clock()
    bucket = TokenBucket(2, clock)
    bucket.consume(2)
    with pytest.raises(TooManyRequests) as refused:
        bucket.consume(1)
    assert refused.value.retry_after == 1
    clock.now += 1
    bucket.consume(1)


def test_a_batch_that_overdraws_is_paid_off_before_the_next() -> None:
    clock = Clock()
    bucket = TokenBucket(10, clock)
    bucket.consume(100)
    assert not bucket.full
    with pytest.raises(TooManyRequests) as refused:
        bucket.consume(1)
    assert refused.value.retry_after is not None
    clock.now += refused.value.retry_after
    bucket.consume(1)


@given(
    st.floats(0.5, 1000),
    st.lists(st.tuples(st.floats(0, 3), st.integers(1, 50)), max_size=60),
)
def test_no_client_gets_more_than_its_rate_and_one_batch(
    rate: float, wishes: list[tuple[float, int]]
) -> None:
    clock = Clock()
    bucket = TokenBucket(rate, clock)
    taken = 0
    for pause, orders in wishes:
        clock.now += pause
        try:
            bucket.consume(orders)
        except TooManyRequests:
            continue
        taken += orders
        assert taken <= max(1.0, rate) + clock.now * rate + 50 + 1e-6
