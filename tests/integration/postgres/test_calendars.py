"""Looking up days and hours, in SQL and in Python, against the rule as it is written."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from coffeert.domain.calendar import BusinessCalendar, Calendars
from coffeert.postgres.calendars import load_calendars
from coffeert.postgres.pool import Connection, connect
from coffeert.postgres.queries import sql
from tests.integration.postgres.wall_clock import (
    DATE,
    HOUR,
    QUARTER,
    WallClock,
    days_of_change,
    hour_of,
    offset_at,
    unix,
    utc,
)
from tests.servers import TestServers

FIRST, LAST = unix("2000-01-01"), unix("2037-12-31")
# The first is the default; the starts are where something odd happens.
CALENDARS = (
    ("Europe/Berlin", 150),
    ("Pacific/Apia", 0),
    ("America/St_Johns", 0),
    ("Australia/Lord_Howe", 105),
    ("Asia/Gaza", 15),
    ("Antarctica/Casey", 135),
    ("America/Sao_Paulo", 720),
)


class Loader:
    """A connection to a database with `CALENDARS`, for tests that only read."""

    def __init__(self, runner: asyncio.Runner, connection: Connection) -> None:
        self._runner = runner
        self._connection = connection

    def load(self, start: int, end: int) -> Calendars:
        """Load all calendars for a span."""
        return self._runner.run(load_calendars(self._connection, start, end))

    def look_up(self, calendar: int, moments: list[int]) -> list[tuple[int, int, int]]:
        """Return in SQL the date of each moment, when its hour began, and the offset."""
        rows = self._runner.run(
            self._connection.fetch(
                "SELECT extract(epoch FROM business_day(id, moment))::bigint,"
                " extract(epoch FROM local_hour(zone, quarter))::bigint, utc_offset(zone, quarter)"
                " FROM calendar, unnest($2::timestamptz[]) WITH ORDINALITY AS m (moment, place),"
                " date_bin('15 minutes', moment, '2000-01-01 00:00+00') AS quarter"
                " WHERE id = $1 ORDER BY place",
                calendar,
                [utc(moment) for moment in moments],
            )
        )
        return [tuple(row) for row in rows]

    def agreed(self, zone: str) -> set[int]:
        """Return the dates around which PostgreSQL and Python have the same time zone data."""
        days = list(range(FIRST - 2 * DATE, LAST + 4 * DATE, DATE))
        offsets = self._runner.run(
            self._connection.fetchval(
                "SELECT array_agg(utc_offset($1, day) ORDER BY day) FROM unnest($2::timestamptz[]) AS day",
                zone,
                [utc(day) for day in days],
            )
        )
        pairs = zip(days, offsets, strict=True)
        differing = {day for day, offset in pairs if offset != offset_at(zone, day)}
        near = {day + shift * DATE for day in differing for shift in (-2, -1, 0, 1, 2)}
        return set(days) - near

    def pages(self, query: str, *values: object) -> int:
        """Return how many pages a query reads once it has been prepared."""
        explain = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {query}"
        for _ in range(2):
            text = self._runner.run(self._connection.fetchval(explain, *values))
        plan = json.loads(text)[0]["Plan"]
        pages: int = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
        return pages

    def day_at(self, calendar: int, moment: timedelta) -> object:
        """Return in SQL the date at a time since 1970, to the microsecond."""
        return self._runner.run(
            self._connection.fetchval(
                "SELECT business_day($1, '1970-01-01 00:00+00'::timestamptz + $2::interval)",
                calendar,
                moment,
            )
        )


@pytest.fixture(scope="module")
def loader(servers: TestServers, template_database: str) -> Iterator[Loader]:
    async def prepare(connection: Connection) -> None:
        await connection.execute(
            "UPDATE calendar SET zone = $1, starts = $2 WHERE id = 1", *CALENDARS[0]
        )
        for number, calendar in enumerate(CALENDARS[1:], start=2):
            await connection.execute("INSERT INTO calendar VALUES ($1, $2, $3)", number, *calendar)
        await connection.execute("UPDATE menu_store SET calendar = 3 WHERE code = 'central'")
        await connection.execute(
            "UPDATE menu_store SET calendar = 2, active = false WHERE code = 'uptown'"
        )

    with servers.database(template_database) as url, asyncio.Runner() as runner:
        connection = runner.run(connect(url, application_name="test"))
        runner.run(prepare(connection))
        yield Loader(runner, connection)
        runner.run(connection.close())


def odd_moments(zone: str, starts: int) -> list[int]:
    """The moments around the days of change, and on both sides of each beginning there."""
    clock = WallClock(zone, FIRST - 2 * DATE, LAST + 4 * DATE, step=DATE // 4)
    moments = [FIRST, LAST]
    for day in days_of_change(zone, FIRST + DATE, LAST - DATE):
        moments += range(day - 3 * HOUR, day + DATE + 3 * HOUR, 60 * 7)
        for near in (day - DATE, day, day + DATE):
            begins = clock.begin(near, starts)
            moments += (begins - 1, begins, begins + 1)
    return moments


@pytest.mark.parametrize("number", range(1, len(CALENDARS) + 1))
def test_days_and_hours_are_those_of_the_rule(loader: Loader, number: int) -> None:
    zone, starts = CALENDARS[number - 1]
    moments = odd_moments(zone, starts)
    moments += range(FIRST, LAST, 11 * DATE + 7 * HOUR + 11)
    agreed, drawn = loader.agreed(zone), len(moments)
    moments = [moment for moment in moments if moment - moment % DATE in agreed]
    assert len(moments) > 0.8 * drawn  # the days are proved for all data elsewhere
    clock = WallClock(zone, FIRST - 2 * DATE, LAST + 4 * DATE, step=DATE // 4)
    calendar = loader.load(FIRST, LAST + DATE - 1).calendars[number - 1]
    assert (calendar.zone, calendar.starts) == (zone, starts)
    for moment, in_sql in zip(moments, loader.look_up(number, moments), strict=True):
        day, hour, offset = in_sql
        assert clock.begin(day, starts) <= moment < clock.begin(day + DATE, starts)
        quarter = moment - moment % QUARTER
        assert (hour, offset) == (hour_of(zone, quarter), offset_at(zone, quarter))
        begins, ends = calendar.day(day)
        assert (begins, ends) == (clock.begin(day, starts), clock.begin(day + DATE, starts))
        in_python = (calendar.day_of(moment), calendar.hour_of(moment), calendar.offset_at(moment))
        assert in_python == in_sql


def test_a_day_ends_to_the_microsecond(loader: Loader) -> None:
    begins = timedelta(seconds=unix("2011-12-30 10:00"))  # the skipped day of Samoa, which is empty
    tick = timedelta(microseconds=1)
    assert str(loader.day_at(2, begins - tick)) == "2011-12-29"
    assert str(loader.day_at(2, begins)) == "2011-12-31"
    calendar = loader.load(unix("2011-12-29"), unix("2012-01-01")).calendars[1]
    assert calendar.day_of(begins.total_seconds() - 1e-6) == unix("2011-12-29")
    assert calendar.day_of(begins.total_seconds()) == unix("2011-12-31")
    assert calendar.day(unix("2011-12-30")) == (unix("2011-12-30 10:00"),) * 2


def test_a_day_is_found_by_one_probe(loader: Loader) -> None:
    probe = loader.pages("SELECT business_day(3::smallint, $1)", utc(unix("2026-03-28 12:00")))
    assert probe <= 8, probe
    whole = loader.pages("SELECT max(ends - begins) FROM calendar_day WHERE calendar = 3")
    assert whole > 200, whole  # so many would be read if it looked at all days
    span = (utc(unix("2026-02-28")), utc(unix("2027-04-01")))
    assert loader.pages(sql("load_calendars"), *span) < whole * len(CALENDARS) / 2


def test_moments_before_the_first_and_after_the_last_day_have_none(loader: Loader) -> None:
    assert loader.day_at(1, timedelta(seconds=unix("1999-12-29"))) is None
    assert loader.day_at(1, timedelta(seconds=unix("2100-01-04"))) is None
    assert str(loader.day_at(1, timedelta(seconds=unix("2100-01-01")))) == "2099-12-31"


@given(
    start=st.integers(FIRST, LAST - 80 * DATE),
    length=st.integers(0, 70 * DATE),
    shares=st.lists(st.floats(0, 1), min_size=1, max_size=20),
)
@example(unix("2011-12-28"), 4 * DATE, [0, 0.5, 1])
@example(unix("2010-11-07 02:29:59"), 1, [0, 1])
@example(unix("2025-04-05 15:10"), 3600, [0, 0.2, 0.4, 0.6, 0.8, 1])
def test_python_agrees_with_sql_for_any_span(
    loader: Loader, start: int, length: int, shares: list[float]
) -> None:
    calendars = loader.load(start, start + length)
    moments = [start + int(share * length) for share in shares]
    for calendar in calendars.calendars:
        for moment, in_sql in zip(moments, loader.look_up(calendar.id, moments), strict=True):
            assert in_sql == (
                calendar.day_of(moment),
                calendar.hour_of(moment),
                calendar.offset_at(moment),
            )
            begins, ends = calendar.day(calendar.day_of(moment))
            assert begins <= moment < ends


@given(start=st.integers(FIRST, LAST), length=st.integers(0, 70 * DATE))
@example(unix("2000-01-01"), 0)
def test_only_the_span_is_loaded(loader: Loader, start: int, length: int) -> None:
    for calendar in loader.load(start, start + length).calendars:
        assert calendar.begins[0] <= start < calendar.ends[0] or (
            calendar.begins[0] == calendar.ends[0]
        )
        assert calendar.begins[-1] <= start + length < calendar.ends[-1]
        assert calendar.begins[1:] == calendar.ends[:-1]
        assert calendar.offset_from[0] == start - start % QUARTER
        for moment in (start - 1, start + length + 1):
            with pytest.raises(ValueError, match="is outside of the span from"):
                calendar.day_of(moment)
            with pytest.raises(ValueError, match="is outside of the span from"):
                calendar.hour_of(moment)
        for date in (calendar.dates[0] - DATE, calendar.dates[-1] + DATE, calendar.dates[0] + 1):
            with pytest.raises(ValueError, match="is not one of the days from"):
                calendar.day(date)


def test_every_store_has_a_calendar(loader: Loader) -> None:
    calendars = loader.load(unix("2026-01-01"), unix("2026-02-01"))
    zones = {
        store: calendars.of(store).zone
        for store in ("central", "uptown", "downtown", "no-such-store", "")
    }
    assert zones == {
        "central": "America/St_Johns",
        "uptown": "Pacific/Apia",
        "downtown": "Europe/Berlin",
        "no-such-store": "Europe/Berlin",
        "": "Europe/Berlin",
    }
    assert calendars == loader.load(unix("2026-01-01"), unix("2026-02-01"))
    assert calendars != loader.load(unix("2026-01-01"), unix("2026-02-02"))


@pytest.mark.parametrize(
    ("start", "end"),
    [("1999-12-28", "2000-01-02"), ("2099-12-30", "2100-01-05"), ("1970-01-01", "2105-01-01")],
)
def test_a_span_that_no_calendar_reaches_is_refused(loader: Loader, start: str, end: str) -> None:
    with pytest.raises(ValueError, match="calendars reach from 1999-12-30 to 2100-01-02"):
        loader.load(unix(start), unix(end))


def test_a_calendar_is_a_value(loader: Loader) -> None:
    calendar = loader.load(unix("2026-01-01"), unix("2026-01-02")).calendars[0]
    with pytest.raises(AttributeError):
        calendar.zone = "UTC"  # type: ignore[misc]  # that it cannot be assigned is the test
    assert isinstance(hash(calendar), int)
    assert isinstance(calendar, BusinessCalendar)
