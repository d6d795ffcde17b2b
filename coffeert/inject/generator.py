"""Orders made up under a profile, and when they arrive: the same ones again for the same seed.

Customers arrive by themselves, whether earlier ones have been served or not: an open workload, whose
latencies do not hide a slow server (Schroeder et al., "Open Versus Closed", NSDI 2006).
"""

from __future__ import annotations

import random
import secrets
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice, pairwise
from typing import Final
from uuid import UUID

from coffeert.domain.orders import Draft, new_order_id
from coffeert.errors import ConfigError
from coffeert.inject.profiles import OrderItem, Profile, random_items
from coffeert.inject.scheduled_order import ScheduledOrder, key_from
from coffeert.wire.orders import MenuBody, draft_body, encode

DEFAULT_RATE: Final = 10.0
PERIOD_SECONDS: Final = 60.0
"""How long a profile's curve takes if there is no end; it then starts over."""

SOURCE: Final = "inject"
"""The source of made-up orders, so that they can be told from those of tills."""

_CHUNK_ORDERS = 256
_CURVE_STEPS = 1_000


@dataclass(frozen=True, slots=True)
class ArrivalPlan:
    """How many orders over how many seconds; `endless` repeats that for ever."""

    count: int
    seconds: float
    endless: bool = False


def arrival_plan(rate: float | None, count: int | None, seconds: float | None) -> ArrivalPlan:
    """Return the plan for a rate, a count and a duration, of which two decide the third."""
    if rate is not None and count is not None and seconds is not None:
        raise ConfigError(
            "Give at most two of --rate, --count and --duration: they decide the third."
        )
    if seconds is not None:
        orders = count if count is not None else round((rate or DEFAULT_RATE) * seconds)
        return ArrivalPlan(orders, seconds)
    rate = rate or DEFAULT_RATE
    if count is not None:
        return ArrivalPlan(count, count / rate)
    # A slow rate needs a longer period to have whole orders in it.
    period = max(PERIOD_SECONDS, 1 / rate)
    return ArrivalPlan(round(rate * period), period, endless=True)


def run_name(seed: int | None) -> str:
    """Return the name of a run, by which it can be taken back; one with a seed is the same run again."""
    if seed is not None:
        return f"seed {seed}"
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def generate(
    plan: ArrivalPlan,
    profiles: Sequence[Profile],
    menu: MenuBody,
    run: str,
    seed: int | None = None,
) -> Iterator[ScheduledOrder]:
    """Generate the orders of a plan: of the source `SOURCE`, and with the name of the run as receipt.

    With a seed, the orders and their keys follow from the seed and the menu, so a second run adds
    nothing; without, every run makes new ones. No order says when it was placed or what it costs: the
    server's clock and menu decide, and so a repetition has the same content.
    """
    rng = random.Random(seed)
    # Arrivals and items draw from generators of their own, so the orders do not depend on the pace.
    items = {
        profile.name: random_items(profile, menu, random.Random(rng.random()))
        for profile in profiles
    }
    heads: dict[OrderItem, bytes] = {}
    for index, (due, profile) in enumerate(arrivals(plan, profiles, rng)):
        item = next(items[profile.name])
        head = heads.get(item)
        if head is None:
            head = heads[item] = _body_without_key(item, run)
        key = new_order_id() if seed is None else _seeded_key(seed, index, item)
        yield ScheduledOrder(b'%s,"order_id":"%s"}' % (head, str(key).encode()), due)


async def generated_chunks(
    plan: ArrivalPlan,
    profiles: Sequence[Profile],
    menu: MenuBody,
    run: str,
    seed: int | None = None,
) -> AsyncIterator[Sequence[ScheduledOrder]]:
    """Generate the orders of a plan in chunks, as `inject` takes them."""
    orders = generate(plan, profiles, menu, run, seed)
    while chunk := list(islice(orders, _CHUNK_ORDERS)):
        yield chunk


def _body_without_key(item: OrderItem, run: str) -> bytes:
    """Encode what all orders of one item share, without the closing brace."""
    return encode(
        draft_body(Draft(item.store, item.drink, item.quantity, source=SOURCE, receipt=run))
    )[:-1]


def _seeded_key(seed: int, index: int, item: OrderItem) -> UUID:
    # The content is part of the key: another profile or menu under the same seed makes other orders
    # instead of conflicts.
    return key_from(SOURCE, str(seed), str(index), item.store, item.drink, str(item.quantity))


def arrivals(
    plan: ArrivalPlan, profiles: Sequence[Profile], rng: random.Random
) -> Iterator[tuple[float, Profile]]:
    """Return when each order is due, in seconds since the start and in order, and its profile.

    The profiles follow one another, each over an equal share of the time and of the orders. Within
    one, arrivals are those of a Poisson process with the profile's rate curve, given their number.
    """
    start = 0.0
    while True:
        share = plan.seconds / len(profiles)
        for index, profile in enumerate(profiles):
            before = plan.count * index // len(profiles)
            count = plan.count * (index + 1) // len(profiles) - before
            for due in _arrivals_within(profile.curve, count, rng):
                yield start + due * share, profile
            start += share
        if not plan.endless:
            return


def _arrivals_within(curve: Sequence[float], count: int, rng: random.Random) -> Iterator[float]:
    # Sorted uniform numbers, one at a time, mapped through the inverse of the curve's integral.
    steps = _step_shares(curve)
    step, reached, uniform = 0, 0.0, 0.0
    for left in range(count, 0, -1):
        uniform = 1 - (1 - uniform) * (1 - rng.random()) ** (1 / left)
        while step < _CURVE_STEPS - 1 and reached + steps[step] < uniform:
            reached += steps[step]
            step += 1
        within = (uniform - reached) / steps[step] if steps[step] else 0.0
        yield (step + min(within, 1.0)) / _CURVE_STEPS


def _step_shares(curve: Sequence[float]) -> list[float]:
    """Return which share of all arrivals falls into each of `_CURVE_STEPS` equal steps."""
    segments = list(pairwise(curve))
    heights = []
    for step in range(_CURVE_STEPS):
        segment, within = divmod((step + 0.5) / _CURVE_STEPS * len(segments), 1)
        low, high = segments[int(segment)]
        heights.append(low + (high - low) * within)
    total = sum(heights)
    return [height / total for height in heights]
