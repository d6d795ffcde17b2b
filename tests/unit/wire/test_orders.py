"""Orders as JSON: every good one is read exactly, every bad one is refused with the field at fault."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from coffeert.domain.orders import Draft, Order
from coffeert.errors import ApiError, FieldError, Invalid, Malformed, Unavailable
from coffeert.wire.order_requests import decode_order
from coffeert.wire.orders import OrderBody, Problem, decode_body, draft_body, encode
from tests.unit.strategies import cents, moments, orders

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
ORDER_ID = "01890a5d-ac96-774b-bcce-b302099a8057"

drafts = st.builds(
    Draft,
    store=st.text(st.characters(codec="utf-8"), max_size=8),
    drink=st.text(st.characters(codec="utf-8"), max_size=8),
    quantity=st.integers(),
    price_cents=st.none() | cents,
    placed_at=st.none()
    | st.builds(
        lambda moment, minutes: moment.astimezone(timezone(timedelta(minutes=minutes))),
        moments,
        st.integers(-12 * 60, 14 * 60),
    ),
    order_id=st.none() | st.uuids(),
)


def body(**fields: Any) -> bytes:
    return json.dumps({"store": "uptown", "drink": "latte"} | fields).encode()


def raw(fields: str) -> bytes:
    """An order with further fields as they stand."""
    return f'{{"store":"uptown","drink":"latte",{fields}}}'.encode()


def faults(read: Callable[[bytes], object], data: bytes) -> dict[str, str]:
    with pytest.raises(Invalid) as error:
        read(data)
    return {fault.field: fault.message for fault in error.value.errors}


def escaped(text: str, choose: random.Random) -> str:
    """Spell some characters as JSON escapes, as any writer of JSON may."""
    return "".join(f"\\u{ord(c):04x}" if choose.random() < 0.4 else c for c in text)


@given(drafts)
def test_what_a_client_writes_a_server_reads(draft: Draft) -> None:
    assert decode_order(encode(draft_body(draft))) == draft


@given(drafts, st.randoms(use_true_random=False), st.booleans())
def test_order_spacing_and_escapes_make_no_difference(
    draft: Draft, choose: random.Random, ascii_only: bool
) -> None:
    fields = [*json.loads(encode(draft_body(draft))).items()]
    choose.shuffle(fields)
    text = json.dumps(dict(fields), indent=choose.choice([None, 1]), ensure_ascii=ascii_only)
    for name, _ in fields:
        text = text.replace(f'"{name}":', f'"{escaped(name, choose)}" :\n')
    assert decode_order(text.encode()) == draft


@given(
    st.sampled_from(["store", "drink", "quantity", "price", "placed_at", "order_id"]),
    st.randoms(use_true_random=False),
    st.data(),
)
def test_a_field_named_twice_is_always_refused(
    name: str, choose: random.Random, data: st.DataObject
) -> None:
    values: dict[str, list[Any]] = {
        "store": ["uptown", "quantity", 'a"b', ""],
        "drink": ["latte", "quantity", "\\", 'a"quantity'],
        "quantity": [1, 2, 99],
        "price": [4.8, "4.80", None, 0],
        "placed_at": ["2026-01-31T09:30:00Z", None],
        "order_id": [ORDER_ID, None],
    }
    optional = data.draw(st.sets(st.sampled_from([*values])))
    names = [*{"store", "drink", name, *optional}, name]
    choose.shuffle(names)
    fields = [
        f'"{escaped(field, choose)}":{json.dumps(choose.choice(values[field]))}' for field in names
    ]
    with pytest.raises(Malformed) as error:
        decode_order(f"{{{','.join(fields)}}}".encode())
    assert error.value.errors == (FieldError(name, "is named twice"),)


@pytest.mark.parametrize("fields", ['"price":1,"price":2', '"quantity":2,"quantity":1'])
@pytest.mark.parametrize("store", ["uptown", "quantity", 'a\\"quantity'])
def test_no_name_of_a_store_hides_a_field_named_twice(store: str, fields: str) -> None:
    with pytest.raises(Malformed):
        decode_order(f'{{"store":"{store}","drink":"latte",{fields}}}'.encode())


@pytest.mark.parametrize(
    ("price", "amount"),
    [("4.8", 480), ("4.80", 480), ("4", 400), ("0", 0), ("0.05", 5), ("1000000", 100_000_000),
     ("null", None), ('"4.80"', 480), ('"0.1"', 10), ('"007"', 700), ("19.99", 1999)],
)  # fmt: skip
def test_a_price_is_read_from_its_text(price: str, amount: int | None) -> None:
    assert decode_order(raw(f'"price": {price} ')).price_cents == amount


@pytest.mark.parametrize(
    "price",
    ["4.805", "-1", "-0", "1e2", "1E2", "1000000.01", "9" * 400, "0." + "0" * 400, '"4,80"', '""',
     '" 4.80"', '"1e2"', '"NaN"', '"Infinity"', '"٤.80"', '"4.80\\u0000"', "true", "{}", "[4.8]",
     '{"a":1}'],
    ids=range(20),
)  # fmt: skip
def test_a_price_that_is_none_is_named(price: str) -> None:
    assert faults(decode_order, raw(f'"price":{price}')).keys() == {"price"}


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ('"quantity":1.5', "quantity"),
        ('"quantity":true', "quantity"),
        ('"quantity":"2"', "quantity"),
        ('"quantity":null', "quantity"),
        ('"quantity":[]', "quantity"),
        ('"quantity":1e400', "quantity"),
        (f'"quantity":{"9" * 5000}', "quantity"),
        ('"placed_at":"2026-01-31T09:30:00"', "placed_at"),
        ('"placed_at":"2026-01-31"', "placed_at"),
        ('"placed_at":"2026-02-30T09:30:00Z"', "placed_at"),
        ('"placed_at":"yesterday"', "placed_at"),
        ('"placed_at":1769851800', "placed_at"),
        ('"order_id":"1"', "order_id"),
        ('"order_id":1', "order_id"),
        ('"x":1', "x"),
        ('"Store":"uptown"', "Store"),
        ('"":1', ""),
    ],
    ids=range(17),
)
def test_a_value_of_the_wrong_kind_is_named(fields: str, field: str) -> None:
    assert faults(decode_order, raw(fields)).keys() == {field}


def test_every_field_at_fault_is_named_at_once_in_plain_words() -> None:
    data = b'{"store":1,"quantity":"x","price":-1,"placed_at":"now","order_id":"x","tip":1}'
    named = faults(decode_order, data)
    assert named == {
        "drink": "is required",
        "order_id": "must be a UUID",
        "placed_at": "must be a time in RFC 3339, such as 2026-01-31T09:30:00+01:00",
        "price": "must be a decimal number from 0 to 1000000 with at most 2 decimal places",
        "quantity": "must be a whole number",
        "store": "must be a string",
        "tip": "is not a known field",
    }


@pytest.mark.parametrize(
    "data",
    [b"", b" ", b"null", b"1", b'"x"', b"[]", b"[{}]", b"{", b'{"store"', b'{"store":}',
     body() + b"x", body() + body(), b"\xef\xbb\xbf" + body(), body().decode().encode("utf-16"),
     raw('"quantity":NaN'), raw('"quantity":Infinity'), raw('"price":NaN'), raw('"price":01'),
     raw('"price":1.'), raw('"price":.5'), raw('"price":+1'), raw('"price":0x10'),
     b'{"store":"\xff","drink":"latte"}', b'{"store":"a\nb","drink":"latte"}',
     b'{"store":"\\ud800","drink":"latte"}', b'{"store":"\\udc00\\ud800","drink":"latte"}',
     b'{"\\ud800":1}', b"{'store':'uptown'}", b'{"store":"uptown","drink":"latte",}'],
)  # fmt: skip
def test_what_is_no_json_object_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        decode_order(data)


@pytest.mark.parametrize("depth", [100, *range(900, 1001), 5000])
@pytest.mark.parametrize("field", ["store", "price"])
def test_depth_is_refused_and_not_a_failure(depth: int, field: str) -> None:
    """Whether the slow look at repeated fields is taken, as a named default makes it, or not."""
    nested = "[" * depth + "]" * depth
    for more in ("", ',"quantity":1'):
        with pytest.raises(ApiError):
            decode_order(raw(f'"{field}":{nested}{more}'))
    with pytest.raises(Malformed):
        decode_order(b"[" * depth)


@pytest.mark.parametrize("more", ["", ',"quantity":1'])
@pytest.mark.parametrize(
    "price", ["9" * 5000, "[" + "9" * 5000 + "]", "9." + "9" * 5000], ids=range(3)
)
def test_numbers_of_any_length_are_refused_and_not_a_failure(price: str, more: str) -> None:
    assert faults(decode_order, raw(f'"price":{price}{more}')).keys() == {"price"}


@pytest.mark.parametrize("more", [b"", b',"quantity":1'])
def test_bytes_that_are_no_text_are_refused_and_not_a_failure(more: bytes) -> None:
    with pytest.raises(ApiError) as error:
        decode_order(b'{"store":"uptown","drink":"latte","price":"\xff"' + more + b"}")
    assert "codec" not in str(error.value.errors)


@given(st.binary(max_size=60))
@example(b'{"store":"uptown","drink":"latte","quantity":1,"price":"\xff"}')
def test_no_bytes_make_the_reader_fail(data: bytes) -> None:
    try:
        draft = decode_order(data)
    except ApiError:
        return
    assert isinstance(draft, Draft)


@given(st.data())
def test_no_damage_to_an_order_makes_the_reader_fail(data: st.DataObject) -> None:
    good = bytearray(
        raw(
            f'"quantity":2,"price":"4.80","placed_at":"2026-01-31T09:30:00Z","order_id":"{ORDER_ID}"'
        )
    )
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(good) - 1))
        piece = data.draw(
            st.sampled_from(
                [b"", b'"', b"\\", b"\\u0000", b"\\ud800", b"{", b"]", b"9" * 30, b"\xff"]
            )
        )
        good[at : at + data.draw(st.integers(0, 12))] = piece
    try:
        draft = decode_order(bytes(good))
    except ApiError as refused:
        shown = refused.detail + "".join(f.field + f.message for f in refused.errors)
        assert shown.isascii()
        assert shown.isprintable()
        return
    assert isinstance(draft, Draft)


def test_a_strange_field_name_is_shown_short_and_escaped() -> None:
    (name,) = faults(decode_order, raw('"\\u001b[31m\\u202e' + "x" * 500 + '":1'))
    assert name.isprintable()
    assert name.isascii()
    assert len(name) < 100


@given(orders(NOW))
def test_a_stored_order_survives_the_wire(order: Order) -> None:
    assert decode_body(encode(OrderBody.of(order))) == order
    correction = order.correction(UUID(ORDER_ID), NOW)
    assert decode_body(encode(OrderBody.of(correction))) == correction


def test_an_amount_is_the_total_of_the_body() -> None:
    order = Order(UUID(ORDER_ID), "uptown", "latte", -6, 400, NOW, NOW, amount=-50005)
    sent = json.loads(encode(OrderBody.of(order)))
    assert (sent["price"], sent["total"], sent["quantity"]) == ("4.00", "-500.05", -6)
    plain = OrderBody.of(Order(UUID(ORDER_ID), "uptown", "latte", 1, 400, NOW, NOW))
    assert json.loads(encode(plain)).keys().isdisjoint({"total", "source", "receipt", "voids"})


@pytest.mark.parametrize("total", ["", "-", "1.5", "--1.00", "+1.00", "1,00", "1e2", "x", "1.000"])
def test_a_stored_order_with_a_damaged_total_is_refused(total: str) -> None:
    order = Order(UUID(ORDER_ID), "uptown", "latte", 1, 400, NOW, NOW)
    body = json.loads(encode(OrderBody.of(order))) | {"total": total}
    with pytest.raises(ValueError, match="money"):
        decode_body(json.dumps(body).encode())


def test_a_problem_is_one_of_rfc_9457() -> None:
    refused = Unavailable("Busy.", errors=(FieldError("store", "is on fire"),), retry_after=0.5)
    assert json.loads(encode(Problem.of(refused))) == {
        "title": "Unavailable",
        "status": 503,
        "detail": "Busy.",
        "errors": [{"field": "store", "message": "is on fire"}],
        "retry_after": 0.5,
    }
