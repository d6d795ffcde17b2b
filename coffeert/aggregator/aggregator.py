"""The aggregator: waits for the lead, makes a pass at every interval, and publishes it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Literal, Protocol

import msgspec
import structlog
from msgspec.structs import replace

from coffeert.aggregator.aggregation_pass import CompletedPass, LeaderLease, message_of, run_pass
from coffeert.aggregator.feed_ticker import FeedTicker
from coffeert.aggregator.interval_timer import IntervalTimer
from coffeert.aggregator.projection import Projection
from coffeert.aggregator.sealing import seal_regularly
from coffeert.backoff import Backoff
from coffeert.domain.orders import Order
from coffeert.domain.rollup_cube import RollupCube
from coffeert.errors import (
    ClusterMismatch,
    CoffeertError,
    DatabaseUnavailable,
    Fenced,
    RedisUnavailable,
    SchemaMismatch,
)
from coffeert.postgres.connecting import has_session
from coffeert.postgres.feed import make_tick
from coffeert.postgres.leadership import (
    RENEW_SECONDS,
    end_lease,
    end_stalled,
    leads_for,
    renew_lease,
    try_lead,
)
from coffeert.postgres.migrations import check_schema
from coffeert.postgres.minute_retention import prune_minutes
from coffeert.postgres.passes import PassResult
from coffeert.postgres.pool import Connection, close, connect
from coffeert.tasks import Tasks
from coffeert.wire.bus import PassMessage, PassStats

log = structlog.get_logger(__name__)

_STANDBY_POLL_SECONDS = 1.0
_END_SECONDS = 1.0
_PRUNE_SECONDS = 600.0  # minutes leave by the hour
_MAX_RETRY_SECONDS = 2.0
# Together with the wait for the next pass well below the shortest term of a leader.
_PUBLISH_TIMEOUT_SECONDS = 2.5


class AggregatorStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The last known state of one aggregator; its figures are those of its own last pass.

    `reason` says why it is failing, `redis_reason` why the last pass was not published.
    """

    name: str
    role: Literal["starting", "standing by", "leading", "failing"] = "starting"
    reason: str | None = None
    redis_reason: str | None = None
    token: int = 0
    number: int = 0
    rows: int = 0
    cells: int = 0
    pass_ms: float = 0
    data_time: datetime | None = None


class Publisher(Protocol):
    """Where passes are published."""

    async def publish(
        self, message: PassMessage, cube: RollupCube, recent: tuple[Order, ...]
    ) -> None:
        """Publish a pass, and the cube and the recent orders after it.

        Raises `Fenced` if a later leader has published, and `RedisUnavailable` if it is not known
        whether anything was; publishing again is harmless.
        """

    async def feed_ticks_wanted(self) -> bool:
        """Return True if a server on a standby wants ticks of the feed; raises `RedisUnavailable`."""


class Aggregator:
    """One candidate for the lead; run as many as you like on one database."""

    def __init__(
        self,
        database_url: str,
        publisher: Publisher,
        *,
        interval: float,
        name: str,
        keep_minutes: timedelta = timedelta(days=45),
        keep_ticks: timedelta = timedelta(days=7),
        on_tick: Callable[[], None] = lambda: None,
    ) -> None:
        """`interval` is in seconds; `keep_minutes` and `keep_ticks` are how long these are kept.

        `on_tick` is called when a tick of the feed was made.
        """
        self.status = AggregatorStatus(name=name)
        self._url = database_url
        self._publisher = publisher
        self._interval = interval
        self._name = name
        self._keep_minutes = keep_minutes
        self._prune_at = float("-inf")
        self._feed_ticker = FeedTicker(
            database_url, publisher.feed_ticks_wanted,
            interval=interval, keep=keep_ticks, on_tick=on_tick,
        )  # fmt: skip
        self._backoff = Backoff(longest=_MAX_RETRY_SECONDS)
        self._last_error: type[CoffeertError] | None = None
        self._last: PassResult | None = None

    async def run(self) -> None:
        """Wait for the lead and lead, through outages of PostgreSQL and Redis, until cancelled."""
        while True:
            try:
                await self._run_term()
            except Fenced as error:
                log.warning("lost the lead", name=self._name, reason=str(error))
                self._backoff.reset()
            except (DatabaseUnavailable, SchemaMismatch, ClusterMismatch) as error:
                self._note_failure(error)
            await asyncio.sleep(self._backoff.next_delay())

    async def once(self) -> CompletedPass:
        """Make and publish one pass, whether or not another aggregator leads; does not take the lead.

        Raises `DatabaseUnavailable`, `SchemaMismatch`, `ClusterMismatch` (nothing was counted), or
        `RedisUnavailable`, `Fenced` (it was counted, and is published with the next pass).
        """
        connection = await connect(self._url, application_name="coffeert aggregate-once")
        try:
            await check_schema(connection)
            await end_stalled(connection)
            completed = await run_pass(connection, None, LeaderLease())
            await make_tick(connection)
            try:
                await self._publish(completed)
            except Fenced as error:
                completed = await run_pass(
                    connection,
                    completed.projection,
                    LeaderLease(),
                    refused=completed.result if error.same_lineage else None,
                )
                await self._publish(completed)
        finally:
            await close(connection)
        return completed

    async def _run_term(self) -> None:
        connection = await connect(self._url, application_name="coffeert aggregator")
        beside = Tasks()
        try:
            await check_schema(connection)
            token = await self._wait_for_leadership(connection)
            # Again: it may have been migrated while this aggregator was standing by, and cannot be while
            # it leads.
            await check_schema(connection)
            beside.start("sealing", lambda: seal_regularly(self._url, token))
            beside.start("feed ticks", lambda: self._feed_ticker.run(token))
            try:
                await self._lead(connection, token)
            finally:
                with suppress(DatabaseUnavailable, TimeoutError):
                    async with asyncio.timeout(_END_SECONDS):
                        await end_lease(connection, token)
        finally:
            try:
                await beside.stop()
            finally:
                await close(connection)

    async def _wait_for_leadership(self, connection: Connection) -> int:
        """Return the fencing token of this aggregator's term."""
        while True:
            await end_stalled(connection)
            token = await try_lead(connection, name=self._name, interval=self._interval)
            if token is not None:
                return token
            self._note_success()
            self.status = replace(self.status, role="standing by", reason=None)
            await asyncio.sleep(min(self._interval, _STANDBY_POLL_SECONDS))

    async def _lead(self, connection: Connection, token: int) -> None:
        lease = LeaderLease(token, leads_for(connection, self._interval))
        projection: Projection | None = None
        refused: PassResult | None = None
        timer = IntervalTimer(self._interval)
        while True:
            completed = await run_pass(
                connection, projection, lease, last=self._last, refused=refused
            )
            if projection is None:  # not before: while passes fail, each attempt is a further term
                log.info("leading", name=self._name, token=token)
            projection, self._last = completed.projection, completed.result
            self._backoff.reset()
            self._note_pass(completed)
            refused = await self._try_to_publish(completed)
            if time.monotonic() >= self._prune_at:
                more = await prune_minutes(connection, self._keep_minutes, token)
                self._prune_at = time.monotonic() + (0 if more else _PRUNE_SECONDS)
            if not has_session(connection):
                # A lease lasts for less than a long interval.
                while timer.left > RENEW_SECONDS:
                    await renew_lease(connection, token)
                    await asyncio.sleep(RENEW_SECONDS)
            await timer.wait()

    async def _try_to_publish(self, completed: CompletedPass) -> PassResult | None:
        """Publish; return the pass if Redis knows a later one of its lineage.

        Passes go on while Redis is away.
        """
        reason = refused = None
        try:
            await self._publish(completed)
        except Fenced as error:
            reason, refused = str(error), completed.result if error.same_lineage else None
        except RedisUnavailable as error:
            reason = str(error)
        if reason is not None and self.status.redis_reason is None:
            log.warning("not published", name=self._name, reason=reason)
        elif reason is None and self.status.redis_reason is not None:
            log.info("publishes again", name=self._name)
        self.status = replace(self.status, redis_reason=reason)
        return refused

    async def _publish(self, completed: CompletedPass) -> None:
        result, projection = completed.result, completed.projection
        stats = PassStats(
            leader=result.leader or self._name,
            rows=result.rows,
            pass_ms=round(completed.milliseconds, 3),
            interval_s=self._interval,
            uncountable=result.uncountable_in_all,
            stale_minutes=result.stale_minutes,
        )
        try:
            async with asyncio.timeout(_PUBLISH_TIMEOUT_SECONDS):
                await self._publisher.publish(
                    message_of(result, projection.cube.retention, stats),
                    projection.cube,
                    projection.recent,
                )
        except TimeoutError:
            raise RedisUnavailable("Redis did not answer in time.") from None

    def _note_pass(self, completed: CompletedPass) -> None:
        self._note_success()
        if completed.result.uncountable:
            log.error(
                "orders that break a rule of the table are not counted",
                orders=[str(order_id) for order_id in completed.result.uncountable],
            )
        self.status = replace(
            self.status,
            role="leading",
            reason=None,
            token=completed.result.token,
            number=completed.result.number,
            rows=completed.result.rows,
            cells=len(completed.result.cells),
            pass_ms=completed.milliseconds,
            data_time=completed.result.data_time,
        )

    def _note_failure(self, error: CoffeertError) -> None:
        if type(error) is not self._last_error:
            log.warning("cannot aggregate", name=self._name, reason=str(error))
        self._last_error = type(error)
        self.status = replace(self.status, role="failing", reason=str(error))

    def _note_success(self) -> None:
        if self._last_error is not None:
            log.info("can aggregate again", name=self._name)
        self._last_error = None
