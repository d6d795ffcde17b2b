"""The health of every part of a server, for heartbeats, readiness and metrics."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Literal, TypeVar

import msgspec
import structlog

from coffeert.errors import CoffeertError, DatabaseUnavailable
from coffeert.postgres.session import STALLED_SECONDS, SessionStatus
from coffeert.redis_bus.bus import Bus
from coffeert.server.ingest.batch_writer import BatchWriter
from coffeert.server.live.broadcaster import Broadcaster
from coffeert.server.live.change_log import ChangeLog
from coffeert.server.live.live_view import LiveView
from coffeert.server.live.rollup_reader import RollupReader
from coffeert.server.live.updater import LiveUpdater
from coffeert.wire.frames import Heartbeat
from coffeert.wire.health import (
    AggregatorHealth,
    DatabaseHealth,
    DurabilityHealth,
    Health,
    IntakeHealth,
    PartHealth,
    RedisHealth,
    SocketsHealth,
)

log = structlog.get_logger(__name__)

Part = Literal["intake", "aggregator", "redis", "sockets", "database", "durability"]
Purpose = Literal["orders", "dashboards"]
_Figures = TypeVar("_Figures", bound=PartHealth)

_PROBE_TIMEOUT_SECONDS = 1.5
_RATE_WINDOW_SECONDS = 5.0
_STALE_INTERVALS = 3
_START_SECONDS = 3.0
_RECOVERY_PERIOD = timedelta(seconds=2)


class RateMeter:
    """How fast a counter rises, per second over the last five seconds."""

    def __init__(self) -> None:
        self._readings: deque[tuple[float, float]] = deque()

    def read(self, count: float, now: float) -> float:
        """Record the counter's present value and return its rate."""
        self._readings.append((now, count))
        while len(self._readings) > 2 and now - self._readings[1][0] >= _RATE_WINDOW_SECONDS:
            self._readings.popleft()
        then, before = self._readings[0]
        return round((count - before) / (now - then), 3) if now > then else 0.0


class _Incident(msgspec.Struct):
    since: datetime
    reason: str
    healthy_since: datetime | None = None


class IncidentTracker:
    """Since when each part has been unhealthy; logs one line when that begins and one when it ends.

    A part that is healthy for less than two seconds in between has been unhealthy all the time.
    """

    def __init__(self) -> None:
        self._incidents: dict[Part, _Incident] = {}

    def report(self, part: Part, reason: str | None, now: datetime) -> PartHealth:
        """Record why a part is unhealthy, or None if it is healthy; returns its state."""
        incident = self._incidents.get(part)
        if incident is not None and now < incident.since:  # the clock was put back
            incident.since, incident.healthy_since = now, None
        if reason is None:
            if incident is not None:
                self._report_healthy(part, incident, now)
            return PartHealth(at=now)
        if incident is None:
            incident = self._incidents[part] = _Incident(now, reason)
            log.warning("unhealthy", part=part, reason=reason)
        incident.reason, incident.healthy_since = reason, None
        return PartHealth(ok=False, at=now, since=incident.since, reason=reason)

    def _report_healthy(self, part: Part, incident: _Incident, now: datetime) -> None:
        if incident.healthy_since is None:
            incident.healthy_since = now
        if now - incident.healthy_since >= _RECOVERY_PERIOD:
            del self._incidents[part]
            seconds = (incident.healthy_since - incident.since).total_seconds()
            log.info("recovered", part=part, seconds=round(seconds, 1))


class HealthMonitor:
    """Collects the health of this server's parts, and probes PostgreSQL and Redis."""

    def __init__(
        self,
        *,
        batch_writer: BatchWriter,
        restored: Callable[[], int],
        unresolved: Callable[[], Awaitable[int]],
        live_view: LiveView,
        updater: LiveUpdater,
        broadcaster: Broadcaster,
        rollup_reader: RollupReader,
        bus: Bus,
    ) -> None:
        self._clock = rollup_reader.clock
        self.started = self._clock.now()
        self._started = time.monotonic()
        self.closing = False
        self._batch_writer = batch_writer
        self._restored = restored
        self._unresolved = unresolved
        self._unresolved_commits = 0
        self._live_view = live_view
        self._updater = updater
        self._broadcaster = broadcaster
        self._rollup_reader = rollup_reader
        self._bus = bus
        self._incidents = IncidentTracker()
        self._session: SessionStatus | None = None
        self._obstacle: str | None = None
        self._rates = {
            name: RateMeter() for name in ("orders", "published", "received", "frames", "bytes")
        }
        self.health = Health(
            live=updater.live,
            started=self.started,
            intake=IntakeHealth(),
            aggregator=AggregatorHealth(),
            redis=RedisHealth(),
            sockets=SocketsHealth(),
            database=DatabaseHealth(),
        )

    async def send_heartbeats(self, change_log: ChangeLog, interval: float) -> None:
        """Refresh the health and broadcast it every `interval` seconds, until cancelled."""
        while True:
            await self.refresh()
            await self._broadcaster.broadcast(
                Heartbeat(
                    epoch=change_log.epoch,
                    version=change_log.version,
                    data_time=self._live_view.view.data_time,
                    server_time=self._clock.now(),
                    health=self.health,
                )
            )
            await asyncio.sleep(interval)

    async def refresh(self) -> None:
        """Bring `health` up to date."""
        database, redis = await asyncio.gather(self._database(), self._redis())
        with suppress(DatabaseUnavailable):  # then they may still run
            self._unresolved_commits = await self._unresolved()
        durability = self.health.durability if self._session is None else self._durability()
        self._obstacle = self._find_obstacle()
        self.health = Health(
            live=self._updater.live,
            started=self.started,
            intake=self._intake(),
            aggregator=self._aggregator(),
            redis=redis,
            sockets=self._sockets(),
            database=database,
            durability=durability,
        )

    def ready(self, purpose: Purpose) -> bool:
        """Return True if orders can be stored, or dashboards be served, as of the last `refresh`."""
        if self.closing:
            return False
        if purpose == "dashboards":
            return self._live_view.loaded
        return self.health.database.ok and self._obstacle is None

    def _find_obstacle(self) -> str | None:
        """Say why no order can be stored although the database answers."""
        stalled = self._batch_writer.admission.stalled_seconds()
        if stalled > STALLED_SECONDS:
            return f"no commit has ended for {stalled:.0f} s"
        obstacle = self._session.obstacle() if self._session is not None else None
        if obstacle is None and self._unresolved_commits:
            return "an earlier commit has not ended"
        return obstacle or self._batch_writer.obstacle()

    @property
    def _starting(self) -> bool:
        return time.monotonic() - self._started < _START_SECONDS

    def _report(self, part: Part, figures: _Figures, reason: str | None) -> _Figures:
        """Complete the figures of a part by its state."""
        state = self._incidents.report(part, reason, self._clock.now())
        return msgspec.structs.replace(
            figures, ok=state.ok, at=state.at, since=state.since, reason=state.reason
        )

    async def _database(self) -> DatabaseHealth:
        figures, reason, session = DatabaseHealth(), None, None
        try:
            async with asyncio.timeout(_PROBE_TIMEOUT_SECONDS):
                figures, session = await self._rollup_reader.probe()
        except TimeoutError:
            reason = f"no answer within {_PROBE_TIMEOUT_SECONDS} s"
        except CoffeertError as error:
            reason = str(error)
        self._session = session  # only now: several may refresh at once
        return self._report("database", figures, reason)

    def _durability(self) -> DurabilityHealth:
        assert self._session is not None
        figures = DurabilityHealth(
            synchronous_commit=self._session.synchronous_commit,
            fsync=self._session.fsync,
            full_page_writes=self._session.full_page_writes,
        )
        return self._report("durability", figures, self._session.risk())

    async def _redis(self) -> RedisHealth:
        figures, reason = RedisHealth(), None
        try:
            async with asyncio.timeout(_PROBE_TIMEOUT_SECONDS):
                probe = await self._bus.probe()
            now, counts = time.monotonic(), self._bus.counts
            figures = RedisHealth(
                round_trip_ms=round(probe.round_trip_ms, 3),
                used_memory=probe.used_memory,
                published_per_s=self._rates["published"].read(counts.published, now),
                received_per_s=self._rates["received"].read(counts.received, now),
            )
            reason = probe.obstacle or self._updater.redis_obstacle
            if reason is None and not self._updater.connected and not self._starting:
                reason = "the subscription is being made again"
        except TimeoutError:
            reason = f"no answer within {_PROBE_TIMEOUT_SECONDS} s"
        except CoffeertError as error:
            reason = str(error)
        return self._report("redis", figures, reason)

    def _intake(self) -> IntakeHealth:
        writer, admission = self._batch_writer, self._batch_writer.admission
        wait = admission.predicted_wait()
        reason = None
        if self._obstacle is not None:
            reason = f"no order can be stored: {self._obstacle}"
        elif admission.refusing:
            reason = "more orders come than this process can answer, and some are refused"
        elif wait > admission.wait_limit:
            reason = "orders wait too long and are refused"
        figures = IntakeHealth(
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
            restored=self._restored(),
            unresolved_commits=self._unresolved_commits,
        )
        return self._report("intake", figures, reason)

    def _aggregator(self) -> AggregatorHealth:
        stats = self._updater.stats
        lag = max(0.0, (self._clock.now() - self._live_view.view.data_time).total_seconds())
        reason = None
        if self._live_view.overflowed:
            reason = "so many orders wait for a pass that new ones are not shown before it"
        elif not self._live_view.confirmed:
            reason = "PostgreSQL has not confirmed the figures, which may be old or a copy's"
        elif stats is None and not self._starting:
            reason = "no pass has been received"
        elif stats is not None and lag > _STALE_INTERVALS * stats.interval_s + 2:
            reason = f"the last pass is {lag:.0f} s old"
        elif stats is not None and stats.uncountable:
            reason = (
                f"{stats.uncountable} orders break a rule of the table and are not counted; "
                "the log of the aggregator names them"
            )
        elif stats is not None and stats.stale_minutes:
            reason = f"{stats.stale_minutes:,} minutes wait to be read again after voids"
        figures = AggregatorHealth(
            leader=stats.leader if stats else "",
            passes=max(0, self._live_view.number),
            interval_s=stats.interval_s if stats else 0,
            pass_ms=stats.pass_ms if stats else 0,
            rows=stats.rows if stats else 0,
            lag_s=round(lag, 3),
            uncountable=stats.uncountable if stats else 0,
            stale_minutes=stats.stale_minutes if stats else 0,
        )
        reported = self._report("aggregator", figures, reason)
        return msgspec.structs.replace(reported, at=self._updater.last_pass_at)

    def _sockets(self) -> SocketsHealth:
        figures, now = self._broadcaster.health(), time.monotonic()
        figures = msgspec.structs.replace(
            figures,
            frames_per_s=self._rates["frames"].read(figures.frames, now),
            bytes_per_s=self._rates["bytes"].read(figures.bytes, now),
        )
        reason = "no further client fits" if self._broadcaster.full else None
        return self._report("sockets", figures, reason)
