"""The lab's statistics: what they say follows from what was measured."""

from __future__ import annotations

import asyncio
import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from coffeert.lab.breaking_point import BreakingPoint, bisect, find_breaking_point
from coffeert.lab.disturbance import ALLOWED, fair
from coffeert.lab.latency import Latencies
from coffeert.lab.load import Probe
from coffeert.lab.results import Verdict, judge
from coffeert.lab.schedule import poisson
from coffeert.lab.screen import Sighting
from coffeert.lab.sightings import delays

# Histograms are walked in Python: how long that takes says nothing about them.
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
def test_merged_histograms_are_the_histogram_of_all(parts: list[list[float]]) -> None:
    merged = Latencies.merged(Latencies.of(part) for part in parts)
    whole = Latencies.of(value for part in parts for value in part)
    assert (merged.count, merged.p50, merged.p99, merged.max) == (
        whole.count, whole.p50, whole.p99, whole.max,
    )  # fmt: skip


@few
@given(st.integers(0, 2**32), st.floats(50, 5_000))
def test_arrivals_are_those_of_a_poisson_process(seed: int, rate: float) -> None:
    moments = poisson(rate, 2.0, seed)
    assert moments == poisson(rate, 2.0, seed)
    assert all(0 <= earlier <= later < 2.0 for earlier, later in pairwise(moments))
    wanted = 2 * rate
    assert abs(len(moments) - wanted) < 7 * math.sqrt(wanted)  # a count's deviation is its root
    gaps = [later - earlier for earlier, later in pairwise(moments)]
    mean = sum(gaps) / len(gaps)
    deviation = math.sqrt(sum((gap - mean) ** 2 for gap in gaps) / len(gaps))
    assert 0.5 < deviation / mean < 1.7  # of exponential gaps it is 1, of a metronome's 0


@few
@given(st.floats(1, 1_000), st.floats(0.1, 1.2))
def test_bisection_closes_in_on_the_breaking_point(high: float, share: float) -> None:
    truth, tried = high * share, []

    async def holds(load: float) -> bool:
        tried.append(load)
        return load <= truth

    found, bounded = asyncio.run(bisect(holds, 0.0, high, steps=10))
    assert bounded == (truth < high)
    assert found <= truth
    assert min(truth, high) - found <= high / 2**10 + 1e-9
    assert len(tried) == (11 if bounded else 1)


def test_what_never_holds_has_its_breaking_point_at_nothing() -> None:
    async def never(_: float) -> bool:
        return False

    found = asyncio.run(find_breaking_point(never, 10, 100, steps=3, repeats=2))
    assert found == BreakingPoint((0.0, 0.0), bounded=True)
    assert (found.median, found.spread) == (0.0, 0.0)


def test_the_spread_of_repetitions_is_told() -> None:
    found = BreakingPoint((90.0, 100.0, 120.0), bounded=True)
    assert found.median == 100.0
    assert found.spread == pytest.approx(0.3)


def test_a_generator_without_cpu_left_gives_no_verdict() -> None:
    assert judge(0.9, 0.85, at_least=True) == "holds"
    assert judge(0.8, 0.85, at_least=True) == "fails"
    assert judge(10.0, 10.0, at_least=False) == "holds"
    assert judge(0.9, 0.85, at_least=True, valid=False) == "no verdict"


def test_a_target_missed_beside_other_programs_gives_no_verdict() -> None:
    missed, held = Verdict("fast", "slow", "fails", "why"), Verdict("fast", "fast", "holds")
    assert fair(missed, ALLOWED) == missed
    assert fair(held, 1.5) == held
    by_cpu = replace(missed, certain=True)  # which is counted whoever else runs
    assert fair(by_cpu, 1.5) == by_cpu
    withheld = fair(missed, 1.5)
    assert withheld.held == "no verdict"
    assert withheld.note == "why; missed, while other programs used 1.5 cores"


def test_probes_are_paired_with_the_picture_that_first_counts_them() -> None:
    probes = [
        Probe("a", due=1.0, answered=1.2),
        Probe("a", due=1.1, answered=1.3),
        Probe("b", due=1.0, answered=0.0),  # never acknowledged, so nothing is owed to it
        Probe("a", due=2.0, answered=2.1),
    ]
    seen = [Sighting("a", 2, 1.5)]
    found = delays(probes, seen)
    assert found.whole == pytest.approx([0.5, 0.4])
    assert found.shown == pytest.approx([0.3, 0.2])
    assert found.unseen == 1


@few
@given(st.lists(st.tuples(seconds, seconds), min_size=1, max_size=30))
def test_the_sum_of_delays_does_not_depend_on_the_pairing(pairs: list[tuple[float, float]]) -> None:
    probes = [Probe("a", due, due + took) for due, took in pairs]
    shown = sorted(probe.answered + 0.01 for probe in probes)
    seen = [Sighting("a", number, at) for number, at in enumerate(shown, 1)]
    found = delays(probes, seen)
    assert found.unseen == 0
    assert sum(found.whole) == pytest.approx(sum(took for _, took in pairs) + 0.01 * len(pairs))
