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

from coffeert.domain.order_keys import order_id_from_key
from coffeert.domain.orders import Draft, Order, Void
from coffeert.errors import ApiError, FieldError, Invalid, Malformed, Unavailable
from coffeert.wire.order_requests import decode_line, decode_order
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
    total_cents=st.none() | st.integers(-(10**12), 10**12),
    source=st.none() | st.text('aé "\\{},', min_size=1, max_size=64),
    receipt=st.none() | st.sampled_from(["1", "A-17", "null"]),
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
@pytest.mark.long
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
    st.sampled_from(
        [
            "store",
            "drink",
            "quantity",
            "price",
            "placed_at",
            "order_id",
            "total",
            "source",
            "receipt",
        ]
    ),
    st.randoms(use_true_random=False),
    st.data(),
)
def test_a_field_named_twice_is_always_refused(
    name: str, choose: random.Random, data: st.DataObject
) -> None:
    values: dict[str, list[Any]] = {
        "store": ["uptown", "quantity", 'a"b', ""],
        "drink": ["latte", "quantity", "\\", 'a"quantity'],
        "quantity": [1, 2, -99, "2"],
        "total": [9.6, "9.60", None],
        "source": ["till 1", "total", None],
        "receipt": ["17", 'a"total', None],
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
     ("null", None), ('"4.80"', 480), ('"0.1"', 10), ('"007"', 700), ("19.99", 1999),
     ("4.1", 410), ("4.100", 410), ('"4.1000"', 410), ("1e2", 10000), ("1E+2", 10000), ('"1e2"', 10000),
     ("-0", 0), ("-0.0", 0), ("4.1000000000000005", 410), ("0.30000000000000004", 30)],
)  # fmt: skip
def test_a_price_is_read_from_its_text(price: str, amount: int | None) -> None:
    assert decode_order(raw(f'"price": {price} ')).price_cents == amount


@pytest.mark.parametrize(
    "price",
    ["4.805", "-1", "-0.01", "1e9", "1E-3", "1000000.01", "9" * 400, "0." + "1" * 400, '"4,80"', '""',
     '" 4.80"', '"4.8e"', '"NaN"', '"Infinity"', '"٤.80"', '"4.80\\u0000"', "true", "{}", "[4.8]",
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
        ('"quantity":"2.5"', "quantity"),
        ('"quantity":null', "quantity"),
        ('"quantity":[]', "quantity"),
        ('"quantity":1e400', "quantity"),
        (f'"quantity":{"9" * 5000}', "quantity"),
        ('"placed_at":"2026-01-31T09:30:00"', "placed_at"),
        ('"placed_at":"2026-01-31"', "placed_at"),
        ('"placed_at":"2026-02-30T09:30:00Z"', "placed_at"),
        ('"placed_at":"yesterday"', "placed_at"),
        ('"placed_at":1769851800', "placed_at"),
        ('"order_id":"a b"', "order_id"),
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
    data = (
        b'{"store":1,"quantity":"x","price":-1,"placed_at":"now","order_id":"","tip":1,"source":""}'
    )
    named = faults(decode_order, data)
    assert named == {
        "drink": "is required",
        "order_id": "must be 1 to 255 visible ASCII characters",
        "source": "must be 1 to 64 printable characters",
        "placed_at": "must be a time in RFC 3339, such as 2026-01-31T09:30:00+01:00",
        "price": "must not be negative",
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
    "price",
    ["9" * 5000, "[" + "9" * 5000 + "]", "9." + "5" * 5000, "1e999", "-1e999"],
    ids=range(5),
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


@given(drafts, st.sampled_from([0, 2, 3]))
def test_amounts_are_read_with_the_places_that_they_are_written_with(
    draft: Draft, places: int
) -> None:
    assert decode_order(encode(draft_body(draft, places)), places) == draft


@given(orders(NOW), st.sampled_from([0, 2, 3]))
def test_a_stored_order_survives_the_wire_in_any_currency(order: Order, places: int) -> None:
    body = OrderBody.of(order, places)
    assert decode_body(encode(body)) == order
    assert len(body.price.partition(".")[2]) == places


@pytest.mark.parametrize("key", ["till1-0042", "01ARZ3NDEKTSV4RRFFQ69G5FAV", '"\\', "x" * 255, "1"])
def test_an_order_may_have_a_key_of_any_form(key: str) -> None:
    draft = decode_order(body(order_id=key))
    assert draft.order_id == order_id_from_key(key)
    assert draft.key == key
    assert json.loads(encode(draft_body(draft)))["order_id"] == key


def test_an_answer_echoes_the_key_and_says_what_id_it_stands_for() -> None:
    order = Order(order_id_from_key("till1-0042"), "uptown", "latte", 1, 400, NOW, NOW)
    answer = json.loads(encode(OrderBody.of(order, key="till1-0042")))
    assert (answer["order_id"], answer["uuid"]) == ("till1-0042", str(order.order_id))
    assert decode_body(json.dumps(answer).encode()) == order
    correction = order.correction(UUID(ORDER_ID), NOW)
    void = json.loads(encode(OrderBody.of(correction, key="till1-0042")))
    assert (void["order_id"], void["voids"]) == (ORDER_ID, "till1-0042")
    assert "uuid" not in void
    assert decode_body(json.dumps(void).encode()) == correction


@pytest.mark.parametrize("spelled", [ORDER_ID.upper(), ORDER_ID.replace("-", "")])
def test_a_uuid_in_another_spelling_is_echoed_as_it_was_sent(spelled: str) -> None:
    draft = decode_order(body(order_id=spelled))
    assert (draft.order_id, draft.key) == (UUID(ORDER_ID), spelled)


@pytest.mark.parametrize("field", ["source", "receipt"])
@pytest.mark.parametrize("text", ["", "x" * 65, "a\x00b", "a\nb", "\x1b[31m", 7, ["x"]])
def test_a_source_that_cannot_be_is_named(field: str, text: object) -> None:
    assert faults(decode_order, body(**{field: text})).keys() == {field}


def test_what_is_optional_may_be_null() -> None:
    fields = ("price", "total", "placed_at", "order_id", "source", "receipt")
    assert decode_order(body(**dict.fromkeys(fields))) == Draft("uptown", "latte")


def test_a_line_of_a_batch_may_be_a_void() -> None:
    assert decode_line(b'{"void": "till1-0042"}', 2) == Void(
        order_id_from_key("till1-0042"), "till1-0042"
    )
    assert decode_line(b'{"void":"%b"}' % ORDER_ID.encode(), 2) == Void(UUID(ORDER_ID))
    assert isinstance(decode_line(body(), 2), Draft)


@pytest.mark.parametrize(
    ("line", "field"),
    [
        (b'{"void":""}', "void"),
        (b'{"void":"a b"}', "void"),
        (b'{"void":5}', "void"),
        (b'{"void":null}', "void"),
        (b'{"void":"x","store":"uptown"}', "store"),
        (b'{"store":"uptown","drink":"latte","void":"x"}', "void"),
    ],
)
def test_a_bad_void_is_named(line: bytes, field: str) -> None:
    assert faults(lambda data: decode_line(data, 2), line).keys() == {field}


def test_a_void_that_names_two_orders_is_refused() -> None:
    with pytest.raises(Malformed):
        decode_line(b'{"void":"x","void":"y"}', 2)


def test_an_amount_is_the_total_of_the_body() -> None:
    order = Order(UUID(ORDER_ID), "uptown", "latte", -6, 400, NOW, NOW, amount=-50005)
    sent = json.loads(encode(OrderBody.of(order)))
    assert (sent["price"], sent["total"], sent["quantity"]) == ("4.00", "-500.05", -6)
    plain = OrderBody.of(Order(UUID(ORDER_ID), "uptown", "latte", 1, 400, NOW, NOW))
    assert json.loads(encode(plain)).keys().isdisjoint({"total", "source", "receipt", "voids"})


@pytest.mark.parametrize("total", ["", "-", "--1.00", "+1.00", "1,00", "1e2", "x"])
def test_a_stored_order_with_a_damaged_total_is_refused(total: str) -> None:
    order = Order(UUID(ORDER_ID), "uptown", "latte", 1, 400, NOW, NOW)
    body = json.loads(encode(OrderBody.of(order))) | {"total": total}
    with pytest.raises(ValueError, match="no amount"):
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
