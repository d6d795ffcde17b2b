"""Probes sent, and frames that count them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coffeert.lab.dashboard_clients import ProbeObservation
from coffeert.lab.experiments.order_to_screen import match_probes
from coffeert.lab.load_generator import Probe

seconds = st.floats(min_value=1e-5, max_value=100)


def test_probes_are_paired_with_the_frame_that_first_counts_them() -> None:
    probes = [
        Probe("a", due=1.0, answered=1.2),
        Probe("a", due=1.1, answered=1.3),
        Probe("b", due=1.0, answered=0.0),  # never acknowledged, so it need not be seen
        Probe("a", due=2.0, answered=2.1),
    ]
    seen = [ProbeObservation("a", 2, 1.5)]
    found = match_probes(probes, seen)
    assert found.from_due == pytest.approx([0.5, 0.4])
    assert found.from_ack == pytest.approx([0.3, 0.2])
    assert found.unseen == 1


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(seconds, seconds), min_size=1, max_size=30))
def test_the_sum_of_delays_does_not_depend_on_the_pairing(pairs: list[tuple[float, float]]) -> None:
    probes = [Probe("a", due, due + took) for due, took in pairs]
    shown = sorted(probe.answered + 0.01 for probe in probes)
    seen = [ProbeObservation("a", number, at) for number, at in enumerate(shown, 1)]
    found = match_probes(probes, seen)
    assert found.unseen == 0
    assert sum(found.from_due) == pytest.approx(sum(took for _, took in pairs) + 0.01 * len(pairs))
