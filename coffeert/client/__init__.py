"""The small async Python API behind the terminal and the injector; scripts may use it too.

    async with OrderClient("http://127.0.0.1:8765") as client:
        placed = await client.place(Draft(store="uptown", drink="latte"))
        await client.place(Draft("uptown", "latte", 6, total_cents=5000, key="till1-0042"))
        await client.void("till1-0042")

    async with DashboardFeed("http://127.0.0.1:8765") as feed:
        async for event in feed.events():
            if isinstance(event, ViewReset | ViewChanged):
                print(feed.view.cube.totals().today.orders)

    async for batch in Feed("http://127.0.0.1:8765", after=cursor):
        for event in batch.events:
            print(event.type, event.order().total_cents)
        cursor = batch.cursor

All errors are declared in `coffeert.errors`: `ApiError` and its subclasses for what the server
refuses, `ServerUnavailable` if there is no answer, `ConfigError` for a URL that cannot be used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from coffeert.client.events import (
    Beat,
    Connected,
    Connecting,
    Disconnected,
    FeedEvent,
    GapFound,
    MenuUpdated,
    PlacedOrder,
    ViewChanged,
    ViewReset,
)
from coffeert.domain.orders import Draft, Order, Void

if TYPE_CHECKING:
    from coffeert.client.change_feed import Feed, FeedBatch
    from coffeert.client.feed import DashboardFeed
    from coffeert.client.http import OrderClient, Receipt
    from coffeert.client.order_socket import OrderSocket

# Loaded on first use: aiohttp takes a quarter of a second, and the terminal paints its first screen with
# the events alone before that.
_LAZY = {
    "DashboardFeed": "coffeert.client.feed",
    "Feed": "coffeert.client.change_feed",
    "FeedBatch": "coffeert.client.change_feed",
    "OrderClient": "coffeert.client.http",
    "OrderSocket": "coffeert.client.order_socket",
    "Receipt": "coffeert.client.http",
}

__all__ = [
    "Beat",
    "Connected",
    "Connecting",
    "DashboardFeed",
    "Disconnected",
    "Draft",
    "Feed",
    "FeedBatch",
    "FeedEvent",
    "GapFound",
    "MenuUpdated",
    "Order",
    "OrderClient",
    "OrderSocket",
    "PlacedOrder",
    "Receipt",
    "ViewChanged",
    "ViewReset",
    "Void",
]


def __getattr__(name: str) -> object:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
