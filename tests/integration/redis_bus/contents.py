"""What lies in Redis, and what should: worked out from the cells alone, sharing no code with ours."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tests.integration.redis_bus.pass_factory import Pass

if TYPE_CHECKING:
    from redis import Redis

Contents = dict[str, Any]


def contents(redis: Redis) -> Contents:
    """Read every key, each by its type."""
    client: Any = redis  # its annotations cannot tell bytes from text
    found: Contents = {}
    for name in client.keys("*"):
        key = name.decode()
        match client.type(name):
            case b"hash":
                found[key] = {f.decode(): v.decode() for f, v in client.hgetall(name).items()}
            case b"zset":
                found[key] = {m.decode(): s for m, s in client.zrange(name, 0, -1, withscores=True)}
            case b"list":
                found[key] = [item.decode() for item in client.lrange(name, 0, -1)]
            case b"string":
                found[key] = client.get(name).decode()
            case kind:
                raise AssertionError(f"{key} is a {kind!r}")
    return found


def keys_for_people(made: Pass) -> Contents:
    """Work out the hashes of the hours, the top drinks and the list of recent orders."""
    expected: Contents = {}
    top: Counter[str] = Counter()
    for key, tally in made.cube.cells():
        if key.grain == "day":
            top[key.drink] += tally.orders
        if key.grain == "hour":
            start = datetime.fromtimestamp(key.bucket, UTC)
            hour = expected.setdefault(f"{{coffeert}}:v3:hour:{start:%Y-%m-%dT%H:%M}", Counter())
            for name in (f"{key.store}/{key.drink}", "total"):
                hour[f"{name}:orders"] += tally.orders
                hour[f"{name}:quantity"] += tally.quantity
                hour[f"{name}:revenue_cents"] += tally.cents
    expected = {
        name: {field: str(figure) for field, figure in hour.items()}
        for name, hour in expected.items()
    }
    if top:
        expected["{coffeert}:v3:top-drinks:30d"] = dict(top)
    if made.recent:
        expected["{coffeert}:v3:recent"] = [str(order.order_id) for order in made.recent]
    return expected


def found_for_people(found: Contents) -> Contents:
    """Take from contents what people read, orders by their ids."""
    shown = {
        name: value
        for name, value in found.items()
        if name not in {"{coffeert}:v3:snapshot", "{coffeert}:protocol"}
        and not name.startswith("{coffeert}:v3:fence:")
    }
    if "{coffeert}:v3:recent" in shown:
        shown["{coffeert}:v3:recent"] = [
            json.loads(o)["order_id"] for o in shown["{coffeert}:v3:recent"]
        ]
    return shown
