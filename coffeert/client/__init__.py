"""The small async Python API behind the terminal and the injector; scripts may use it too.

    async with OrderClient("http://127.0.0.1:8765") as client:
        placed = await client.place(Draft(store="uptown", drink="latte"))

    async with DashboardFeed("http://127.0.0.1:8765") as feed:
        async for event in feed.events():
            if isinstance(event, ViewReset | ViewChanged):
                print(feed.view.cube.totals().today.orders)

Nothing raises but what `coffeert.errors` declares: `ApiError` and its kinds for what the server
refuses, `ServerUnavailable` where there is no answer, `ConfigError` for a URL that cannot be used.
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
    ViewChanged,
    ViewReset,
)
from coffeert.client.placed import PlacedOrder, Receipt
from coffeert.domain.orders import Draft, Order

if TYPE_CHECKING:
    from coffeert.client.feed import DashboardFeed
    from coffeert.client.http import OrderClient
    from coffeert.client.order_socket import OrderSocket

# What connects is loaded when it is asked for: aiohttp takes a quarter of a second, and a screen that
# so far needs nothing but the events is to be painted before that.
_CONNECTING = {
    "DashboardFeed": "coffeert.client.feed",
    "OrderClient": "coffeert.client.http",
    "OrderSocket": "coffeert.client.order_socket",
}

__all__ = [
    "Beat",
    "Connected",
    "Connecting",
    "DashboardFeed",
    "Disconnected",
    "Draft",
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
]


def __getattr__(name: str) -> object:
    if name in _CONNECTING:
        return getattr(import_module(_CONNECTING[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
