"""Latencies and verdicts follow from what was measured."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coffeert.lab.results import Latencies, judge

# Histograms are decoded in Python: how long that takes says nothing about them.
few = settings(max_examples=25, deadline=None)
seconds = st.floats(min_value=1e-5, max_value=100)


@few
@given(st.lists(seconds, min_size=1, max_size=200))
def test_percentiles_are_those_of_the_sorted_values(values: list[float]) -> None:
    found = Latencies.of(values)
    ordered = sorted(values)
    for percent, milliseconds in ((50, found.p50), (99, found.p99), (99.9, found.p99_9)):
        rank = max(1, math.ceil(percent / 100 * len(values) - 1e-9))
        assert milliseconds == pytest.approx(ordered[rank - 1] * 1e3, rel=2e-3, abs=2e-3)
    assert found.max == pytest.approx(ordered[-1] * 1e3, rel=2e-3, abs=2e-3)
    assert found.count == len(values)


def test_nothing_measured_is_zero() -> None:
    found = Latencies.of([])
    assert (found.count, found.p50, found.max) == (0, 0.0, 0.0)


@few
@given(st.lists(st.lists(seconds, max_size=50), min_size=1, max_size=4))
@pytest.mark.long
def test_merged_histograms_are_the_histogram_of_all(parts: list[list[float]]) -> None:
    merged = Latencies.merged(Latencies.of(part) for part in parts)
    whole = Latencies.of(value for part in parts for value in part)
    assert (merged.count, merged.p50, merged.p99, merged.max) == (
        whole.count, whole.p50, whole.p99, whole.max,
    )  # fmt: skip


def test_a_measurement_that_is_not_valid_is_inconclusive() -> None:
    assert judge(0.9, 0.85, at_least=True) == "pass"
    assert judge(0.8, 0.85, at_least=True) == "fail"
    assert judge(10.0, 10.0, at_least=False) == "pass"
    assert judge(0.9, 0.85, at_least=True, valid=False) == "inconclusive"
