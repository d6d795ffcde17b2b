"""Profiles: how a shop's demand rises and falls, and what is ordered at which store."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import accumulate, product
from typing import Final

from coffeert.errors import ConfigError
from coffeert.wire.orders import MenuBody

QUANTITIES: Final = {1: 70.0, 2: 20.0, 3: 7.0, 4: 3.0}
_ITEMS_PER_DRAW = 256


@dataclass(frozen=True, slots=True)
class Profile:
    """A rate curve and what people order under it.

    `curve` holds rates relative to one another at evenly spaced moments, the first at the beginning
    and the last at the end, with straight lines between. Weights are relative too; a store or drink that
    is not named weighs 1.
    """

    name: str
    about: str
    curve: tuple[float, ...]
    stores: Mapping[str, float] = field(default_factory=dict)
    drinks: Mapping[str, float] = field(default_factory=dict)
    quantities: Mapping[int, float] = field(default_factory=lambda: QUANTITIES)


PROFILES: Final = {
    profile.name: profile
    for profile in (
        Profile(
            "steady",
            "the same demand all the time",
            (1.0, 1.0),
            stores={"central": 1.5, "downtown": 1.2},
            drinks={"latte": 3, "cappuccino": 2.5, "americano": 2, "espresso": 1.5},
        ),
        Profile(
            "rush-hour",
            "a steep morning peak of small strong coffees near the offices",
            (0.2, 0.4, 1.0, 2.2, 2.6, 2.0, 1.0, 0.5, 0.3),
            stores={"downtown": 3, "central": 2.5, "uptown": 0.8, "southend": 0.6},
            drinks={"espresso": 3, "americano": 3, "flat-white": 2, "latte": 2, "mocha": 0.5},
        ),
        Profile(
            "lunch",
            "two waves around noon, several cups an order",
            (0.5, 1.2, 1.8, 1.1, 1.6, 0.9, 0.5),
            stores={"central": 2.5, "downtown": 2},
            drinks={"cappuccino": 2.5, "cortado": 1.5, "tea": 1.5, "espresso": 2},
            quantities={1: 50, 2: 30, 3: 13, 4: 7},
        ),
        Profile(
            "weekend",
            "a long, flat hill where people live, large milky cups",
            (0.3, 0.7, 1.2, 1.5, 1.5, 1.3, 1.0, 0.6),
            stores={"uptown": 2.5, "southend": 2.5, "downtown": 0.6},
            drinks={"cappuccino": 3, "mocha": 2.5, "latte": 2.5, "tea": 1.5, "espresso": 0.7},
            quantities={1: 45, 2: 35, 3: 12, 4: 8},
        ),
        Profile(
            "burst",
            "nearly nothing, then ten times the mean at once",
            (0.3, 0.3, 0.3, 0.3, 0.3, 10.0, 0.3, 0.3, 0.3, 0.3, 0.3),
        ),
        Profile(
            "day",
            "a whole day from midnight to midnight",
            (0.04, 0.02, 0.1, 1.2, 2.6, 1.6, 1.6, 1.4, 1.4, 1.2, 0.6, 0.2, 0.04),
            drinks={"latte": 2.5, "cappuccino": 2.5, "americano": 2, "espresso": 1.5},
        ),
    )
}


def profiles_named(names: str) -> tuple[Profile, ...]:
    """Return the profiles of a comma-separated list; raises `ConfigError` naming an unknown one."""
    chosen = []
    for name in (part.strip() for part in names.split(",")):
        if name not in PROFILES:
            raise ConfigError(f"There is no profile {name!r}; there are {', '.join(PROFILES)}.")
        chosen.append(PROFILES[name])
    return tuple(chosen)


@dataclass(frozen=True, slots=True)
class OrderItem:
    """A store, a drink and how many."""

    store: str
    drink: str
    quantity: int


def random_items(profile: Profile, menu: MenuBody, rng: random.Random) -> Iterator[OrderItem]:
    """Draw items of the menu without end, weighted by the profile; equal `rng`s draw equal items.

    Raises `ConfigError` if the menu is empty.
    """
    variants = [
        (
            OrderItem(store.code, drink.code, quantity),
            profile.stores.get(store.code, 1.0) * profile.drinks.get(drink.code, 1.0) * weight,
        )
        for store, drink, (quantity, weight) in product(
            sorted(menu.stores, key=lambda store: store.code),
            sorted(menu.drinks, key=lambda drink: drink.code),
            profile.quantities.items(),
        )
    ]
    if not variants:
        raise ConfigError("The menu has no store or no drink, so nothing can be ordered.")
    population = [item for item, _ in variants]
    cumulative = list(accumulate(weight for _, weight in variants))
    while True:
        yield from rng.choices(population, cum_weights=cumulative, k=_ITEMS_PER_DRAW)
