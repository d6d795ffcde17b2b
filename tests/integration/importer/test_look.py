"""What a look says, and what is stored of it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from coffeert.domain.menu import Drink, Store
from coffeert.domain.order_keys import void_key
from coffeert.errors import ImportRefused
from coffeert.importer.rows import RejectedRow, SaleLine, SkippedRow
from coffeert.postgres.calendars import StoreCalendar, load_store_calendars
from coffeert.postgres.installation import load_currency, set_currency
from coffeert.postgres.menu import load_menu, retire_drink
from coffeert.postgres.pool import Connection
from coffeert.postgres.verification import verify
from tests.integration.importer.importing import Importer, line
from tests.integration.postgres.passing import run_pass


async def test_what_the_menu_lacks_is_added_at_the_most_frequent_price(importer: Importer) -> None:
    rows = [
        line(1, store="Kiosk", drink="Cocoa", price=390),
        line(2, store="Kiosk", drink="Cocoa", price=410, minutes=1),
        line(3, store="Kiosk", drink="Cocoa", price=410, minutes=2),
        line(4, store="Kiosk", drink="cocoa", price=None, minutes=3),
    ]
    looked = await importer.look(rows)
    assert looked.look.additions.stores == [Store("kiosk", "Kiosk")]
    assert looked.look.additions.drinks == [Drink("cocoa", "Cocoa", 410)]
    assert looked.sums.in_file == 390 + 3 * 410
    await importer.store(looked)
    assert (await importer.totals())[2] == 390 + 3 * 410
    assert (await load_menu(importer.connection)).list_price("cocoa") == 410


async def test_a_look_changes_nothing(importer: Importer) -> None:
    await importer.look([line(1, store="Kiosk", drink="Cocoa", price=390)])
    assert not (await load_menu(importer.connection)).sells_at("kiosk")
    assert await importer.totals() == (0, 0, 0)


async def test_a_new_drink_without_a_price_is_refused(importer: Importer) -> None:
    with pytest.raises(ImportRefused, match="no price for 'Cocoa'"):
        await importer.look([line(1, drink="Cocoa", price=None)])


async def test_rows_without_a_price_are_the_same_after_the_price_has_changed(
    importer: Importer,
) -> None:
    rows = [line(1, price=None)]
    await importer.load(rows)
    await importer.connection.execute("UPDATE menu_drink SET price_cents = 1")
    looked = await importer.look(rows)
    assert (looked.identity.new, looked.sums.rejected) == (0, 0)
    assert (await importer.totals())[2] == 480


async def test_retired_drinks_are_history(importer: Importer) -> None:
    await retire_drink(importer.connection, "latte")
    looked = await importer.look([line(1)])
    assert looked.look.additions.retired == ["Latte"]
    assert (await importer.store(looked)).orders == 1
    assert (await load_menu(importer.connection)).list_price("latte") is None


async def test_amounts_refunds_and_receipts_are_stored(
    importer: Importer, connection: Connection
) -> None:
    await importer.load(
        [
            line(1, quantity=6, price=None, total=50_000, receipt="A-1"),
            line(2, quantity=-2, price=480, total=-960, receipt="A-2"),
            line(3, quantity=1, price=480, total=0),
        ],
        source="till 1",
    )
    rows = await connection.fetch(
        "SELECT quantity, price_cents, amount, source, receipt, import_id FROM orders "
        "ORDER BY quantity DESC"
    )
    assert [tuple(row) for row in rows] == [
        (6, 8333, 50_000, "till 1", "A-1", 1),
        (1, 480, 0, "till 1", None, 1),
        (-2, 480, None, "till 1", "A-2", 1),
    ]
    await run_pass(connection)
    assert (await verify(connection)).exact
    await importer.undo(1)
    assert await importer.totals() == (0, 0, 0)
    await run_pass(connection)
    assert (await verify(connection)).exact


async def test_sums_are_by_business_day_and_store(
    importer: Importer, connection: Connection
) -> None:
    await connection.execute("UPDATE calendar SET zone = 'America/New_York', starts = 240")
    late = datetime(2024, 3, 2, 8, 30, tzinfo=UTC)  # 03:30 on the second of March: still the first
    looked = await importer.look(
        [
            line(1, placed_at=late),
            line(2, placed_at=late + timedelta(minutes=30), store="Central", quantity=2),
        ]
    )
    assert looked.sums.days == [
        (date(2024, 3, 1), 1, 0, 1, 480),
        (date(2024, 3, 2), 1, 0, 2, 960),
    ]
    assert looked.sums.stores == [("central", 1, 0, 2, 960), ("uptown", 1, 0, 1, 480)]
    assert [(row.line, row.amount) for row in looked.sums.examples] == [(1, 480), (2, 960)]


async def test_days_of_a_new_store_are_those_of_its_own_calendar(
    importer: Importer, connection: Connection
) -> None:
    late = datetime(2024, 3, 1, 23, 30, tzinfo=UTC)  # 01:30 on the second of March in Kyiv
    rows = [
        line(1, store="Kiosk", placed_at=late),
        line(2, store="Kiosk", placed_at=late, quantity=-1),
        line(3, store="Uptown", placed_at=late),
    ]
    looked = await importer.look(rows, new_calendar="Europe/Kyiv")
    assert looked.look.additions.zone == "Europe/Kyiv"
    assert looked.sums.days == [
        (date(2024, 3, 1), 1, 0, 1, 480),
        (date(2024, 3, 2), 1, 1, 0, 0),
    ]
    await importer.store(looked)
    calendars = await load_store_calendars(connection)
    assert calendars["kiosk"] == StoreCalendar("Europe/Kyiv", 0)
    assert "uptown" not in calendars
    await run_pass(connection)
    stored = await connection.fetch("SELECT date, store, orders FROM rollup_day ORDER BY date")
    assert [tuple(row) for row in stored] == [
        (date(2024, 3, 1), "uptown", 1),
        (date(2024, 3, 2), "kiosk", 1),
    ]


async def test_days_of_stores_on_the_menu_stay_as_they_are(importer: Importer) -> None:
    looked = await importer.look([line(1)], new_calendar="Europe/Kyiv")
    assert looked.look.additions.zone is None


async def test_what_is_left_out_is_grouped(importer: Importer) -> None:
    rows: list[SaleLine | RejectedRow | SkippedRow] = [
        line(1),
        *(RejectedRow(number, (), ("no price", "no store")) for number in range(2, 7)),
        SkippedRow(7, (), "a sum"),
    ]
    looked = await importer.look(rows)
    assert (looked.sums.rejected, looked.sums.skipped) == (5, 1)
    assert looked.sums.rejections == [("no price", 5, [2, 3, 4]), ("no store", 5, [2, 3, 4])]
    assert looked.sums.skips == [("a sum", 1, [7])]
    lines = [found async for found in looked.look.staging.rejected_lines()]
    assert lines == [(number, ["no price", "no store"]) for number in range(2, 7)]


async def test_the_first_file_sets_the_currency(importer: Importer) -> None:
    looked = await importer.look([line(1)], currency="EUR")
    assert (looked.look.sets_currency, looked.look.currency) == (True, "EUR")
    await set_currency(importer.connection, "EUR")
    assert await load_currency(importer.connection) == "EUR"
    assert not (await importer.look([line(1)], currency="EUR")).look.sets_currency
    with pytest.raises(ImportRefused, match=r"in USD, and this installation's in EUR"):
        await importer.look([line(1)], currency="USD")


async def test_orders_in_no_currency_do_not_get_one_unsaid(importer: Importer) -> None:
    await importer.load([line(1)])
    with pytest.raises(ImportRefused, match=r"coffeert menu currency EUR"):
        await importer.look([line(2)], currency="EUR")


async def test_a_void_by_hand_of_an_undone_order_answers_with_the_same(
    importer: Importer, connection: Connection
) -> None:
    await importer.load([line(1)])
    order_id = await connection.fetchval("SELECT order_id FROM orders")
    await importer.undo(1)
    void = await connection.fetchrow(
        "SELECT order_id, import_id FROM orders WHERE voids IS NOT NULL"
    )
    assert void is not None
    assert tuple(void) == (void_key(order_id), 1)


async def test_an_order_takes_the_key_of_a_void(importer: Importer, connection: Connection) -> None:
    await importer.load([line(1), line(2)])
    order_id = await connection.fetchval("SELECT min(order_id::text)::uuid FROM orders")
    await connection.execute(
        "INSERT INTO orders (order_id, placed_at, quantity, price_cents, store, drink) "
        "VALUES ($1, now(), 1, 1, 'uptown', 'tea')",
        void_key(order_id),
    )
    assert (await importer.undo(1)).orders == 2
    assert await importer.totals() == (1, 1, 1)
