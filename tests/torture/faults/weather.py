"""Bad weather on a way between two parts."""

from __future__ import annotations

import asyncio
import random

from tests.torture.proxy import Proxy


async def bad_weather(proxy: Proxy, rng: random.Random) -> None:
    """Put a proxy through every mood and cut, in a seeded order; it ends passing everything on."""
    for kind in rng.sample(["cut", "slow", "drip", "deaf", "refuse", "half"], 6):
        match kind:
            case "cut":
                proxy.cut()
            case "half":
                proxy.half_close()
            case "slow" | "drip" | "deaf" | "refuse":
                proxy.mood = kind
                if kind == "refuse":
                    proxy.cut()
        await asyncio.sleep(0.2 + rng.random() * 0.4)
        proxy.mood = "pass"
