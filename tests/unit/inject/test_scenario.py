"""Made-up orders: acceptable to any server, and the same again for the same seed."""

from __future__ import annotations

from collections import Counter

import pytest

from coffeert.domain.orders import Draft
from coffeert.errors import ConfigError
from coffeert.inject.profile import PROFILES
from coffeert.inject.scenario import scenario
from coffeert.inject.schedule import ArrivalPlan
from coffeert.wire.orders import MenuBody, MenuDrink, MenuStore, decode_order

DRINKS = ("latte", "espresso", "mocha", "größe-xl")
MENU = MenuBody(
    (MenuStore("uptown", "Uptown"), MenuStore("downtown", "Downtown")),
    tuple(MenuDrink(code, code, "3.00") for code in DRINKS),
)
RUSH, WEEKEND = PROFILES["rush-hour"], PROFILES["weekend"]


def made(seed: int | None, count: int = 500, *, menu: MenuBody = MENU) -> list[Draft]:
    shots = scenario(ArrivalPlan(count, 1.0), (RUSH,), menu, seed)
    return [decode_order(shot.body) for shot in shots]


def test_every_body_is_an_order_of_the_menu_with_a_key_of_its_own() -> None:
    drafts = made(None)
    assert len({draft.order_id for draft in drafts}) == 500
    assert {draft.store for draft in drafts} == {"uptown", "downtown"}
    assert {draft.drink for draft in drafts} == set(DRINKS)
    assert {draft.quantity for draft in drafts} == {1, 2, 3, 4}
    assert {(draft.price_cents, draft.placed_at) for draft in drafts} == {(None, None)}


def test_the_same_seed_makes_the_same_orders_and_another_one_others() -> None:
    assert made(7) == made(7)
    assert {d.order_id for d in made(7)}.isdisjoint(d.order_id for d in made(8))


def test_without_a_seed_every_run_makes_new_orders() -> None:
    assert {d.order_id for d in made(None)}.isdisjoint(d.order_id for d in made(None))


def test_the_order_of_the_menu_does_not_matter_to_a_seed() -> None:
    turned = MenuBody(MENU.stores[::-1], MENU.drinks[::-1])
    assert made(7, menu=turned) == made(7)


def test_the_pace_does_not_change_which_orders_come() -> None:
    slow = scenario(ArrivalPlan(50, 1_000.0), (RUSH,), MENU, 7)
    assert [decode_order(shot.body) for shot in slow] == made(7, 50)


def test_a_key_never_stands_for_two_contents() -> None:
    contents: dict[object, Draft] = {}
    for profile in (RUSH, WEEKEND):
        for shot in scenario(ArrivalPlan(2_000, 1.0), (profile,), MENU, 7):
            draft = decode_order(shot.body)
            assert contents.setdefault(draft.order_id, draft) == draft


def test_profiles_weigh_stores_and_drinks() -> None:
    drafts = made(1, 5_000)
    stores = Counter(draft.store for draft in drafts)
    drinks = Counter(draft.drink for draft in drafts)
    assert stores["downtown"] > 2 * stores["uptown"]
    assert drinks["espresso"] > 3 * drinks["mocha"]


def test_an_empty_menu_is_said_so() -> None:
    with pytest.raises(ConfigError, match="menu has no"):
        made(1, menu=MenuBody((), MENU.drinks))
