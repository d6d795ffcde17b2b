"""Past orders for the demo: weeks of rush hours and weekends, and the last busy hours."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from coffeert.domain.orders import Draft
from coffeert.inject.profiles import PROFILES, random_items
from coffeert.wire.orders import MenuBody

# Orders by hour of the day, relative to one another: closed at night, a peak at eight, one at noon.
_WEEKDAY = (0, 0, 0, 0, 0, 1, 6, 12, 14, 9, 7, 7, 10, 9, 6, 5, 5, 4, 3, 2, 1, 0, 0, 0)
_WEEKEND = (0, 0, 0, 0, 0, 0, 1, 3, 6, 9, 11, 11, 10, 9, 8, 7, 5, 4, 3, 2, 1, 1, 0, 0)
_SATURDAY = 5
_KEYS = UUID("6f8e9d0e-2f0b-5c1a-9f51-0c0ffee00002")


def past_orders(
    menu: MenuBody, *, until: datetime, days: int, orders_a_day: int, seed: int = 0
) -> Iterator[Draft]:
    """Generate the orders of the `days` before `until`, oldest day first.

    `until` has an offset, which decides when the shops are open. Every day differs a little; trade
    grows slowly over the time, so that comparisons with the past have something to show. Calls on the same
    day generate the same orders under the same keys.
    """
    rng = random.Random(seed)
    weekday = random_items(PROFILES["rush-hour"], menu, rng)
    weekend = random_items(PROFILES["weekend"], menu, rng)
    midnight = until.replace(hour=0, minute=0, second=0, microsecond=0)
    for back in range(days, -1, -1):
        day = midnight - timedelta(days=back)
        at_weekend = day.weekday() >= _SATURDAY
        growth = 1 + 0.3 * (days - back) / max(1, days)
        count = round(orders_a_day * growth * rng.uniform(0.85, 1.15))
        hours = rng.choices(range(24), weights=_WEEKEND if at_weekend else _WEEKDAY, k=count)
        for number, hour in enumerate(hours):
            placed_at = day + timedelta(hours=hour, seconds=round(rng.uniform(0, 3600), 3))
            item = next(weekend if at_weekend else weekday)
            if placed_at < until:
                yield Draft(
                    item.store,
                    item.drink,
                    item.quantity,
                    placed_at=placed_at,
                    order_id=uuid5(_KEYS, f"{seed} {day.isoformat()} {number}"),
                )


def recent_orders(
    menu: MenuBody, *, until: datetime, minutes: int, orders_a_minute: float, seed: int = 0
) -> Iterator[Draft]:
    """Generate the orders of the last `minutes` before `until`, at the rate of the live ones to come.

    The rate rises and falls by a fifth. A minute has the same orders and keys each time.
    """
    end = until.replace(second=0, microsecond=0)
    for back in range(minutes, -1, -1):
        minute = end - timedelta(minutes=back)
        rng = random.Random(f"{seed} {minute.timestamp()}")
        items = random_items(PROFILES["steady"], menu, rng)
        factor = 1 + 0.2 * math.sin(minute.timestamp() / 60 / 7)
        count = round(orders_a_minute * factor * rng.uniform(0.85, 1.15))
        for number in range(count):
            placed_at = minute + timedelta(seconds=round(rng.uniform(0, 60), 3))
            item = next(items)
            if placed_at < until:
                yield Draft(
                    item.store,
                    item.drink,
                    item.quantity,
                    placed_at=placed_at,
                    order_id=uuid5(_KEYS, f"{seed} {minute.timestamp()} {number}"),
                )
