"""The order form: what is typed becomes a draft, or a sentence at the field."""

from __future__ import annotations

import json
import shlex

import pytest

from coffeert.domain.orders import Draft, new_order_id
from coffeert.tui.render.form import FormValues, check, curl, total_text
from coffeert.wire.order_requests import decode_order
from coffeert.wire.orders import MenuBody, MenuDrink, MenuStore

KEY = new_order_id()


def menu(currency: str | None = None, price: str = "4.50") -> MenuBody:
    return MenuBody(
        (MenuStore("uptown", "Uptown"),), (MenuDrink("latte", "Latte", price),), currency
    )


def typed(quantity: str = "1", price: str = "", total: str = "") -> FormValues:
    return FormValues("uptown", "Latte", quantity, price, total, KEY)


@pytest.mark.parametrize(
    ("quantity", "price", "currency", "draft"),
    [
        ("2", "", None, (2, None)),
        (" 2.0 ", " 4.1000 ", None, (2, 410)),
        ("-3", "4", "EUR", (-3, 400)),
        ("9999", "1e2", None, (9999, 10_000)),
        ("1", "450", "JPY", (1, 450)),
        ("1", "4.5", "KWD", (1, 4500)),
    ],
)
def test_numbers_are_read_as_the_server_reads_them(
    quantity: str, price: str, currency: str | None, draft: tuple[int, int | None]
) -> None:
    checked = check(typed(quantity, price), menu(currency)).draft
    assert checked is not None
    assert (checked.quantity, checked.price_cents) == draft


@pytest.mark.parametrize(
    ("quantity", "price", "currency", "field", "message"),
    [
        ("0", "", None, "quantity", "1 to 9999, or negative: a refund"),
        ("10000", "", None, "quantity", "1 to 9999, or negative: a refund"),
        ("", "", None, "quantity", "must be a whole number"),
        ("1.5", "", None, "quantity", "must be a whole number"),
        ("1", "4,10", None, "price", "must be written with a point: 4.10"),
        ("1", "4.105", None, "price", "must have at most 2 decimal places"),
        ("1", "4.5", "JPY", "price", "must be a whole number"),
        ("1", "free", None, "price", "must be a number such as 4.50"),
        ("1", "-1", None, "price", "must not be negative"),
    ],
)
def test_a_mistake_is_told_at_its_field(
    quantity: str, price: str, currency: str | None, field: str, message: str
) -> None:
    checked = check(typed(quantity, price), menu(currency))
    assert checked.draft is None
    assert checked.fault(field) == message


def test_the_total_says_what_is_a_refund() -> None:
    assert total_text(Draft("uptown", "latte", 2), menu()) == "2 x 4.50 = 9.00"
    assert total_text(Draft("uptown", "latte", -2), menu()) == "-2 x 4.50 = -9.00, a refund"
    assert total_text(Draft("uptown", "latte", 2, 300), menu("JPY", "450")) == "2 x 300 = 600"
    assert total_text(Draft("uptown", "latte", 2), menu("KWD", "0.450")) == "2 x 0.450 = 0.900"


@pytest.mark.parametrize(("currency", "places"), [(None, 2), ("JPY", 0), ("KWD", 3)])
def test_the_command_is_the_same_order(currency: str | None, places: int) -> None:
    draft = Draft("uptown", "latte", -2, 450, order_id=KEY)
    words = shlex.split(curl(draft, "http://here", currency, with_token=False))
    body = words[words.index("-d") + 1]
    assert decode_order(body.encode(), places) == draft
    assert json.loads(body)["order_id"] == str(KEY)


@pytest.mark.parametrize(
    ("quantity", "price", "total", "fault"),
    [
        ("2", "", "8.00", ""),
        ("-2", "", "8.00", ""),
        ("-2", "", "-8.00", ""),
        ("2", "4.50", "8.00", "price"),
        ("2", "", "-8.00", "total"),
        ("2", "", "much", "total"),
    ],
)
def test_a_total_is_judged_as_the_server_judges_it(
    quantity: str, price: str, total: str, fault: str
) -> None:
    checked = check(typed(quantity, price, total), menu())
    assert [each.field for each in checked.faults] == ([fault] if fault else [])


def test_a_name_of_two_stores_is_not_guessed() -> None:
    twice = MenuBody((MenuStore("a", "Corner"), MenuStore("b", "Corner")), menu().drinks)
    entry = FormValues(" corner ", "latte", "1", "", "", KEY)
    assert check(entry, twice).fault("store") == ("corner is the name of several: type one of a, b")
    by_code = FormValues("B", "latte", "1", "", "", KEY)
    draft = check(by_code, twice).draft
    assert draft is not None
    assert draft.store == "b"
