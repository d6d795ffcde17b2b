"""When orders arrive: customers come by themselves, whether earlier ones have been served or not."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from coffeert.errors import ConfigError
from coffeert.inject.profile import Profile

DEFAULT_RATE: Final = 10.0
PERIOD_SECONDS: Final = 60.0
"""How long a profile's curve takes where no end is given; it then begins anew."""

_STEPS = 1_000


@dataclass(frozen=True, slots=True)
class ArrivalPlan:
    """How many orders over how long; without an end, that again and again."""

    count: int
    seconds: float
    endless: bool = False


def plan(rate: float | None, count: int | None, seconds: float | None) -> ArrivalPlan:
    """Complete a plan from what was asked: of rate, count and duration, two decide the third."""
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


def arrivals(
    plan: ArrivalPlan, profiles: Sequence[Profile], chance: random.Random
) -> Iterator[tuple[float, Profile]]:
    """Give the seconds since the start at which each order is due, in order, and its profile.

    The profiles follow one another, each over an equal share of the time and of the orders. Within
    one, arrivals are those of a Poisson process with the profile's rate curve, given their number.
    """
    start = 0.0
    while True:
        share = plan.seconds / len(profiles)
        for index, profile in enumerate(profiles):
            before = plan.count * index // len(profiles)
            count = plan.count * (index + 1) // len(profiles) - before
            for due in _arrivals_within(profile.curve, count, chance):
                yield start + due * share, profile
            start += share
        if not plan.endless:
            return


def _arrivals_within(curve: Sequence[float], count: int, chance: random.Random) -> Iterator[float]:
    # Sorted uniform numbers, one at a time, mapped through the inverse of the curve's integral.
    steps = _step_shares(curve)
    step, reached, uniform = 0, 0.0, 0.0
    for left in range(count, 0, -1):
        uniform = 1 - (1 - uniform) * (1 - chance.random()) ** (1 / left)
        while step < _STEPS - 1 and reached + steps[step] < uniform:
            reached += steps[step]
            step += 1
        within = (uniform - reached) / steps[step] if steps[step] else 0.0
        yield (step + min(within, 1.0)) / _STEPS


def _step_shares(curve: Sequence[float]) -> list[float]:
    """Return which share of all arrivals falls into each of `_STEPS` equal steps."""
    segments = list(pairwise(curve))
    heights = []
    for step in range(_STEPS):
        segment, within = divmod((step + 0.5) / _STEPS * len(segments), 1)
        low, high = segments[int(segment)]
        heights.append(low + (high - low) * within)
    total = sum(heights)
    return [height / total for height in heights]
