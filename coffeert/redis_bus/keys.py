"""Every name that coffeert uses in Redis, and how long what it names may live.

Redis holds nothing that PostgreSQL cannot give again, so every key has a time to live: what nobody
refreshes goes away by itself. docs/redis.md has the same as a table, for people.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from coffeert.domain.rollups import HOURS_KEPT

_MINUTE = 60
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR

PREFIX: Final = "coffeert:"

SNAPSHOT: Final = f"{PREFIX}snapshot"
"""Hash: the whole picture as of one pass; the fields are described in `coffeert.redis_bus.snapshot`."""

TOP_DRINKS: Final = f"{PREFIX}top-drinks:30d"
"""Sorted set: drinks by their number of orders in the 30-day window."""

RECENT: Final = f"{PREFIX}recent"
"""List: the most recent orders as JSON, newest first."""

PASS_CHANNEL: Final = f"{PREFIX}passes"
"""Channel: one `PassMessage` for each pass of the aggregator."""

BATCHES_CHANNEL: Final = f"{PREFIX}hot"
"""Channel: one `BatchesCommitted` for what a server committed since its last frame."""

PICTURE_TTL: Final = 2 * _DAY
"""Seconds that the picture outlives the last pass: a nightly `aggregate-once` still finds it."""

FENCE_TTL: Final = 7 * _DAY
"""Seconds that a fence outlives its lineage's last pass: a leader frozen for days is still refused."""


def fence(lineage: str) -> str:
    """Name the string that holds the highest fencing token that a lineage has published with."""
    return f"{PREFIX}fence:{lineage}"


def hour(start: int) -> str:
    """Name the hash of one hour's figures, such as `coffeert:hour:2026-01-31T09`; UTC."""
    return f"{PREFIX}hour:{datetime.fromtimestamp(start, UTC):%Y-%m-%dT%H}"


def hour_ttl(start: int, as_of: int) -> int:
    """Return the seconds that an hour's hash lives: until it leaves the retention window, and a little more."""
    return start + (HOURS_KEPT + 1) * _HOUR - as_of
