"""When requests are due: a Poisson process, which asks nobody whether earlier ones were answered."""

from __future__ import annotations

import random


def poisson(rate: float, seconds: float, seed: int) -> list[float]:
    """Return the moments, in seconds from 0, of a Poisson process with `rate` events a second."""
    chance = random.Random(seed)
    moments: list[float] = []
    at = chance.expovariate(rate)
    while at < seconds:
        moments.append(at)
        at += chance.expovariate(rate)
    return moments
