"""Health: the figures of every part, for heartbeats, readiness and metrics."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec

from coffeert.errors import CoffeertError
from coffeert.redis_bus.bus import Bus
from coffeert.server.ingest.batch_writer import BatchWriter
from coffeert.server.live.broadcaster import Broadcaster
from coffeert.server.live.live_view import LiveView
from coffeert.server.live.rollup_reader import RollupReader
from coffeert.server.live.updater import LiveUpdater
from coffeert.server.ops.incidents import IncidentTracker
from coffeert.wire.frames import Heartbeat
from coffeert.wire.health import (
    AggregatorHealth,
    DatabaseHealth,
    Health,
    IntakeHealth,
    RedisHealth,
    SocketsHealth,
)

_PROBE_TIMEOUT = 1.5
_RATE_WINDOW = 5.0
_STALE_INTERVALS = 3
_START_GRACE = timedelta(seconds=3)


class RateMeter:
    """How fast a counter rises, per second over the last few seconds."""

    def __init__(self) -> None:
        self._readings: deque[tuple[float, float]] = deque()

    def read(self, count: float, now: float) -> float:
        """Take in the counter's present value and return its rate."""
        self._readings.append((now, count))
        while len(self._readings) > 2 and now - self._readings[1][0] >= _RATE_WINDOW:
            self._readings.popleft()
        then, before = self._readings[0]
        return round((count - before) / (now - then), 3) if now > then else 0.0


class HealthMonitor:
    """Gathers the figures of this server, probing PostgreSQL and Redis once a heartbeat."""

    def __init__(
        self,
        *,
        writer: BatchWriter,
        live_view: LiveView,
        feed: LiveUpdater,
        hub: Broadcaster,
        database: RollupReader,
        bus: Bus,
    ) -> None:
        self.started = datetime.now(UTC)
        self.closing = False
        self._writer = writer
        self._live_view = live_view
        self._feed = feed
        self._hub = hub
        self._database = database
        self._bus = bus
        self._ailments = IncidentTracker()
        self._rates = {
            name: RateMeter() for name in ("orders", "published", "received", "frames", "bytes")
        }
        self.health = Health(
            live=feed.live,
            started=self.started,
            intake=IntakeHealth(),
            aggregator=AggregatorHealth(),
            redis=RedisHealth(),
            sockets=SocketsHealth(),
            database=DatabaseHealth(),
        )

    async def beat(self, interval: float, epoch_and_version: Callable[[], tuple[str, int]]) -> None:
        """Probe everything and send a heartbeat, every `interval` seconds, until cancelled."""
        while True:
            await self.refresh()
            epoch, version = epoch_and_version()
            await self._hub.beat(
                Heartbeat(
                    epoch=epoch,
                    version=version,
                    data_time=self._live_view.view.data_time,
                    server_time=datetime.now(UTC),
                    health=self.health,
                )
            )
            await asyncio.sleep(interval)

    async def refresh(self) -> None:
        """Bring the figures up to date."""
        database, redis = await asyncio.gather(self._probe_database(), self._probe_redis())
        now = datetime.now(UTC)
        self.health = Health(
            live=self._feed.live,
            started=self.started,
            intake=self._intake(now),
            aggregator=self._aggregator(now),
            redis=redis,
            sockets=self._sockets(now),
            database=database,
        )

    @property
    def _starting(self) -> bool:
        return datetime.now(UTC) - self.started < _START_GRACE

    async def _probe_database(self) -> DatabaseHealth:
        figures, reason = DatabaseHealth(), None
        try:
            async with asyncio.timeout(_PROBE_TIMEOUT):
                figures = await self._database.probe()
        except TimeoutError:
            reason = f"no answer within {_PROBE_TIMEOUT} s"
        except CoffeertError as error:
            reason = str(error)
        part = self._ailments.note("database", reason, datetime.now(UTC))
        return msgspec.structs.replace(figures, **msgspec.structs.asdict(part))

    async def _probe_redis(self) -> RedisHealth:
        figures, reason = RedisHealth(), None
        try:
            async with asyncio.timeout(_PROBE_TIMEOUT):
                probe = await self._bus.ping()
            now, counts = time.monotonic(), self._bus.counts
            figures = RedisHealth(
                round_trip_ms=round(probe.round_trip_ms, 3),
                used_memory=probe.used_memory,
                published_per_s=self._rates["published"].read(counts.published, now),
                received_per_s=self._rates["received"].read(counts.received, now),
            )
            if not self._feed.connected and not self._starting:
                reason = "the subscription is being made again"
        except TimeoutError:
            reason = f"no answer within {_PROBE_TIMEOUT} s"
        except CoffeertError as error:
            reason = str(error)
        part = self._ailments.note("redis", reason, datetime.now(UTC))
        return msgspec.structs.replace(figures, **msgspec.structs.asdict(part))

    def _intake(self, now: datetime) -> IntakeHealth:
        writer, admission = self._writer, self._writer.admission
        wait = admission.predicted_wait()
        reason = None
        if admission.refusing:
            reason = "more orders come than this process can answer, and some are refused"
        elif wait > admission.wait_limit:
            reason = "orders wait too long and are refused"
        return IntakeHealth(
            **msgspec.structs.asdict(self._ailments.note("intake", reason, now)),
            orders_per_s=self._rates["orders"].read(writer.accepted, time.monotonic()),
            accepted=writer.accepted,
            replayed=writer.replayed,
            refused=writer.refused,
            shed=admission.shed + admission.shedder.shed + admission.batches.shed,
            queue=admission.queued,
            queue_limit=admission.queue_limit(),
            predicted_wait_ms=round(wait * 1e3, 2),
            wait_limit_ms=round(admission.wait_limit * 1e3, 2),
            batch_size=round(admission.batch_size, 2),
            commit_ms=round(admission.batch_seconds * 1e3, 3),
        )

    def _aggregator(self, now: datetime) -> AggregatorHealth:
        stats = self._feed.stats
        lag = max(0.0, (now - self._live_view.view.data_time).total_seconds())
        reason = None
        if self._live_view.overflowed:
            reason = "so many orders wait for a pass that new ones are not shown before it"
        elif stats is None and not self._starting:
            reason = "no pass has been heard of"
        elif stats is not None and lag > _STALE_INTERVALS * stats.interval_s + 2:
            reason = f"the last pass is {lag:.0f} s old"
        part = self._ailments.note("aggregator", reason, now)
        return AggregatorHealth(
            ok=part.ok,
            at=self._feed.heard_at,
            since=part.since,
            reason=part.reason,
            leader=stats.leader if stats else "",
            passes=max(0, self._live_view.number),
            interval_s=stats.interval_s if stats else 0,
            pass_ms=stats.pass_ms if stats else 0,
            rows=stats.rows if stats else 0,
            lag_s=round(lag, 3),
        )

    def _sockets(self, now: datetime) -> SocketsHealth:
        figures, clock = self._hub.health(), time.monotonic()
        reason = "no further client fits" if self._hub.full else None
        return msgspec.structs.replace(
            figures,
            **msgspec.structs.asdict(self._ailments.note("sockets", reason, now)),
            frames_per_s=self._rates["frames"].read(figures.frames, clock),
            bytes_per_s=self._rates["bytes"].read(figures.bytes, clock),
        )
