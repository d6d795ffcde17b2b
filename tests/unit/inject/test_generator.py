"""Generated orders: acceptable to any server, the same for the same seed, arriving as the curve says."""

from __future__ import annotations

import random
from collections import Counter
from itertools import islice, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coffeert.domain.orders import Draft
from coffeert.errors import ConfigError
from coffeert.inject.generator import ArrivalPlan, arrival_plan, arrivals, generate, run_name
from coffeert.inject.profiles import PROFILES, profiles_named
from coffeert.wire.order_requests import decode_order
from coffeert.wire.orders import MenuBody, MenuDrink, MenuStore

DRINKS = ("latte", "espresso", "mocha", "größe-xl")
MENU = MenuBody(
    (MenuStore("uptown", "Uptown"), MenuStore("downtown", "Downtown")),
    tuple(MenuDrink(code, code, "3.00") for code in DRINKS),
)
STEADY = (PROFILES["steady"],)
RUSH, WEEKEND = PROFILES["rush-hour"], PROFILES["weekend"]


def generated(seed: int | None, count: int = 500, *, menu: MenuBody = MENU) -> list[Draft]:
    orders = generate(ArrivalPlan(count, 1.0), (RUSH,), menu, "run", seed)
    return [decode_order(order.body) for order in orders]


def test_every_body_is_an_order_of_the_menu_with_a_key_of_its_own() -> None:
    drafts = generated(None)
    assert len({draft.order_id for draft in drafts}) == 500
    assert {draft.store for draft in drafts} == {"uptown", "downtown"}
    assert {draft.drink for draft in drafts} == set(DRINKS)
    assert {draft.quantity for draft in drafts} == {1, 2, 3, 4}
    assert {(draft.price_cents, draft.placed_at) for draft in drafts} == {(None, None)}


def test_made_up_orders_can_be_told_from_those_of_tills_and_by_their_run() -> None:
    assert {(draft.source, draft.receipt) for draft in generated(None)} == {("inject", "run")}


def test_each_run_has_a_name_of_its_own_but_a_seed_repeats_its_run() -> None:
    assert run_name(None) != run_name(None)
    assert run_name(7) == run_name(7) != run_name(8)


def test_the_same_seed_makes_the_same_orders_and_another_one_others() -> None:
    assert generated(7) == generated(7)
    assert {d.order_id for d in generated(7)}.isdisjoint(d.order_id for d in generated(8))


def test_without_a_seed_every_run_makes_new_orders() -> None:
    assert {d.order_id for d in generated(None)}.isdisjoint(d.order_id for d in generated(None))


def test_the_order_of_the_menu_does_not_matter_to_a_seed() -> None:
    reversed_menu = MenuBody(MENU.stores[::-1], MENU.drinks[::-1])
    assert generated(7, menu=reversed_menu) == generated(7)


def test_the_pace_does_not_change_the_orders() -> None:
    slow = generate(ArrivalPlan(50, 1_000.0), (RUSH,), MENU, "run", 7)
    assert [decode_order(order.body) for order in slow] == generated(7, 50)


def test_a_key_never_stands_for_two_contents() -> None:
    contents: dict[object, Draft] = {}
    for profile in (RUSH, WEEKEND):
        for order in generate(ArrivalPlan(2_000, 1.0), (profile,), MENU, "run", 7):
            draft = decode_order(order.body)
            assert contents.setdefault(draft.order_id, draft) == draft


def test_profiles_weigh_stores_and_drinks() -> None:
    drafts = generated(1, 5_000)
    stores = Counter(draft.store for draft in drafts)
    drinks = Counter(draft.drink for draft in drafts)
    assert stores["downtown"] > 2 * stores["uptown"]
    assert drinks["espresso"] > 3 * drinks["mocha"]


def test_an_empty_menu_is_an_error() -> None:
    with pytest.raises(ConfigError, match="menu has no"):
        generated(1, menu=MenuBody((), MENU.drinks))


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
    assert arrival_plan(*asked) == planned


def test_all_three_are_refused() -> None:
    with pytest.raises(ConfigError, match="at most two"):
        arrival_plan(1, 1, 1)


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


def test_gaps_are_those_of_independent_customers() -> None:
    dues = [due for due, _ in arrivals(ArrivalPlan(20_000, 20_000), STEADY, random.Random(1))]
    gaps = [later - due for due, later in pairwise(dues)]
    mean = sum(gaps) / len(gaps)
    variance = sum((gap - mean) ** 2 for gap in gaps) / len(gaps)
    assert variance**0.5 == pytest.approx(mean, rel=0.05), (
        "exponential gaps, as of a Poisson process"
    )


def test_without_an_end_the_curve_starts_over() -> None:
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
