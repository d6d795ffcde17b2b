"""Changing a calendar: the days of the stores concerned are summed again, and nothing else."""

from __future__ import annotations

import asyncpg
import pytest

from coffeert.cli import cli, run
from coffeert.domain.menu import Store
from coffeert.errors import ConfigError, Invalid, NotFound
from coffeert.postgres.calendars import (
    StoreCalendar,
    count_differing_days,
    load_store_calendars,
    refill_calendars,
    set_default_calendar,
    set_store_calendar,
    unset_store_calendar,
)
from coffeert.postgres.menu import add_store, listen_menu, retire_store
from coffeert.postgres.migrations import migrate
from coffeert.postgres.pool import Connection, close, connect
from tests.integration.postgres.wall_clock import ABBREVIATIONS
from tests.waiting import eventually

pytestmark = pytest.mark.long

STORES = ("uptown", "downtown", "central", "southend", "gone")  # the last is not on the menu
EXPECTED_DAYS = """
    SELECT business_day(
               coalesce((SELECT calendar FROM menu_store WHERE code = store), 1::smallint), bucket
           ) AS date,
           store, drink, sum(orders)::bigint, sum(quantity)::bigint, sum(revenue_cents)::bigint
    FROM rollup_quarter GROUP BY 1, 2, 3 ORDER BY 2, 1, 3
"""
KEPT_DAYS = "SELECT * FROM rollup_day ORDER BY store, date, drink"


@pytest.fixture
async def sold(connection: Connection) -> Connection:
    """A connection to a database in which every store has sold something in each of 400 hours."""
    await connection.execute(
        """
        INSERT INTO rollup_quarter
        SELECT quarter, store, drink, 3, 4, 1000 + extract(epoch FROM quarter)::bigint % 1000
        FROM generate_series(timestamptz '2026-03-20 00:15+00', '2026-04-05', '1 hour') AS quarter,
             unnest($1::text[]) AS store, unnest(ARRAY['tea', 'latte']) AS drink
        """,
        list(STORES),
    )
    await connection.execute(f"INSERT INTO rollup_day {EXPECTED_DAYS}")
    return connection


async def days(connection: Connection, *stores: str) -> list[tuple[object, ...]]:
    """Return what is kept of some stores, after comparing all days with the quarter hours."""
    kept = [tuple(row) for row in await connection.fetch(KEPT_DAYS)]
    assert kept == [tuple(row) for row in await connection.fetch(EXPECTED_DAYS)]
    return [row for row in kept if row[1] in stores]


async def lineage(connection: Connection) -> object:
    return await connection.fetchval("SELECT lineage FROM aggregator_state")


async def test_a_store_gets_days_of_its_own(sold: Connection) -> None:
    before, began = await days(sold, *STORES), await lineage(sold)
    chosen = await set_store_calendar(sold, "central", "europe/berlin", 240)
    assert chosen == StoreCalendar("Europe/Berlin", 240)
    assert await days(sold, "central") != [row for row in before if row[1] == "central"]
    others = [store for store in STORES if store != "central"]
    assert await days(sold, *others) == [row for row in before if row[1] != "central"]
    assert await lineage(sold) != began
    assert await unset_store_calendar(sold, "central") == StoreCalendar("UTC", 0)
    assert await days(sold, *STORES) == before


async def test_the_default_concerns_all_other_stores(sold: Connection) -> None:
    await set_store_calendar(sold, "central", starts=240)
    before, began = await days(sold, *STORES), await lineage(sold)
    assert await set_default_calendar(sold, "Asia/Kathmandu") == StoreCalendar("Asia/Kathmandu", 0)
    assert await set_default_calendar(sold, starts=15) == StoreCalendar("Asia/Kathmandu", 15)
    for store in STORES:
        changed = await days(sold, store) != [row for row in before if row[1] == store]
        assert changed is (store != "central"), store
    assert await lineage(sold) != began


async def test_stores_with_the_same_days_share_a_calendar(connection: Connection) -> None:
    for store in ("central", "uptown"):
        await set_store_calendar(connection, store, "Europe/Berlin", 240)
    assert await connection.fetchval("SELECT count(*) FROM calendar") == 2
    await set_store_calendar(connection, "uptown", starts=0)
    assert await load_store_calendars(connection) == {
        None: StoreCalendar("UTC", 0),
        "central": StoreCalendar("Europe/Berlin", 240),
        "uptown": StoreCalendar("Europe/Berlin", 0),
    }
    await unset_store_calendar(connection, "central")
    await unset_store_calendar(connection, "uptown")
    # Nobody's calendars are gone, and their days with them.
    assert await connection.fetchval("SELECT count(*) FROM calendar") == 1
    assert await connection.fetchval("SELECT count(DISTINCT calendar) FROM calendar_day") == 1


async def test_a_calendar_outlives_that_its_store_is_retired(connection: Connection) -> None:
    await set_store_calendar(connection, "central", "Europe/Berlin")
    await retire_store(connection, "central")
    await add_store(connection, Store("central", "Central"))
    assert "central" in await load_store_calendars(connection)


async def test_a_change_is_all_or_nothing(sold: Connection) -> None:
    before, began = await days(sold, *STORES), await lineage(sold)
    with pytest.raises(NotFound, match="The menu has no store 'nowhere'"):
        await set_store_calendar(sold, "nowhere", "Europe/Berlin", 240)
    with pytest.raises(NotFound, match="The menu has no store 'nowhere'"):
        await unset_store_calendar(sold, "nowhere")
    for starts in (-15, 10, 735):
        with pytest.raises(Invalid, match="whole quarter hour from 00:00 to 12:00"):
            await set_default_calendar(sold, starts=starts)
    await sold.execute("ALTER TABLE rollup_day ADD CHECK (date < '2026-04-05')")
    with pytest.raises(asyncpg.CheckViolationError):
        await set_default_calendar(sold, "Pacific/Kiritimati", 0)
    assert await load_store_calendars(sold) == {None: StoreCalendar("UTC", 0)}
    assert (await days(sold, *STORES), await lineage(sold)) == (before, began)


@pytest.mark.parametrize(
    "zone", [*sorted(ABBREVIATIONS), "Mars/Base", "ABC+3", "CEST", "posix/Europe/Berlin", "", "a'b"]
)
async def test_what_is_no_zone_of_a_place_is_refused(connection: Connection, zone: str) -> None:
    with pytest.raises(Invalid, match=r"^PostgreSQL has no time zone .*; name a place"):
        await set_default_calendar(connection, zone)
    with pytest.raises(asyncpg.InvalidParameterValueError, match="PostgreSQL has no time zone"):
        await connection.execute("UPDATE calendar SET zone = $1", zone)


async def test_a_change_is_announced(connection: Connection, other: Connection) -> None:
    heard: list[None] = []
    await listen_menu(other, lambda: heard.append(None))
    await set_default_calendar(connection, starts=15)
    await eventually(lambda: len(heard) == 1)


async def test_sql_alone_keeps_the_days_in_step(connection: Connection) -> None:
    await connection.execute("UPDATE calendar SET starts = 60, zone = 'Asia/Tokyo'")
    await connection.execute("INSERT INTO calendar VALUES (7, 'Europe/Berlin', 0)")
    assert await count_differing_days(connection) == 0
    await connection.execute("UPDATE calendar SET id = 8 WHERE id = 7")
    assert await count_differing_days(connection) == 0
    await connection.execute("DELETE FROM calendar WHERE id = 8")
    assert await count_differing_days(connection) == 0
    with pytest.raises(asyncpg.RestrictViolationError, match="cannot be removed"):
        await connection.execute("DELETE FROM calendar")


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kathmandu"])
async def test_the_session_s_zone_does_not_matter(connection: Connection, zone: str) -> None:
    await connection.execute(f"SET timezone = '{zone}'")
    assert await count_differing_days(connection) == 0
    await connection.execute("INSERT INTO calendar VALUES (2, 'Europe/Berlin', 240)")
    await connection.execute("SET timezone = 'UTC'")
    assert await count_differing_days(connection) == 0


@pytest.mark.parametrize(
    ("damage", "differing"),
    [
        (
            "UPDATE calendar_day SET begins = begins - interval '15 min' WHERE date = '2026-04-01'",
            1,
        ),
        ("UPDATE calendar_day SET ends = ends + interval '15 min' WHERE date = '2026-04-01'", 1),
        ("DELETE FROM calendar_day WHERE date >= '2026-04-01' AND date < '2026-04-03'", 2),
        ("INSERT INTO calendar_day VALUES (1, '2100-01-03', '2100-01-03', '2100-01-04')", 1),
        ("INSERT INTO calendar_day VALUES (5, '2026-01-03', '2026-01-03', '2026-01-04')", 1),
        ("UPDATE calendar_day SET date = date + 1 WHERE date = '2100-01-02'", 2),
    ],
)
async def test_days_that_differ_are_counted_and_mended(
    sold: Connection, damage: str, differing: int
) -> None:
    assert (await count_differing_days(sold), await refill_calendars(sold)) == (0, 0)
    before, began = await days(sold, *STORES), await lineage(sold)
    await sold.execute(damage)
    await sold.execute("UPDATE rollup_day SET orders = 0")
    assert await count_differing_days(sold) == differing
    assert await refill_calendars(sold) == differing
    assert await count_differing_days(sold) == 0
    assert await days(sold, *STORES) == before
    assert await lineage(sold) != began


async def test_the_default_zone_is_that_of_the_migrating_command(empty_database_url: str) -> None:
    with pytest.raises(ConfigError, match="PostgreSQL has no time zone 'Mars/Base'; name a place"):
        await migrate(empty_database_url, timezone="Mars/Base")
    connection = await connect(empty_database_url, application_name="test")
    assert await connection.fetchval("SELECT to_regclass('coffeert_migrations')") is None
    await migrate(empty_database_url, timezone="europe/kyiv")
    assert await load_store_calendars(connection) == {None: StoreCalendar("Europe/Kyiv", 0)}
    assert await migrate(empty_database_url, timezone="Mars/Base") == []  # nobody needs it now
    await close(connection)


@pytest.fixture
def command_line(
    database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> str:
    monkeypatch.setenv("COFFEERT_DATABASE_URL", database_url)
    return database_url


def test_the_command_sets_and_shows_days(
    command_line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def printed(*words: str) -> str:
        assert run(cli, ["menu", *words]) == 0
        return capsys.readouterr().out

    assert printed("calendar", "--timezone", "Europe/Berlin") == (
        "Stores without a calendar of their own begin the day at 00:00, Europe/Berlin.\n"
    )
    assert printed("calendar", "central", "--day-starts", "4:00") == (
        "The store central begins the day at 04:00, Europe/Berlin.\n"
    )
    assert printed("calendar", "uptown", "--timezone", "Asia/Tokyo", "--day-starts", "12:00") == (
        "The store uptown begins the day at 12:00, Asia/Tokyo.\n"
    )
    assert printed("calendar", "--recompute") == "No day changed.\n"
    lines = [line.split() for line in printed("list").splitlines()]
    assert ["central", "Central", "04:00", "Europe/Berlin"] in lines
    assert ["uptown", "Uptown", "12:00", "Asia/Tokyo"] in lines
    assert ["southend", "Southend", "00:00", "Europe/Berlin", "(default)"] in lines
    assert printed("calendar", "uptown", "--default") == (
        "The store uptown begins the day at 00:00, Europe/Berlin.\n"
    )


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["--day-starts", "04:10"], 2, "must be a whole quarter hour from 00:00 to 12:00"),
        (["--day-starts", "12:15"], 2, "must be a whole quarter hour from 00:00 to 12:00"),
        (["--day-starts", "noon"], 2, "must be a time such as 04:00"),
        (["--timezone", "CET"], 1, "coffeert: PostgreSQL has no time zone 'CET'; name a place"),
        (["nowhere", "--day-starts", "04:00"], 1, "coffeert: The menu has no store 'nowhere'."),
        ([], 2, "Give --timezone, --day-starts or both"),
        (["--default"], 2, "Give --timezone, --day-starts or both"),
        (["central", "--recompute"], 2, "Give --timezone, --day-starts or both"),
        (["central", "--default", "--day-starts", "04:00"], 2, "Give --timezone, --day-starts"),
    ],
)
def test_the_command_answers_mistakes_with_one_sentence(
    command_line: str,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    code: int,
    sentence: str,
) -> None:
    assert run(cli, ["menu", "calendar", *words]) == code
    assert sentence in capsys.readouterr().err
