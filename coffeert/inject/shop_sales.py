"""The sales of the demo's shops on a date: the same ones for the same seed, wherever in the day one begins.

So what happened before the demo began and what is still to come are parts of one day, and sending a part
again adds nothing.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import accumulate, islice
from typing import Final, NamedTuple, TypeVar
from uuid import UUID

from coffeert.domain.orders import Draft
from coffeert.inject.profiles import QUANTITIES
from coffeert.inject.shop_habits import (
    AFTERNOON_BEGINS,
    MORNING_ENDS,
    SHOPS,
    TASTES,
    Peak,
    ShopHabits,
)

_T = TypeVar("_T")

LINES: Final = {1: 74.0, 2: 20.0, 3: 6.0}
"""How many receipts have so many lines."""

_STEPS_PER_HOUR: Final = 12
_DAY_STEPS: Final = 24 * _STEPS_PER_HOUR
_NOON: Final = 12 * 3600
_REFUNDED: Final = 0.004
_SEASON: Final = 0.15  # so that a comparison with last month has something to show
_DAYS_A_YEAR: Final = 365.25


class Sale(NamedTuple):
    """An order of a shop, and when its till sends it: at once, or late."""

    draft: Draft
    sent_at: datetime


def sales_of_day(
    day: date, zone: tzinfo, seed: int = 0, shops: Sequence[ShopHabits] = SHOPS
) -> list[Sale]:
    """Return the sales of a local date, in the order in which they are sent."""
    sales = [sale for shop in shops for sale in _sales_of_shop(shop, day, zone, seed)]
    sales.sort(key=lambda sale: (sale.sent_at, sale.draft.order_id))
    return sales


def sales_from(begin: datetime, zone: tzinfo, seed: int = 0) -> Iterator[Sale]:
    """Return the sales that are sent from a moment on, without end."""
    day = begin.astimezone(zone).date() - timedelta(days=1)  # a slow till may be past midnight
    while True:
        for sale in sales_of_day(day, zone, seed):
            if sale.sent_at >= begin:
                yield sale
        day += timedelta(days=1)


def _sales_of_shop(shop: ShopHabits, day: date, zone: tzinfo, seed: int) -> Iterator[Sale]:
    rng = random.Random(f"{seed} {shop.code} {day.isoformat()}")
    weekday = day.weekday()
    opens, closes = shop.hours_on(weekday)
    if rng.random() < shop.opens_late:
        opens += rng.uniform(*shop.late_minutes) / 60
    mean = shop.customers * shop.weekdays[weekday] * rng.uniform(0.93, 1.07) * _season(day)
    rates = [
        _rate(hour, shop.peaks_on(weekday)) if opens <= hour < closes else 0.0
        for hour in ((step + 0.5) / _STEPS_PER_HOUR for step in range(_DAY_STEPS))
    ]
    steps = rng.choices(
        range(_DAY_STEPS),
        cum_weights=list(accumulate(rates)),
        # The normal approximation of a Poisson number of customers.
        k=max(0, round(rng.gauss(mean, math.sqrt(mean)))),
    )
    step_seconds = 3600 / _STEPS_PER_HOUR
    moments = sorted((step + rng.random()) * step_seconds for step in steps)
    # From noon, so that a clock that was changed at night moves nothing.
    noon = datetime.combine(day, time(12), zone).timestamp()
    count = len(moments)
    tills = rng.choices((1, 2), (0.6, 0.4), k=count)
    lines = rng.choices(list(LINES), list(LINES.values()), k=count)
    drinks = [_endless(list(TASTES), weights, rng) for weights in _drink_weights(shop)]
    quantities = _endless(list(QUANTITIES), list(QUANTITIES.values()), rng)
    numbers = [0, 0, 0]
    for moment, till, wanted in zip(moments, tills, lines, strict=True):
        hour = moment / 3600
        part = 0 if hour < MORNING_ENDS else 1 if hour < AFTERNOON_BEGINS else 2
        numbers[till] += 1
        receipt = f"{shop.code[:2].upper()}{till}-{day:%y%m%d}-{numbers[till]:04d}"
        placed_at = datetime.fromtimestamp(round(noon + moment - _NOON, 3), UTC)
        late = timedelta(seconds=rng.uniform(20, 100) if till == shop.slow_till else 0)
        refund = rng.random() < _REFUNDED
        # Two lines of a receipt have different drinks.
        for drink in dict.fromkeys(islice(drinks[part], 1 if refund else wanted)):
            draft = Draft(
                shop.code,
                drink,
                -1 if refund else next(quantities),
                placed_at=placed_at,
                order_id=_order_id(placed_at, rng),
                source=f"till {till}",
                receipt=receipt,
            )
            yield Sale(draft, placed_at + late)


def _endless(values: Sequence[_T], weights: Sequence[float], rng: random.Random) -> Iterator[_T]:
    """Draw values without end: many at once, which takes a tenth of the time."""
    cumulative = list(accumulate(weights))
    while True:
        yield from rng.choices(values, cum_weights=cumulative, k=256)


def _season(day: date) -> float:
    return 1 + _SEASON * math.sin(2 * math.pi * day.timetuple().tm_yday / _DAYS_A_YEAR)


def _rate(hour: float, peaks: Sequence[Peak]) -> float:
    return 1 + sum(
        peak.height * math.exp(-(((hour - peak.hour) / peak.width) ** 2) / 2) for peak in peaks
    )


def _drink_weights(shop: ShopHabits) -> list[list[float]]:
    """Return the weights of the drinks in each part of the day."""
    return [
        [taste[part] * shop.tastes.get(drink, 1.0) for drink, taste in TASTES.items()]
        for part in range(3)
    ]


def _order_id(placed_at: datetime, rng: random.Random) -> UUID:
    """Return a UUIDv8 that sorts by time, so that the index of the ids grows at its end."""
    milliseconds = round(placed_at.timestamp() * 1000)
    drawn = rng.getrandbits(74)
    return UUID(
        int=milliseconds << 80 | 8 << 76 | (drawn >> 62) << 64 | 2 << 62 | drawn & ((1 << 62) - 1)
    )
