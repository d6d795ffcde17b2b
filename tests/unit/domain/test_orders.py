"""Money, and how a draft becomes an order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from uuid import uuid4

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffeert.domain.menu import Drink, Menu, Store
from coffeert.domain.money import MAX_AMOUNT_CENTS, MAX_PRICE_CENTS
from coffeert.domain.orders import Draft, Order, new_order_id, resolve
from coffeert.errors import Invalid
from tests.unit.strategies import orders

NOW = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
MENU = Menu(
    (Store("uptown", "Uptown"), Store("closed", "Closed", active=False)),
    (Drink("latte", "Latte", 480), Drink("chai", "Chai", 390, active=False)),
)
DRAFT = Draft("uptown", "latte")


def refused(draft: Draft) -> dict[str, str]:
    with pytest.raises(Invalid) as error:
        resolve(draft, MENU, NOW)
    return {fault.field: fault.message for fault in error.value.errors}


def test_ids_made_later_sort_later() -> None:
    ids = [new_order_id() for _ in range(1000)]
    assert ids == sorted(set(ids))
    assert {made.version for made in ids} == {7}


def test_the_menu_and_the_clock_fill_in_what_a_draft_leaves_out() -> None:
    order = resolve(DRAFT, MENU, NOW)
    assert (order.quantity, order.price_cents, order.placed_at) == (1, 480, NOW)
    assert order.received_at == NOW
    assert order.voids is None


def test_what_a_draft_says_stands() -> None:
    zone = timezone(timedelta(hours=5, minutes=45))
    placed_at = datetime(2024, 5, 17, 3, 15, tzinfo=zone)
    draft = Draft("uptown", "latte", 3, 0, placed_at, uuid4())
    order = resolve(draft, MENU, NOW)
    assert (order.order_id, order.quantity, order.price_cents) == (draft.order_id, 3, 0)
    assert order.placed_at == placed_at
    assert order.placed_at.tzinfo is UTC


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"store": "nowhere"}, "store"),
        ({"store": "closed"}, "store"),
        ({"store": ""}, "store"),
        ({"drink": "chai"}, "drink"),
        ({"drink": "Lattes"}, "drink"),
        ({"quantity": 0}, "quantity"),
        ({"quantity": -10_000}, "quantity"),
        ({"quantity": 10_000}, "quantity"),
        ({"total_cents": -1}, "total"),
        ({"quantity": 2, "price_cents": 480, "total_cents": 958}, "price"),
        ({"quantity": 2, "price_cents": 480, "total_cents": 962}, "price"),
        ({"quantity": -2, "price_cents": 480, "total_cents": 962}, "price"),
        ({"quantity": 10**30}, "quantity"),
        ({"placed_at": datetime(1999, 12, 31, 23, 59, 59, tzinfo=UTC)}, "placed_at"),
        ({"placed_at": NOW + timedelta(minutes=5, microseconds=1)}, "placed_at"),
        ({"placed_at": datetime.min.replace(tzinfo=timezone(timedelta(hours=14)))}, "placed_at"),
        ({"placed_at": datetime.max.replace(tzinfo=timezone(timedelta(hours=-12)))}, "placed_at"),
    ],
)
def test_a_value_out_of_range_is_named(changed: dict[str, object], field: str) -> None:
    assert refused(msgspec.structs.replace(DRAFT, **changed)).keys() == {field}


@pytest.mark.parametrize(
    "placed_at", [datetime(2000, 1, 1, tzinfo=UTC), NOW + timedelta(minutes=5)]
)
def test_the_limits_of_time_are_inside(placed_at: datetime) -> None:
    order = resolve(Draft("uptown", "latte", 9999, placed_at=placed_at), MENU, NOW)
    assert order.placed_at == placed_at


def test_every_fault_is_named_at_once() -> None:
    assert refused(Draft("x", "y", 0, placed_at=NOW + timedelta(days=1))).keys() == {
        "store", "drink", "quantity", "placed_at",
    }  # fmt: skip


@pytest.mark.parametrize("code", ["\x1b[31m", "\u202eevil", "a\nb", "\0", "é" * 10_000, "\ud800"])
def test_a_code_from_a_stranger_is_shown_short_and_escaped(code: str) -> None:
    message = refused(Draft(code, "latte"))["store"]
    assert message.isascii()
    assert message.isprintable()
    assert len(message) < 500


@given(orders(NOW).filter(lambda order: order.voids is None))
def test_a_correction_cancels_its_order(order: Order) -> None:
    correction = order.correction(uuid4(), NOW)
    assert correction.voids == order.order_id
    assert correction.count + order.count == 0
    assert correction.quantity + order.quantity == 0
    assert correction.total_cents + order.total_cents == 0
    for field in ("store", "drink", "price_cents", "placed_at", "source", "receipt"):
        assert getattr(correction, field) == getattr(order, field)


@pytest.mark.parametrize(
    ("quantity", "amount", "total"), [(6, None, 2400), (6, 500, 500), (6, 0, 0), (-6, -500, -500)]
)
def test_an_amount_stands_for_quantity_times_price(
    quantity: int, amount: int | None, total: int
) -> None:
    order = Order(uuid4(), "uptown", "latte", quantity, 400, NOW, NOW, amount=amount)
    assert order.total_cents == total
    assert order.correction(uuid4(), NOW).total_cents == -total


@pytest.mark.parametrize(
    ("quantity", "price", "total", "stored"),
    [
        (6, None, 50000, (8333, 50000)),
        (6, 8333, 50000, (8333, 50000)),
        (2, None, 960, (480, None)),
        (2, 480, 961, (480, 961)),
        (2, None, 961, (481, 961)),
        (3, None, 0, (0, None)),
        (-2, None, 961, (481, -961)),
        (-2, None, -961, (481, -961)),
        (-2, 480, 960, (480, None)),
        (-2, 480, -960, (480, None)),
        (-2, None, None, (480, None)),
        (9999, None, MAX_AMOUNT_CENTS, (MAX_PRICE_CENTS, MAX_AMOUNT_CENTS)),
    ],
)
def test_a_total_wins(
    quantity: int, price: int | None, total: int | None, stored: tuple[int, int | None]
) -> None:
    draft = Draft("uptown", "latte", quantity, price, total_cents=total)
    order = resolve(draft, MENU, NOW)
    assert (order.price_cents, order.amount) == stored
    assert order.answers(draft)
    if total is not None:
        assert order.total_cents == (abs(total) if quantity > 0 else -abs(total))
        assert not order.answers(msgspec.structs.replace(draft, total_cents=total + 1))


@given(st.integers(1, 9999), st.integers(0, 10**6), st.integers(-5000, 5000))
def test_a_price_beside_a_total_may_be_rounded(quantity: int, price: int, off: int) -> None:
    draft = Draft("uptown", "latte", quantity, price, total_cents=abs(quantity * price + off))
    off = quantity * price - abs(quantity * price + off)
    if abs(off) <= quantity / 2:
        order = resolve(draft, MENU, NOW)
        assert order.total_cents == draft.total_cents
        assert order.price_cents == price
    else:
        assert refused(draft).keys() == {"price"}


@pytest.mark.parametrize("text", ["latte", "Latte", "LATTE", "ｌａｔｔｅ"])
def test_a_name_of_the_menu_is_as_good_as_a_code(text: str) -> None:
    order = resolve(Draft("UPTOWN", text), MENU, NOW)
    assert (order.store, order.drink, order.price_cents) == ("uptown", "latte", 480)


def test_an_order_answers_the_drafts_that_it_may_have_come_from() -> None:
    draft = Draft("uptown", "latte", 2, 450, NOW, uuid4())
    order = resolve(draft, MENU, NOW)
    answered = [
        draft,
        msgspec.structs.replace(draft, price_cents=None),
        msgspec.structs.replace(draft, total_cents=900),
        msgspec.structs.replace(draft, price_cents=None, total_cents=900),
        msgspec.structs.replace(draft, placed_at=None),
        msgspec.structs.replace(draft, placed_at=NOW.astimezone(timezone(timedelta(hours=3)))),
    ]
    assert all(order.answers(asked) for asked in answered)
    others = [
        msgspec.structs.replace(draft, store="downtown"),
        msgspec.structs.replace(draft, drink="tea"),
        msgspec.structs.replace(draft, quantity=3),
        msgspec.structs.replace(draft, price_cents=451),
        msgspec.structs.replace(draft, total_cents=901),
        msgspec.structs.replace(draft, source="till 2"),
        msgspec.structs.replace(draft, receipt="7"),
        msgspec.structs.replace(draft, placed_at=NOW + timedelta(microseconds=1)),
    ]
    assert not any(order.answers(asked) for asked in others)
    assert not order.correction(uuid4(), NOW).answers(msgspec.structs.replace(draft, quantity=-2))
