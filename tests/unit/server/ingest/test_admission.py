"""Orders that would wait too long are refused, and only as long as that is so."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffeert.errors import Unavailable
from coffeert.server.ingest.admission import Admission


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def _admission(clock: Clock, writers: int = 2) -> Admission:
    return Admission(wait_limit=1.0, batch_rows=10, writers=writers, clock=clock)


def _batch(admission: Admission, clock: Clock, seconds: float) -> None:
    admission.batch_started(0)
    clock.now += seconds
    admission.batch_finished(0, 5)


@given(st.lists(st.floats(0, 100), max_size=50), st.integers(1, 4))
def test_an_idle_server_admits_orders_however_slow_it_was(
    batches: list[float], writers: int
) -> None:
    clock = Clock()
    admission = _admission(clock, writers)
    for seconds in batches:
        _batch(admission, clock, seconds)
    admission.check(1)
    assert admission.shed == 0


def test_after_a_stall_a_few_quick_batches_end_the_refusals() -> None:
    clock = Clock()
    admission = _admission(clock)
    _batch(admission, clock, 30.0)
    admission.queued = 1
    with pytest.raises(Unavailable):
        admission.check(1)
    for _ in range(60):
        admission.queued = 0
        admission.check(1)
        _batch(admission, clock, 0.001)
    admission.queued = 10
    admission.check(1)


def test_commits_are_stalled_while_none_ends() -> None:
    clock = Clock()
    admission = _admission(clock)
    assert admission.stalled_seconds() == 0
    admission.batch_started(0)
    clock.now = 3
    admission.batch_started(1)
    assert admission.stalled_seconds() == 3, "since the first of them began"
    admission.batch_finished(1, 5)
    clock.now = 4
    assert admission.stalled_seconds() == 1, (
        "one that meets a lock is no stall beside others that end"
    )
    admission.batch_finished(0, 5)
    assert admission.stalled_seconds() == 0


def test_while_a_batch_hangs_orders_are_refused_at_once() -> None:
    clock = Clock()
    admission = _admission(clock)
    for writer in (0, 1):
        admission.check(1)
        admission.batch_started(writer)
    admission.check(1)
    clock.now += 1.5
    with pytest.raises(Unavailable) as refused:
        admission.check(7)
    assert refused.value.retry_after is not None
    assert refused.value.retry_after >= 1
    assert admission.shed == 7


def test_a_queue_is_as_long_as_the_wait_allows() -> None:
    clock = Clock()
    admission = _admission(clock, writers=1)
    _batch(admission, clock, 0.1)
    admission.queued = admission.queue_limit()
    admission.check(1)
    admission.queued += 10
    with pytest.raises(Unavailable):
        admission.check(1)
