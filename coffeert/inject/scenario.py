"""A scenario: made-up orders under a profile, the same ones again for the same seed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from uuid import UUID

from coffeert.domain.orders import Draft, new_order_id
from coffeert.inject.profile import Profile, WeightedItem, choices
from coffeert.inject.schedule import ArrivalPlan, arrivals
from coffeert.inject.scheduled_order import ScheduledOrder, key_from
from coffeert.wire.orders import MenuBody, draft_body, encode


def scenario(
    plan: ArrivalPlan, profiles: Sequence[Profile], menu: MenuBody, seed: int | None
) -> Iterator[ScheduledOrder]:
    """Make up orders.

    With a seed, the orders and their keys follow from the seed and the menu, so a second run adds
    nothing; without, every run makes new ones. No order says when it was placed or what it costs:
    the server's clock and menu decide, and so a repetition has the same content.
    """
    chance = random.Random(seed)
    # Arrivals and choices draw from sources of their own, so the orders do not depend on the pace.
    picks = {
        profile.name: choices(profile, menu, random.Random(chance.random())) for profile in profiles
    }
    heads: dict[WeightedItem, bytes] = {}
    for index, (due, profile) in enumerate(arrivals(plan, profiles, chance)):
        choice = next(picks[profile.name])
        head = heads.get(choice)
        if head is None:
            head = heads[choice] = _head(choice)
        key = new_order_id() if seed is None else _seeded_key(seed, index, choice)
        yield ScheduledOrder(b'%s,"order_id":"%s"}' % (head, str(key).encode()), due)


def _head(choice: WeightedItem) -> bytes:
    """Encode what all orders of one choice share, short of the closing brace."""
    return encode(draft_body(Draft(choice.store, choice.drink, choice.quantity)))[:-1]


def _seeded_key(seed: int, index: int, choice: WeightedItem) -> UUID:
    # The content is part of the key: another profile or menu under the same seed makes other orders
    # instead of conflicts.
    return key_from("seed", str(seed), str(index), choice.store, choice.drink, str(choice.quantity))
