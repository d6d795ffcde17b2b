"""Arrivals: as many as asked for, in order, spread as the profile's curve says."""

from __future__ import annotations

import random
from itertools import islice, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coffeert.errors import ConfigError
from coffeert.inject.profile import PROFILES, profiles_named
from coffeert.inject.schedule import ArrivalPlan, arrivals, plan

STEADY = (PROFILES["steady"],)


@pytest.mark.parametrize(
    ("asked", "planned"),
    [
        ((200, None, 20), ArrivalPlan(4_000, 20)),
        ((200, 1_000, None), ArrivalPlan(1_000, 5)),
        ((None, 1_000, 20), ArrivalPlan(1_000, 20)),
        ((None, None, 20), ArrivalPlan(200, 20)),
        ((None, 50, None), ArrivalPlan(50, 5)),
        ((None, None, None), ArrivalPlan(600, 60, endless=True)),
        ((0.001, None, None), ArrivalPlan(1, 1_000, endless=True)),
    ],
)
def test_two_of_rate_count_and_duration_decide_the_third(
    asked: tuple[float | None, int | None, float | None], planned: ArrivalPlan
) -> None:
    assert plan(*asked) == planned


def test_all_three_are_refused() -> None:
    with pytest.raises(ConfigError, match="at most two"):
        plan(1, 1, 1)


@settings(deadline=None)
@given(
    st.integers(0, 400),
    st.floats(0.1, 1_000),
    st.lists(st.sampled_from(sorted(PROFILES)), min_size=1, max_size=4),
    st.integers(),
)
def test_exactly_the_orders_asked_for_in_order_within_the_time(
    count: int, seconds: float, names: list[str], seed: int
) -> None:
    profiles = profiles_named(",".join(names))
    dues = list(arrivals(ArrivalPlan(count, seconds), profiles, random.Random(seed)))
    assert len(dues) == count
    assert [due for due, _ in dues] == sorted(due for due, _ in dues)
    assert all(0 <= due <= seconds * (1 + 1e-9) for due, _ in dues)
    share = seconds / len(names)
    for due, profile in dues:
        assert profile.name in {
            names[min(int(due / share + d), len(names) - 1)] for d in (-1e-6, 1e-6)
        }


@pytest.mark.parametrize("name", sorted(PROFILES))
def test_arrivals_follow_the_curve(name: str) -> None:
    curve = PROFILES[name].curve
    dues = [due for due, _ in arrivals(ArrivalPlan(50_000, 1), (PROFILES[name],), random.Random(1))]
    parts = len(curve) - 1
    heights = [(low + high) / 2 for low, high in pairwise(curve)]
    for part, height in enumerate(heights):
        expected = 50_000 * height / sum(heights)
        found = sum(part / parts <= due < (part + 1) / parts for due in dues)
        assert abs(found - expected) < 6 * expected**0.5 + 50 / parts


def test_gaps_are_those_of_customers_who_do_not_know_each_other() -> None:
    dues = [due for due, _ in arrivals(ArrivalPlan(20_000, 20_000), STEADY, random.Random(1))]
    gaps = [later - due for due, later in pairwise(dues)]
    mean = sum(gaps) / len(gaps)
    variance = sum((gap - mean) ** 2 for gap in gaps) / len(gaps)
    assert variance**0.5 == pytest.approx(mean, rel=0.05), (
        "exponential gaps, as of a Poisson process"
    )


def test_without_an_end_the_curve_begins_anew() -> None:
    dues = [
        due
        for due, _ in islice(
            arrivals(ArrivalPlan(5, 10, endless=True), STEADY, random.Random(1)), 20
        )
    ]
    assert dues == sorted(dues)
    assert [int(due // 10) for due in dues] == [0] * 5 + [1] * 5 + [2] * 5 + [3] * 5


def test_an_unknown_profile_is_named() -> None:
    with pytest.raises(ConfigError, match=r"'siesta'.*rush-hour"):
        profiles_named("steady, siesta")
