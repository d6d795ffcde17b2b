"""Windows are the database's: whatever zone or clock a server has, it shows what is stored."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import aiohttp
import pytest

from coffeert.postgres.calendars import set_default_calendar
from coffeert.postgres.pool import close, connect
from tests.integration.server.conftest import RunServer
from tests.integration.server.live.dashboards import part, place, shows, view
from tests.waiting import POLL, WITHIN

SetClock = Callable[[timedelta], Awaitable[object]]

_SKEWED_CLOCK = """
CREATE SCHEMA skewed;
CREATE TABLE skewed.skew (by interval);
INSERT INTO skewed.skew VALUES ('0');
CREATE FUNCTION skewed.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS
    'SELECT pg_catalog.clock_timestamp() + (SELECT by FROM skewed.skew)';
CREATE FUNCTION skewed.statement_timestamp() RETURNS timestamptz LANGUAGE sql STABLE AS
    'SELECT pg_catalog.statement_timestamp() + (SELECT by FROM skewed.skew)';
DO $$ BEGIN
    EXECUTE format('ALTER DATABASE %I SET search_path = skewed, pg_catalog, public',
                   current_database());
END $$;
"""


@pytest.fixture
async def set_clock(database_url: str) -> AsyncIterator[SetClock]:
    """Makes the database's clock differ from this machine's."""
    connection = await connect(database_url, application_name="test")
    await connection.execute(_SKEWED_CLOCK)
    yield lambda by: connection.execute("UPDATE skewed.skew SET by = $1", by)
    await close(connection)


def zone_with_a_cut_hour() -> ZoneInfo:
    """A zone whose midnight is not on the hour in UTC, and some hours ago."""
    names = ("Asia/Kolkata", "Asia/Kathmandu", "America/St_Johns", "Pacific/Marquesas")
    return next(zone for zone in map(ZoneInfo, names) if 3 <= datetime.now(zone).hour < 23)


async def test_servers_of_different_zones_show_the_day_of_the_calendar(
    run_server: RunServer, database_url: str
) -> None:
    zone = zone_with_a_cut_hour()
    connection = await connect(database_url, application_name="test")
    await set_default_calendar(connection, zone.key)
    await close(connection)
    midnight = datetime.now(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    settings = {"timezone": "Pacific/Auckland", "run_aggregator": False, "live_updates": False}
    async with (
        run_server(live_updates=False) as url,
        run_server(**settings) as other,
        aiohttp.ClientSession() as http,
    ):
        await place(http, url, 4, midnight + timedelta(minutes=5))
        await place(http, url, 1, midnight - timedelta(minutes=5))
        await shows(http, url, 5)
        await shows(http, url, 4, "today")
        await shows(http, other, 4, "today")
        async with run_server(**settings) as fresh:
            await shows(http, fresh, 4, "today")
        await place(http, url, 2, midnight + timedelta(minutes=20))
        await shows(http, other, 6, "today")


async def test_a_server_whose_clock_is_behind_shows_the_databases_hour(
    run_server: RunServer, set_clock: SetClock
) -> None:
    await set_clock(timedelta(minutes=10))
    now = datetime.now(UTC)
    async with run_server() as url, aiohttp.ClientSession() as http:
        await place(http, url, 3, now - timedelta(minutes=55))  # 65 before the database's now
        await place(http, url, 4, now - timedelta(minutes=45))
        await shows(http, url, 7, "hour")
        frame = await shows(http, url, 4, "minute")
        assert abs(frame.view.as_of - (now.timestamp() + 600)) <= 120
        async with asyncio.timeout(WITHIN):
            while "clock_offset_s" not in (database := await part(http, url, "database")):
                await asyncio.sleep(POLL)
        assert database["clock_offset_s"] == pytest.approx(-600, abs=1)
        assert "ok" not in await part(http, url, "aggregator")


async def test_a_clock_that_was_ahead_and_is_put_right_is_followed(
    run_server: RunServer, set_clock: SetClock
) -> None:
    # Heartbeats measure it too; here they do not come in time.
    async with run_server(heartbeat_interval=60) as url, aiohttp.ClientSession() as http:
        await place(http, url, 4, datetime.now(UTC) - timedelta(minutes=10))
        right = await shows(http, url, 4, "minute")
        await set_clock(timedelta(hours=2))
        ahead = await shows(http, url, 0, "minute")
        assert ahead.epoch == right.epoch
        assert ahead.view.as_of - right.view.as_of >= 7200
        await place(http, url, 1)
        await set_clock(timedelta(0))
        again = await shows(http, url, 5, "minute")
        assert again.epoch != ahead.epoch
        assert again.view.as_of - right.view.as_of <= 120
        await place(http, url, 1)
        await shows(http, url, 6, "minute")
        assert (await view(http, url)).epoch == again.epoch
