"""Having what a command has stored counted: by the aggregator that leads, or by passes of its own."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from datetime import timedelta
from typing import Final

from coffeert.aggregator.aggregator import Aggregator
from coffeert.cli.services import Services
from coffeert.config import Config
from coffeert.domain.orders import Order
from coffeert.domain.rollup_cube import RollupCube
from coffeert.errors import CoffeertError, Fenced, RedisUnavailable
from coffeert.postgres.imports import is_counted
from coffeert.postgres.pool import Connection
from coffeert.redis_bus.publisher import RedisPublisher
from coffeert.wire.bus import PassMessage

_POLL_SECONDS: Final = 0.1
_PATIENCE_SECONDS: Final = 120.0


async def count_orders(
    connection: Connection, config: Config, found: Services, xid: int | None
) -> str | None:
    """Return when a transaction is counted; otherwise the reason why it is not yet.

    Without an aggregator that leads, this makes a pass itself.
    """
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while xid is not None:
        counted, led = await is_counted(connection, xid)
        if counted:
            break
        if not led:
            return await _count(config, found)
        if time.monotonic() > deadline:
            return "the aggregator has not counted them yet"
        await asyncio.sleep(_POLL_SECONDS)
    return None


async def _count(config: Config, found: Services) -> str | None:
    publisher = RedisPublisher(found.redis_url) if found.redis_url else None
    aggregator = Aggregator(
        found.database_url,
        publisher or _Nowhere(),
        interval=config.aggregation_interval,
        keep_minutes=timedelta(seconds=config.minute_retention),
        name=f"{socket.gethostname()}:{os.getpid()}",
    )
    try:
        await aggregator.once()
    except (RedisUnavailable, Fenced):
        return None  # it was counted, and readers see it with the next pass
    except CoffeertError as error:
        return str(error)
    finally:
        if publisher is not None:
            await publisher.close()
    return None


class _Nowhere:
    """Publishes nothing, as if Redis were away."""

    async def publish(
        self, message: PassMessage, cube: RollupCube, recent: tuple[Order, ...]
    ) -> None:
        raise RedisUnavailable("No Redis is set.")

    async def feed_ticks_wanted(self) -> bool:
        raise RedisUnavailable("There is no Redis.")
