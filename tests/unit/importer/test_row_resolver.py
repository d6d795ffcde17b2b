"""Lines of receipts as rows: prices, totals, and every reason at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffeert.domain.menu import Drink, Menu, Store
from coffeert.importer.load.menu_names import MenuNames
from coffeert.importer.load.row_resolver import RowResolver, staged
from coffeert.importer.rows import RejectedRow, SaleLine, SkippedRow
from coffeert.postgres.import_staging import LeftOut, StagedRow

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MENU = Menu((Store("uptown", "Uptown"),), (Drink("latte", "Latte", 480),))
LINE = SaleLine(2, "Uptown", "Latte", 1, 480, None, NOW)


def resolve(**changes: Any) -> StagedRow | LeftOut:
    return RowResolver(MenuNames(MENU), NOW).resolve(LINE._replace(**changes))


@given(st.integers(-99, 99).filter(bool), st.integers(0, 10_000))
def test_a_total_alone_gives_the_price_of_a_piece(quantity: int, cents: int) -> None:
    total = cents if quantity > 0 else -cents
    row = resolve(quantity=quantity, price=None, total=total)
    assert isinstance(row, StagedRow)
    assert row.price_cents is not None
    assert abs(row.price_cents * abs(quantity) - cents) * 2 <= abs(quantity)
    assert (quantity * row.price_cents if row.total is None else row.total) == total


@pytest.mark.parametrize(
    ("price", "total", "expected"),
    [
        (480, None, (480, None)),
        (480, 960, (480, None)),
        (480, 900, (480, 900)),
        (None, 0, (0, None)),
        (None, None, (None, None)),
    ],
)
def test_price_and_total(
    price: int | None, total: int | None, expected: tuple[int | None, int | None]
) -> None:
    row = resolve(quantity=2, price=price, total=total)
    assert isinstance(row, StagedRow)
    assert (row.price_cents, row.total) == expected


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"quantity": 0}, "the quantity must be"),
        ({"quantity": 10_000}, "the quantity must be"),
        ({"price": -1}, "the price must be"),
        ({"price": 100_000_001}, "the price must be"),
        ({"price": None, "total": 100_000_001}, "the price of one piece is too high"),
        ({"total": 10**12 + 1}, "the total is too high"),
        ({"total": -480}, "different signs"),
        ({"receipt": "x" * 65}, "the receipt must be at most 64"),
        ({"receipt": "a\x00"}, "the receipt must be at most 64"),
        ({"receipt_line": "\x1f"}, "the receipt's line must be"),
        ({"order_id": "a b"}, "the order id must be"),
        ({"placed_at": datetime(1999, 12, 31, tzinfo=UTC)}, "the time is before 2000"),
        ({"placed_at": NOW + timedelta(seconds=1)}, "the time is in the future: 2026-03-01 12:00"),
        ({"store": " "}, "the store ' ' is no name"),
    ],
)
def test_what_cannot_be_stored_has_a_reason(changes: dict[str, Any], reason: str) -> None:
    row = resolve(**changes)
    assert isinstance(row, LeftOut)
    assert row.rejected
    (told,) = row.reasons
    assert reason in told


def test_all_reasons_are_told_at_once() -> None:
    row = resolve(quantity=0, price=-1, drink="", placed_at=NOW.replace(year=1999))
    assert isinstance(row, LeftOut)
    assert len(row.reasons) == 4


def test_what_is_left_out_keeps_its_reasons() -> None:
    lines: list[SaleLine | RejectedRow | SkippedRow] = [
        LINE,
        RejectedRow(3, (), ("a", "b")),
        SkippedRow(4, (), "a sum"),
        LINE,
    ]
    rows = list(staged(lines, RowResolver(MenuNames(MENU), NOW)))
    assert [row.n for row in rows if isinstance(row, StagedRow)] == [0, 1]
    assert rows[1:3] == [LeftOut(3, True, ("a", "b")), LeftOut(4, False, ("a sum",))]
