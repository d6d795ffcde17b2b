"""The experiments: each is an async function from a `Harness` to an `Experiment`."""

from __future__ import annotations

from typing import Final

EXPERIMENTS: Final = {
    "intake": "intake:run_intake",
    "workers": "scaling:run_workers",
    "aggregation": "aggregation:run_aggregation",
    "late": "late:run_late",
    "feed": "feed:run_feed",
    "redis": "redis:run_redis",
    "websocket": "websocket:run_websocket",
    "order-to-screen": "order_to_screen:run_order_to_screen",
    "overload": "overload:run_overload",
    "idle": "idle:run_idle",
}
"""Module and function by name, in the order in which they run."""
