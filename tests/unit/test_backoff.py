"""Delays grow, are jittered, and respect the server's `Retry-After`."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from coffeert.backoff import Backoff


def test_delays_grow_to_a_limit() -> None:
    backoff = Backoff(initial=0.1, longest=2.0)
    delays = [backoff.next_delay() for _ in range(2_000)]
    for number, delay in enumerate(delays):
        ceiling = min(0.1 * 2.0 ** min(number, 30), 2.0)
        assert ceiling / 2 <= delay <= ceiling
    assert len(set(delays[10:])) > 100, "clients would come back all at once"


def test_a_limit_can_be_given_for_one_delay() -> None:
    backoff = Backoff(initial=0.1, longest=100.0)
    delays = [backoff.next_delay(longest=2.0) for _ in range(20)]
    assert max(delays) <= 2.0
    assert backoff.next_delay() >= 50, "the failures have been counted"


def test_a_success_resets_the_delays() -> None:
    backoff = Backoff(initial=0.1, longest=100)
    for _ in range(8):
        backoff.next_delay()
    backoff.reset()
    assert backoff.failures == 0
    assert backoff.next_delay() <= 0.1


@given(st.floats(0, 3600))
def test_the_delay_is_never_shorter_than_retry_after(retry_after: float) -> None:
    assert retry_after <= Backoff().next_delay(retry_after) <= retry_after * 1.25
