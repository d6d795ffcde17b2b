"""Every name that coffeert uses in Redis, and the time to live of each key.

Redis holds nothing that cannot be read from PostgreSQL again, apart from links to the page that nobody has
opened yet, which live for minutes; so every key expires unless it is refreshed.
docs/redis.md has the same as a table.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from coffeert.domain.rollups import BUCKETS

_MINUTE = 60
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR

PROTOCOL: Final = 3
"""Rises with every change of a key's or a message's form, so that two versions never read each other's."""

# What is in braces decides the hash slot: in a cluster all keys are on one server.
_TAG: Final = "{coffeert}:"

PREFIX: Final = f"{_TAG}v{PROTOCOL}:"

PROTOCOL_IN_USE: Final = f"{_TAG}protocol"
"""String: the protocol of the aggregator that publishes; of one name in all versions."""

NOTHING: Final = f"{PREFIX}nothing"
"""No key. Deleting it is a write that changes nothing, and that only a server which takes ours answers."""

SNAPSHOT: Final = f"{PREFIX}snapshot"
"""Hash: all cells as of one pass; `coffeert.redis_bus.snapshot` describes the fields."""

TOP_DRINKS: Final = f"{PREFIX}top-drinks:30d"
"""Sorted set: drinks by their number of orders in the 30-day window."""

RECENT: Final = f"{PREFIX}recent"
"""List: the most recent orders as JSON, newest first."""

FEED_WANTED: Final = f"{PREFIX}feed-wanted"
"""String: there while somebody reads the feed at a standby, which cannot say so in PostgreSQL."""

PASS_CHANNEL: Final = f"{PREFIX}passes"
"""Channel: one `PassMessage` for each pass of the aggregator."""

BATCHES_CHANNEL: Final = f"{PREFIX}hot"
"""Channel: one `BatchesCommitted` for all that a server committed since its last frame."""

SNAPSHOT_TTL_SECONDS: Final = 2 * _DAY
"""Seconds that the snapshot outlives the last pass: a nightly `aggregate-once` still finds it."""

PROTOCOL_TTL_SECONDS: Final = 60
"""Seconds, or three intervals if that is longer, until a version that has ended stops no other."""

FENCE_TTL_SECONDS: Final = 7 * _DAY
"""Seconds that a fence outlives its lineage's last pass: a leader frozen for days is still refused."""


def fence(lineage: str) -> str:
    """Return the key of the string with the highest fencing token that a lineage has published with."""
    return f"{PREFIX}fence:{lineage}"


def login_code(digest: str) -> str:
    """Return the key of a one-time link to the page, by the SHA-256 of its code."""
    return f"{PREFIX}login-code:{digest}"


def hour(start: int) -> str:
    """Return the key of the hash of an hour, by its start in UTC: `{coffeert}:v3:hour:2026-01-31T09:00`."""
    return f"{PREFIX}hour:{datetime.fromtimestamp(start, UTC):%Y-%m-%dT%H:%M}"


def hour_ttl(start: int, as_of: int) -> int:
    """Return the seconds that the hash of an hour lives: until it has left the window, and an hour."""
    return start + (BUCKETS["hour"] + 1) * _HOUR - as_of


def another_protocol(found: int) -> str:
    """Say that the aggregator which publishes has another protocol than this version."""
    age = "A newer" if found > PROTOCOL else "An older"
    return (
        f"{age} version of coffeert publishes in this Redis (protocol {found}, and this one has "
        f"{PROTOCOL}): only one of them may run."
    )
