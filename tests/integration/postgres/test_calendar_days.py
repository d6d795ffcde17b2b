"""The days that PostgreSQL computes, against the rule as it is written, in every zone.

`COFFEERT_ALL_ZONES=1 pytest -n 2 tests/integration/postgres/test_calendar_days.py` compares every day from
2000 to 2037 in every zone, with every start of day, by looking at every quarter hour; in a zone whose
clocks were always those of another, with two starts. Without it, that is done for the odd zones, with two
starts, and for all zones near some changes of the offset.

PostgreSQL may have other time zone data than Python. A day that differs from Python's must be the one
that the same rule gives with PostgreSQL's own conversions.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import asyncpg
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from coffeert.postgres.pool import Connection, connect
from tests.integration.postgres.wall_clock import (
    DATE,
    HOUR,
    QUARTER,
    WallClock,
    all_zones,
    begin,
    days_of_change,
    hour_of,
    same_clocks,
    unix,
    utc,
)
from tests.servers import TestServers

FIRST, LAST = unix("2000-01-01"), unix("2037-12-31")
STARTS = range(0, 735, 15)
ALL = bool(os.environ.get("COFFEERT_ALL_ZONES"))
ODD_ZONES = (
    "Africa/Cairo",
    "Africa/Casablanca",
    "America/Havana",
    "America/Nuuk",
    "America/Santiago",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Antarctica/Casey",
    "Antarctica/Troll",
    "Asia/Beirut",
    "Asia/Gaza",
    "Asia/Pyongyang",
    "Asia/Tehran",
    "Australia/Eucla",
    "Australia/Lord_Howe",
    "Europe/Berlin",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Pacific/Fakaofo",
)


def _chosen() -> list[tuple[str, tuple[int, ...]]]:
    if not ALL:
        # Other starts in each zone, all of them together.
        return [
            (zone, tuple((number * 105 + 360 * share) % 735 for share in range(2)))
            for number, zone in enumerate(ODD_ZONES)
        ]
    same = same_clocks(FIRST, LAST)
    return [(zone, (0, 240) if zone in same else tuple(STARTS)) for zone in all_zones()]


@dataclass(frozen=True)
class Database:
    """A connection for tests that only read."""

    runner: asyncio.Runner
    connection: Connection

    def fetch(self, query: str, *values: Any) -> list[asyncpg.Record]:
        return self.runner.run(self.connection.fetch(query, *values))

    def days(
        self, zone: str, starts: int, first: int = FIRST, last: int = LAST
    ) -> tuple[list[int], list[int], list[int]]:
        """Return dates, beginnings and ends."""
        (row,) = self.fetch(
            "SELECT array_agg(date_part('epoch', date)::bigint ORDER BY date),"
            " array_agg(date_part('epoch', begins)::bigint ORDER BY date),"
            " array_agg(date_part('epoch', ends)::bigint ORDER BY date)"
            " FROM calendar_days($1, $2, $3, $4)",
            zone,
            starts,
            utc(first).date(),
            utc(last).date(),
        )
        return tuple(row)

    def day(self, zone: str, starts: int, date: str) -> tuple[int, int]:
        """Return the beginning and the end of a day."""
        _, (begins,), (ends,) = self.days(zone, starts, unix(date), unix(date))
        return begins, ends

    def begin(self, zone: str, day: int, starts: int) -> int:
        """Apply the rule with PostgreSQL's conversions."""
        start = day + starts * 60
        (row,) = self.fetch(
            "SELECT extract(epoch FROM min(quarter))::bigint"
            " FROM generate_series($2::timestamptz, $3, interval '15 minutes') AS quarter"
            " WHERE quarter AT TIME ZONE $1 >= $4",
            zone,
            utc(start - 16 * HOUR),
            utc(start + 16 * HOUR),
            utc(start).replace(tzinfo=None),
        )
        began: int = row[0]
        return began


@pytest.fixture(scope="module")
def database(servers: TestServers, template_database: str) -> Iterator[Database]:
    with servers.database(template_database) as url, asyncio.Runner() as runner:
        connection = runner.run(connect(url, application_name="test"))
        yield Database(runner, connection)
        runner.run(connection.close())


@pytest.mark.parametrize(("zone", "starts"), _chosen())
@pytest.mark.timeout(1200)
def test_days_follow_the_rule(database: Database, zone: str, starts: tuple[int, ...]) -> None:
    step = QUARTER if len(starts) == len(STARTS) else DATE // 4
    clock = WallClock(zone, FIRST - 2 * DATE, LAST + 4 * DATE, step=step)
    dates = list(range(FIRST, LAST + DATE, DATE))
    for start in starts:
        found, begins, ends = database.days(zone, start)
        assert found == dates
        assert begins[1:] == ends[:-1]
        assert begins == sorted(begins)
        for day, begun in zip([*dates, LAST + DATE], [*begins, ends[-1]], strict=True):
            if begun != clock.begin(day, start):
                assert begun == database.begin(zone, day, start) != begin(zone, day, start)


@st.composite
def days_near_changes(draw: st.DrawFn) -> tuple[str, int, int]:
    """A zone, a start of day, and a date within two days of a change of the offset, if there is one."""
    zone = draw(st.sampled_from(all_zones()))
    changes = days_of_change(zone, FIRST, LAST) or [draw(st.integers(0, 13_800)) * DATE + FIRST]
    return (
        zone,
        draw(st.sampled_from(STARTS)),
        draw(st.sampled_from(changes)) + draw(st.integers(-2, 2)) * DATE,
    )


@given(days_near_changes())
@example(("Pacific/Apia", 0, unix("2011-12-30")))
@example(("Pacific/Apia", 720, unix("2011-12-29")))
@example(("Pacific/Fakaofo", 0, unix("2011-12-30")))
@example(("America/St_Johns", 0, unix("2010-11-07")))
@example(("America/Havana", 30, unix("2024-11-03")))
@example(("Australia/Lord_Howe", 105, unix("2025-04-06")))
@example(("Antarctica/Casey", 135, unix("2010-03-05")))
@example(("Asia/Gaza", 15, unix("2011-04-01")))
@pytest.mark.long
def test_days_near_a_change_of_the_offset(database: Database, drawn: tuple[str, int, int]) -> None:
    zone, starts, day = drawn
    dates, begins, ends = database.days(zone, starts, day - DATE, day + DATE)
    assert dates == [day - DATE, day, day + DATE]
    assert begins[1:] == ends[:-1]
    for date, begun in zip([*dates, day + 2 * DATE], [*begins, ends[-1]], strict=True):
        if begun != begin(zone, date, starts):
            assert begun == database.begin(zone, date, starts)


def test_no_zone_changes_twice_within_two_days(database: Database) -> None:
    """What `calendar_days` rests on where it does not look at every quarter."""
    zones = all_zones() if ALL else ODD_ZONES
    for zone in zones:
        changes = days_of_change(zone, FIRST - 2 * DATE, unix("2099-12-31"))
        assert all(b - a > 4 * DATE for a, b in pairwise(changes)), zone


def test_a_day_that_a_zone_skipped_is_empty(database: Database) -> None:
    apia, fakaofo = unix("2011-12-30 10:00"), unix("2011-12-30 11:00")
    assert database.day("Pacific/Apia", 0, "2011-12-30") == (apia, apia)
    assert database.day("Pacific/Fakaofo", 0, "2011-12-30") == (fakaofo, fakaofo)


def test_a_day_has_up_to_27_hours(database: Database) -> None:
    begins, ends = database.day("Antarctica/Casey", 0, "2010-03-05")
    assert ends - begins == 27 * HOUR


def test_a_start_inside_a_repeated_hour_is_the_first_one(database: Database) -> None:
    # Havana's clocks went from 01:00 back to 00:00 at 05:00 UTC, so 00:30 came at 04:30 and 05:30.
    assert database.day("America/Havana", 30, "2024-11-03")[0] == unix("2024-11-03 04:30")
    # St John's clocks went from 00:01 back to 23:01 of the day before: the new day goes on.
    assert database.day("America/St_Johns", 0, "2010-11-07")[0] == unix("2010-11-07 02:30")


def test_a_start_inside_a_skipped_hour_is_the_next_quarter(database: Database) -> None:
    # Berlin's clocks went from 02:00 to 03:00 at 01:00 UTC.
    assert database.day("Europe/Berlin", 150, "2026-03-29")[0] == unix("2026-03-29 01:00")


@pytest.mark.parametrize("zone", all_zones() if ALL else ODD_ZONES)
def test_local_hours_begin_at_the_full_hour(database: Database, zone: str) -> None:
    quarters = [
        quarter
        for day in days_of_change(zone, FIRST, LAST)[:: 1 if ALL else 5] or [FIRST]
        for quarter in range(day - HOUR, day + DATE + HOUR, QUARTER)
    ]
    rows = database.fetch(
        "SELECT extract(epoch FROM local_hour($1, quarter))::bigint,"
        " extract(minute FROM quarter AT TIME ZONE $1)::integer FROM unnest($2::timestamptz[]) AS quarter",
        zone,
        [utc(quarter) for quarter in quarters],
    )
    for quarter, (hour, minute) in zip(quarters, rows, strict=True):
        if hour != hour_of(zone, quarter):  # PostgreSQL has other data
            assert hour == quarter - minute * 60
