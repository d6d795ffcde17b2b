"""The small async Python API behind the terminal and the injector; scripts may use it too."""

from coffeert.client.events import (
    Beat,
    Connected,
    Connecting,
    Disconnected,
    FeedEvent,
    GapFound,
    MenuChanged,
    ViewChanged,
    ViewReset,
)
from coffeert.client.feed import DashboardFeed
from coffeert.client.placed import Placed

__all__ = [
    "Beat",
    "Connected",
    "Connecting",
    "DashboardFeed",
    "Disconnected",
    "FeedEvent",
    "GapFound",
    "MenuChanged",
    "Placed",
    "ViewChanged",
    "ViewReset",
]
