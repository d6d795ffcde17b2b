"""Percentiles from buckets, beside those of the sorted latencies themselves."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from coffeert.inject.latency import Latency, LatencyHistogram
from coffeert.inject.report import OutcomeRecorder

RESOLUTION = 1 / 1024
PER_MILLE = (500, 900, 990, 999)


def recorded(microseconds: list[int]) -> LatencyHistogram:
    histogram = LatencyHistogram()
    for value in microseconds:
        histogram.record((value + 0.5) / 1e6)
    return histogram


@given(st.lists(st.integers(0, 3_600_000_000), min_size=1, max_size=300))
@example([2**11 - 1, 2**11, 2**11 + 1])
@example([2**40])
@example(list(range(1_000)))
def test_each_percentile_is_the_exact_one_within_the_resolution(microseconds: list[int]) -> None:
    *percentiles, highest = msgspec.structs.astuple(recorded(microseconds).summary())
    ordered = sorted(microseconds)
    for per_mille, found in zip(PER_MILLE, percentiles, strict=True):
        rank = -(-len(ordered) * per_mille // 1_000)  # nearest rank, counting from 1
        exact = ordered[rank - 1]
        assert exact <= round(found * 1e3) <= exact * (1 + RESOLUTION)
    assert round(highest * 1e3) == ordered[-1]


def test_without_latencies_all_are_zero() -> None:
    assert LatencyHistogram().summary() == Latency(0, 0, 0, 0, 0)


def test_a_negative_latency_counts_as_zero() -> None:
    histogram = LatencyHistogram()
    histogram.record(-1e-6)
    assert histogram.summary() == Latency(0, 0, 0, 0, 0)


def test_a_report_has_the_latencies_of_its_orders() -> None:
    recorder = OutcomeRecorder()
    for milliseconds in range(1, 1_001):
        recorder.stored(milliseconds / 1e3, replayed=milliseconds % 2 == 0)
    latency = recorder.report(retried=0, stopped=False).latency_ms
    assert (recorder.accepted, recorder.replayed) == (500, 500)
    assert msgspec.structs.astuple(latency) == pytest.approx((500, 900, 990, 999, 1_000), rel=1e-3)
