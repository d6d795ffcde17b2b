"""When requests are due."""

from __future__ import annotations

import math
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from coffeert.lab.load_generator import poisson


@settings(max_examples=25, deadline=None)
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
