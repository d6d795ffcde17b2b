"""Which rows are stored: those of the same file, of a longer one, of another till, with receipts or ids."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from coffeert.errors import ImportBusy, ImportRefused
from coffeert.postgres import imports
from coffeert.postgres.imports import begin_session, list_imports
from coffeert.postgres.pool import Connection
from coffeert.postgres.verification import verify
from tests.integration.importer.importing import OPENED, Importer, line
from tests.integration.postgres.passing import run_pass

DAY = [line(number, minutes=number, quantity=1 + number % 3) for number in range(10)]


async def test_the_same_file_again_changes_nothing(importer: Importer) -> None:
    first = await importer.load(DAY)
    again = await importer.look(DAY)
    assert (again.identity.new, again.identity.count("stored")) == (0, 10)
    assert (await importer.store(again))[:3] == (first.number, 0, True)
    assert (await importer.totals())[0] == 10


async def test_equal_rows_of_one_file_are_different_sales(importer: Importer) -> None:
    rows = [line(1), line(2), line(3, receipt="7"), line(4, receipt="7")]
    assert (await importer.load(rows)).orders == 4
    assert (await importer.look(rows)).identity.new == 0
    # In another order, with a further one, it is another file.
    more = await importer.look([rows[3], rows[1], rows[0], rows[2], line(5)], same=True)
    assert more.identity.new == 1


async def test_a_longer_export_of_the_same_till_asks_first(importer: Importer) -> None:
    first = await importer.load(DAY)
    longer = [*DAY, line(11, minutes=100)]
    asked = await importer.look(longer)
    assert asked.identity.undecided == {first.number: 10}
    assert (await importer.load(longer, same=True)).orders == 1
    # The answer is kept with the file.
    again = await importer.look(longer)
    assert (again.identity.undecided, again.identity.new) == ({}, 0)


async def test_more_equal_rows_than_before_are_new(importer: Importer) -> None:
    await importer.load([line(1), line(2)])
    assert (await importer.load([line(1), line(2), line(3)], same=True)).orders == 1
    assert (await importer.totals())[0] == 3


async def test_another_till_is_another_source(importer: Importer) -> None:
    first = await importer.load(DAY, source="till 1")
    looked = await importer.look(DAY, source="till 2")
    assert (looked.identity.new, looked.identity.elsewhere) == (10, {first.number: 10})
    assert (await importer.store(looked)).orders == 10
    # Even with --same: what is the same is what this till has exported before.
    third = await importer.look([*DAY, line(99)], source="till 3", same=True)
    assert third.identity.new == 11


@pytest.mark.parametrize(
    ("first", "second"), [("", "till 2"), ("till 1", ""), ("till 1", "till 2")]
)
async def test_one_file_is_of_one_till(importer: Importer, first: str, second: str) -> None:
    stored = await importer.load(DAY, source=first, digest=b"d" * 32)
    for same in (False, True):
        with pytest.raises(ImportRefused, match=f"very file is import {stored.number} already"):
            await importer.look(DAY, source=second, same=same, digest=b"d" * 32)
    await importer.undo(stored.number)
    assert (await importer.load(DAY, source=second, digest=b"d" * 32)).orders == len(DAY)


async def test_a_named_till_is_another_than_an_unnamed_one(importer: Importer) -> None:
    first = await importer.load(DAY)
    looked = await importer.look([*DAY, line(99)], source="till 2")
    assert (looked.identity.new, looked.identity.elsewhere) == (11, {first.number: 10})
    same = await importer.look([*DAY, line(99)], source="till 2", same=True)
    assert same.identity.new == 1


async def test_an_unnamed_till_after_a_named_one_asks(importer: Importer) -> None:
    first = await importer.load(DAY, source="till 1")
    assert (await importer.look(DAY)).identity.undecided == {first.number: 10}
    assert (await importer.load(DAY, same=True)).orders == 0


async def test_the_same_sales_with_receipts_ask(importer: Importer) -> None:
    first = await importer.load(DAY)
    with_receipts = [row._replace(receipt=str(row.line)) for row in DAY]
    assert (await importer.look(with_receipts)).identity.undecided == {first.number: 10}
    assert (await importer.look(with_receipts, same=True)).identity.new == 0


async def test_the_same_sales_without_receipts_ask(importer: Importer) -> None:
    first = await importer.load([row._replace(receipt=str(row.line)) for row in DAY])
    assert (await importer.look(DAY)).identity.undecided == {first.number: 10}
    assert (await importer.look(DAY, same=True)).identity.new == 0


async def test_receipts_whose_zeros_a_spreadsheet_took_ask(importer: Importer) -> None:
    first = await importer.load([line(n, minutes=n, receipt=f"{n:04}") for n in range(1, 5)])
    saved = [line(n, minutes=n, receipt=str(n)) for n in range(1, 5)]
    assert (await importer.look(saved)).identity.undecided == {first.number: 4}
    changed = await importer.look([*saved[:3], line(4, minutes=4, receipt="4", drink="Tea")])
    assert [fate.fate for fate in changed.identity.fates] == ["equal", "receipt taken"]


@pytest.mark.parametrize("cut_first", [False, True])
async def test_times_whose_seconds_a_spreadsheet_took_ask(
    importer: Importer, *, cut_first: bool
) -> None:
    exact = [
        line(n, placed_at=OPENED + timedelta(minutes=n // 2, seconds=20 * (n % 2) + 7))
        for n in range(8)
    ]
    cut = [row._replace(placed_at=row.placed_at.replace(second=0)) for row in exact]
    first = await importer.load(cut if cut_first else exact)
    other = exact if cut_first else cut
    assert (await importer.look(other)).identity.undecided == {first.number: 8}
    assert (await importer.look(other, same=True)).identity.new == 0


async def test_another_sale_of_the_same_minute_is_new(importer: Importer) -> None:
    await importer.load([line(n, placed_at=OPENED + timedelta(seconds=31 * n)) for n in range(8)])
    later = line(1, placed_at=OPENED + timedelta(seconds=1))
    assert (await importer.look([later])).identity.undecided == {}
    assert (await importer.look([line(1)._replace(line=9)])).identity.undecided == {1: 1}


async def test_different_receipts_are_different_sales(importer: Importer) -> None:
    await importer.load([line(1, receipt="1")])
    looked = await importer.look([line(1, receipt="2")])
    assert (looked.identity.undecided, looked.identity.new) == ({}, 1)


async def test_a_receipt_with_other_content_is_rejected_and_told(importer: Importer) -> None:
    first = await importer.load([line(1, receipt="1", price=480), line(2, receipt="2")])
    looked = await importer.look([line(1, receipt="1", price=500), line(2, receipt="2")], same=True)
    assert (looked.identity.new, looked.sums.rejected) == (0, 1)
    (told,) = looked.sums.rejections
    assert told.first_lines == [1]
    assert told.reason == (
        "receipt 1 is stored with other lines: 1 x latte at uptown, 2024-03-01 08:00:00 UTC "
        f"(import {first.number})"
    )


async def test_a_line_added_to_a_receipt_is_new(importer: Importer) -> None:
    await importer.load([line(1, receipt="1")])
    refund = line(2, receipt="1", quantity=-1)
    assert (await importer.load([line(1, receipt="1"), refund], same=True)).orders == 1
    assert await importer.totals() == (1, 0, 0)


async def test_receipt_numbers_that_begin_again_each_day(importer: Importer) -> None:
    rows = [line(day, minutes=day * 1440, receipt="1") for day in range(3)]
    assert (await importer.load(rows)).orders == 3
    looked = await importer.look([line(1, minutes=3 * 1440, receipt="1")])
    assert (looked.identity.new, looked.sums.rejected) == (1, 0)


async def test_ids_of_their_own_are_the_same_over_every_way_in(importer: Importer) -> None:
    rows = [line(1, order_id="till1-0042"), line(2, order_id=str(uuid4()))]
    assert (await importer.load(rows)).orders == 2
    again = [*rows, line(3, order_id="till1-0043")]
    looked = await importer.look(again, source="elsewhere")
    assert (looked.identity.undecided, looked.identity.new) == ({}, 1)


async def test_an_id_with_other_values_is_rejected_and_told(importer: Importer) -> None:
    await importer.load([line(1, order_id="a")])
    looked = await importer.look(
        [
            line(1, order_id="a", quantity=2),
            line(2, order_id="b"),
            line(3, order_id="b"),
            line(4, order_id="b", price=1),
        ]
    )
    assert (looked.identity.new, looked.identity.count("repeated")) == (1, 1)
    assert [reason.reason for reason in looked.sums.rejections] == [
        "the order id is stored with other values: 1 x latte at uptown, 2024-03-01 08:00:00 UTC",
        "line 2 has the same order id and other values",
    ]


async def test_the_same_file_read_otherwise_is_refused(importer: Importer) -> None:
    first = await importer.load(DAY)
    digest = (await importer.look(DAY)).new.digest
    otherwise = [row._replace(price=100) for row in DAY]
    with pytest.raises(ImportRefused, match=f"^This file is import {first.number}, and .* 10 of"):
        await importer.look(otherwise, digest=digest)
    # But what could not be read before is added.
    more = await importer.look([*DAY, line(99, minutes=99)], digest=digest)
    assert (await importer.store(more)).number == first.number
    assert (await importer.totals())[0] == 11


async def test_undo_and_again_as_often_as_one_likes(importer: Importer) -> None:
    before = await importer.totals()
    loaded = None
    for _ in range(3):
        number = (await importer.load(DAY)).number
        assert loaded in (None, await importer.totals())
        loaded = await importer.totals()
        assert (await importer.undo(number)).orders == 10
        assert await importer.totals() == before
        assert (await importer.undo(number)).orders == 0
    await run_pass(importer.connection)
    assert (await verify(importer.connection)).exact
    assert [one.state for one in await list_imports(importer.connection)] == ["undone"] * 3


async def test_an_undo_makes_way_for_another_file(importer: Importer) -> None:
    first = await importer.load(DAY)
    await importer.undo(first.number)
    longer = await importer.look([*DAY, line(99)])
    assert (longer.identity.undecided, longer.identity.new) == ({}, 11)
    second = await importer.store(longer)
    assert (await importer.look(DAY)).identity.undecided == {second.number: 10}


async def test_the_rows_that_another_import_stood_in_for_come_back(importer: Importer) -> None:
    first = await importer.load([line(1)], source="till 1")
    rows = [line(1), line(2)]
    second = await importer.load(rows, same=True)
    assert second.orders == 1
    await importer.undo(first.number)
    assert (await importer.totals())[0] == 1
    again = await importer.load(rows)
    assert (again.number, again.orders) == (second.number, 1)


async def test_three_imports_and_an_undo_between_lose_nothing(importer: Importer) -> None:
    till = await importer.load([line(1)], source="till 1")
    await importer.load([line(1), line(2)], same=True)
    await importer.load([line(1), line(2), line(3)], same=True)
    await importer.undo(till.number)
    fourth = [line(1), line(2), line(3), line(4, minutes=9)]
    assert (await importer.load(fourth, same=True)).orders == 2
    assert (await importer.totals())[0] == 4


async def test_an_order_voided_by_hand_stays_void(importer: Importer) -> None:
    first = await importer.load(DAY)
    order_id = await importer.connection.fetchval("SELECT order_id FROM orders ORDER BY placed_at")
    await importer.connection.execute(
        "INSERT INTO orders (order_id, placed_at, quantity, price_cents, store, drink, voids) "
        "SELECT gen_random_uuid(), placed_at, -quantity, price_cents, store, drink, order_id "
        "FROM orders WHERE order_id = $1",
        order_id,
    )
    assert (await importer.look(DAY)).identity.new == 0
    assert (await importer.undo(first.number)).orders == 9
    assert await importer.totals() == (0, 0, 0)
    looked = await importer.look(DAY)
    assert (looked.identity.new, looked.identity.count("voided")) == (9, 1)


async def test_one_import_at_a_time(
    importer: Importer, other: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "LOCK_SECONDS", 0.2)
    with pytest.raises(ImportBusy, match=r"^Another import, or an undo, is at work here"):
        await begin_session(other)


async def test_a_half_undone_import_is_finished_first(importer: Importer) -> None:
    first = await importer.load(DAY)
    halves = iter([True])
    await importer.undo(first.number, stopped=lambda: next(halves))
    (one,) = await list_imports(importer.connection)
    assert one.state == "half undone"
    with pytest.raises(ImportRefused, match=f"^Import {first.number} is half taken back"):
        await importer.look(DAY)
    await importer.undo(first.number)
    assert (await importer.look(DAY)).identity.new == 10
