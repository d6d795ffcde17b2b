"""The aggregator: stands by, leads, passes at every interval, and publishes."""

from __future__ import annotations

import asyncio
import random
from datetime import tzinfo

import structlog
from msgspec.structs import replace

from coffeert.aggregator.aggregation_pass import CompletedPass, LeaderLease, run_pass
from coffeert.aggregator.projection import Projection
from coffeert.aggregator.publish import Publisher, message_of
from coffeert.aggregator.status import AggregatorStatus
from coffeert.aggregator.ticker import IntervalTimer
from coffeert.errors import (
    ClusterMismatch,
    CoffeertError,
    DatabaseUnavailable,
    Fenced,
    RedisUnavailable,
    SchemaMismatch,
)
from coffeert.postgres.leadership import end_stalled, term, try_lead
from coffeert.postgres.migrations import check_schema
from coffeert.postgres.pool import Connection, close, connect
from coffeert.wire.bus import PassStats

log = structlog.get_logger(__name__)

_STANDBY_POLL = 1.0
_RETRY_FIRST, _RETRY_MOST = 0.1, 2.0
_PUBLISH_TIMEOUT = 2.5  # with the wait for the next beat, well below the shortest term of a leader


class Aggregator:
    """One candidate for the lead; run as many as you like on one database."""

    def __init__(
        self, database_url: str, publisher: Publisher, *, interval: float, zone: tzinfo, name: str
    ) -> None:
        """Prepare; `interval` is in seconds, `zone` decides which orders are today's."""
        self.status = AggregatorStatus(name=name)
        self._url = database_url
        self._publisher = publisher
        self._interval = interval
        self._zone = zone
        self._name = name
        self._failures = 0
        self._ailing: type[CoffeertError] | None = None

    async def run(self) -> None:
        """Stand by and lead, through outages of PostgreSQL and Redis, until cancelled."""
        while True:
            try:
                await self._serve_a_term()
            except Fenced as error:
                log.warning("lost the lead", name=self._name, reason=str(error))
                self._failures = 0
            except (DatabaseUnavailable, SchemaMismatch, ClusterMismatch) as error:
                self._note_failure(error)
            delay = min(_RETRY_MOST, _RETRY_FIRST * 2 ** min(self._failures, 8))
            await asyncio.sleep(delay * random.uniform(0.5, 1))

    async def once(self) -> CompletedPass:
        """Make and publish one pass, whether or not somebody leads; does not take the lead.

        Raises `DatabaseUnavailable`, `SchemaMismatch`, `ClusterMismatch` (nothing was counted), or
        `RedisUnavailable`, `Fenced` (it was counted, and is published with the next pass).
        """
        connection = await connect(self._url, application_name="coffeert aggregate-once")
        try:
            await check_schema(connection)
            await end_stalled(connection)
            passed = await run_pass(connection, None, self._zone, LeaderLease())
            try:
                await self._publish(passed)
            except Fenced:
                passed = await run_pass(
                    connection,
                    passed.projection,
                    self._zone,
                    LeaderLease(),
                    refused_token=passed.result.token,
                )
                await self._publish(passed)
        finally:
            await close(connection)
        return passed

    async def _serve_a_term(self) -> None:
        connection = await connect(self._url, application_name="coffeert aggregator")
        try:
            await check_schema(connection)
            await self._lead(connection, await self._stand_by(connection))
        finally:
            await close(connection)

    async def _stand_by(self, connection: Connection) -> int:
        while True:
            await end_stalled(connection)
            token = await try_lead(connection, name=self._name, interval=self._interval)
            if token is not None:
                return token
            self._note_well()
            self.status = replace(self.status, role="standing by", reason=None)
            await asyncio.sleep(min(self._interval, _STANDBY_POLL))

    async def _lead(self, connection: Connection, token: int) -> None:
        log.info("leading", name=self._name, token=token)
        mandate = LeaderLease(token, term(self._interval))
        projection: Projection | None = None
        refused_token: int | None = None
        ticker = IntervalTimer(self._interval)
        while True:
            passed = await run_pass(
                connection, projection, self._zone, mandate, refused_token=refused_token
            )
            projection = passed.projection
            self._failures = 0
            self._note_pass(passed)
            refused_token = await self._try_to_publish(passed)
            await ticker.beat()

    async def _try_to_publish(self, passed: CompletedPass) -> int | None:
        """Publish; return the token where Redis refuses it. Redis away is no reason not to pass."""
        reason = refused_token = None
        try:
            await self._publish(passed)
        except Fenced as error:
            reason, refused_token = str(error), passed.result.token
        except RedisUnavailable as error:
            reason = str(error)
        if reason is not None and self.status.redis_reason is None:
            log.warning("not published", name=self._name, reason=reason)
        elif reason is None and self.status.redis_reason is not None:
            log.info("publishes again", name=self._name)
        self.status = replace(self.status, redis_reason=reason)
        return refused_token

    async def _publish(self, passed: CompletedPass) -> None:
        result, projection = passed.result, passed.projection
        stats = PassStats(
            leader=result.leader or self._name,
            rows=result.rows,
            pass_ms=round(passed.milliseconds, 3),
            interval_s=self._interval,
        )
        try:
            async with asyncio.timeout(_PUBLISH_TIMEOUT):
                await self._publisher.publish(
                    message_of(result, stats), projection.cube, projection.recent
                )
        except TimeoutError:
            raise RedisUnavailable("Redis did not answer in time.") from None

    def _note_pass(self, passed: CompletedPass) -> None:
        self._note_well()
        self.status = replace(
            self.status,
            role="leading",
            reason=None,
            token=passed.result.token,
            number=passed.result.number,
            rows=passed.result.rows,
            cells=len(passed.result.cells),
            pass_ms=passed.milliseconds,
            data_time=passed.result.data_time,
        )

    def _note_failure(self, error: CoffeertError) -> None:
        self._failures += 1
        if type(error) is not self._ailing:
            log.warning("cannot aggregate", name=self._name, reason=str(error))
        self._ailing = type(error)
        self.status = replace(self.status, role="failing", reason=str(error))

    def _note_well(self) -> None:
        if self._ailing is not None:
            log.info("can aggregate again", name=self._name)
        self._ailing = None
