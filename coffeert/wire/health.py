"""The health of each part of the system, as it is sent to dashboards.

Every part says when it was last known (`at`); a part that is `ok: false` says why and since when.
Durations are in milliseconds, ages and intervals in seconds, rates per second.
"""

from __future__ import annotations

from datetime import datetime

import msgspec


class PartHealth(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whether a part works, when that was last known, and since when it has not."""

    ok: bool = True
    at: datetime | None = None
    since: datetime | None = None
    reason: str | None = None


class IntakeHealth(PartHealth, frozen=True, kw_only=True, omit_defaults=True):
    """The path from a request to the commit, on this server.

    `restored` counts acknowledged orders that the database had lost and has again; `unresolved_commits` are
    those that PostgreSQL may still be working on although their connections are closed.
    """

    orders_per_s: float = 0
    accepted: int = 0
    replayed: int = 0
    refused: int = 0
    shed: int = 0
    queue: int = 0
    queue_limit: int = 0
    predicted_wait_ms: float = 0
    wait_limit_ms: float = 0
    batch_size: float = 0
    commit_ms: float = 0
    restored: int = 0
    unresolved_commits: int = 0


class AggregatorHealth(PartHealth, frozen=True, kw_only=True, omit_defaults=True):
    """The leading aggregator, wherever it runs. `lag_s` is the age of the last pass's snapshot.

    `uncountable` is how many orders break a rule of the table, so that no rollup counts them.
    `stale_minutes` wait for another pass to find their first and last sale again, after so many voids:
    until then sessions may begin or end at a sale that was voided.
    """

    leader: str = ""
    passes: int = 0
    interval_s: float = 0
    pass_ms: float = 0
    rows: int = 0
    lag_s: float = 0
    uncountable: int = 0
    stale_minutes: int = 0


class RedisHealth(PartHealth, frozen=True, kw_only=True, omit_defaults=True):
    """Redis as this server sees it."""

    round_trip_ms: float = 0
    published_per_s: float = 0
    received_per_s: float = 0
    used_memory: int = 0


class SocketsHealth(PartHealth, frozen=True, kw_only=True, omit_defaults=True):
    """The WebSocket clients of this server. `conflated` counts updates merged for slow ones."""

    clients: int = 0
    clients_limit: int = 0
    frames: int = 0
    bytes: int = 0
    frames_per_s: float = 0
    bytes_per_s: float = 0
    conflated: int = 0
    dropped: int = 0
    frame_bytes: int = 0


class DatabaseHealth(PartHealth, frozen=True, kw_only=True, omit_defaults=True):
    """PostgreSQL as this server sees it.

    `clock_offset_s` is how far this server's clock is ahead of the database's, if that is over a second;
    `forward_refused` how many orders `coffeert forward` could not store in other installations.
    `pooler` is `transaction` behind a pooler in that mode. `standby` is empty without one to read, and else
    `read`, or why the primary is read instead.
    """

    pool: int = 0
    pool_idle: int = 0
    round_trip_ms: float = 0
    clock_offset_s: float = 0
    forward_refused: int = 0
    pooler: str = ""
    standby: str = ""


class DurabilityHealth(PartHealth, frozen=True, kw_only=True, omit_defaults=True):
    """What PostgreSQL does before it answers a commit: the settings in effect, as it spells them.

    `ok: false` if a crash could lose orders that were acknowledged; they are taken all the same.
    """

    synchronous_commit: str = ""
    fsync: str = ""
    full_page_writes: str = ""


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """All parts. `live`: orders are shown before the aggregator's next pass."""

    live: bool
    started: datetime
    intake: IntakeHealth
    aggregator: AggregatorHealth
    redis: RedisHealth
    sockets: SocketsHealth
    database: DatabaseHealth
    durability: DurabilityHealth = DurabilityHealth()
