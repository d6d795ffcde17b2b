"""What a stranger's body costs grows with its size and no faster, and its answer is bounded."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffeert.errors import ApiError, Malformed
from coffeert.wire.frames import OrderFrame, decode_client_frame
from coffeert.wire.order_requests import decode_order
from coffeert.wire.orders import Problem, encode
from coffeert.wire.validation import MAX_FIELD_ERRORS

if TYPE_CHECKING:
    from collections.abc import Callable

NAMES = ("store", "drink", "quantity", "price", "placed_at", "order_id", "tip", "", ":", 'a":')
VALUES = ("1", "null", '"x"', '":"', '"\\":"', '{"store":1,"store":2}', "[[]]", '"a\\\\"')


@given(st.data())
def test_no_object_that_names_a_field_twice_is_taken(data: st.DataObject) -> None:
    names = data.draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=8))
    names.append(data.draw(st.sampled_from(names)))
    values = st.sampled_from(VALUES)
    spaces = st.sampled_from(["", " ", "\n\t", "\r"])
    fields = ",".join(
        data.draw(spaces) + json.dumps(name) + data.draw(spaces) + ":" + data.draw(values)
        for name in data.draw(st.permutations(names))
    )
    with pytest.raises(ApiError):
        decode_order(("{" + fields + "}").encode())
    with pytest.raises(ApiError):
        decode_client_frame('{"type":"order","ref":"1",' + fields + "}")


@pytest.mark.parametrize("name", ["type", "ref", "store", "drink"])
@pytest.mark.parametrize("colon", [":", " :", "\n\t\r :"])
def test_no_field_of_a_frame_may_be_named_twice(name: str, colon: str) -> None:
    fields = {"type": "order", "ref": "1", "store": "uptown", "drink": "tea"}
    named = ",".join(f'"{field}"{colon}"{value}"' for field, value in fields.items())
    assert isinstance(decode_client_frame("{" + named + "}"), OrderFrame)
    with pytest.raises(Malformed):
        decode_client_frame("{" + named + f',"{name}"{colon}"{fields[name]}"' + "}")


@pytest.mark.parametrize("kind", ["unknown", "twice", "both"])
def test_an_answer_names_a_few_fields_and_how_many_more(kind: str) -> None:
    unknown = [f'"x\\u202e{n:04}":0' for n in range(500)]
    named = {"unknown": unknown, "twice": ['"price":1'] * 500, "both": unknown * 2}[kind]
    with pytest.raises(ApiError) as error:
        decode_order(("{" + ",".join(named) + "}").encode())
    assert len(error.value.errors) <= MAX_FIELD_ERRORS
    assert len(encode(Problem.of(error.value))) < 2000
    if kind == "unknown":  # those that are required come first
        assert "492 more" in error.value.detail
        assert {"store", "drink"} < {fault.field for fault in error.value.errors}


def _order(more: str) -> bytes:
    return ('{"store":"a","drink":"b",' + more + "}").encode()


def _nested(size: int) -> bytes:
    return _order('"price":{' + _names(size) + "}")


def _unknown(size: int) -> bytes:
    return _order(_names(size))


def _repeated(size: int) -> bytes:
    return _order(",".join(['"quantity":1'] * size))


def _colons(size: int) -> bytes:
    return _order('"price":"' + '\\":' * size + '"')


def _spaces(size: int) -> bytes:
    return _order('"quantity"' + " " * size + ":1" + " " * size)


def _digits(size: int) -> bytes:
    return _order('"price":' + "9" * size)


def _names(size: int) -> str:
    return ",".join(f'"{n}":0' for n in range(size))


@pytest.mark.parametrize("body", [_nested, _unknown, _repeated, _colons, _spaces, _digits])
def test_a_body_that_is_larger_costs_as_much_more_and_no_more(body: Callable[[int], bytes]) -> None:
    """Sixteen times the size costs some 16 times as much; a quadratic reader would take 256 times."""
    small, large = body(500), body(8_000)
    ratios = [_seconds(large) / _seconds(small) for _ in range(5)]
    assert min(ratios) < 64


def _seconds(body: bytes) -> float:
    started = time.process_time()
    for _ in range(5):
        try:
            decode_order(body)
        except ApiError:
            continue
    return time.process_time() - started
