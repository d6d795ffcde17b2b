"""Order ids from keys of any form."""

from __future__ import annotations

from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffeert.domain.order_keys import (
    NAMESPACE,
    BatchKey,
    key_to_echo,
    line_key,
    order_id_from_key,
    void_key,
)

visible = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=255)


@given(st.uuids())
def test_a_uuid_is_taken_as_it_is_in_any_spelling(order_id: UUID) -> None:
    for text in (str(order_id), str(order_id).upper(), order_id.hex):
        assert order_id_from_key(text) == order_id
    assert key_to_echo(str(order_id), order_id) is None
    assert key_to_echo(order_id.hex, order_id) == order_id.hex


@given(visible.filter(lambda key: len(key.replace("-", "")) != 32))
def test_any_other_key_stands_for_a_uuid_of_version_5(key: str) -> None:
    order_id = order_id_from_key(key)
    assert order_id == uuid5(NAMESPACE, key)
    assert order_id.version == 5
    assert key_to_echo(key, order_id) == key


def test_what_looks_like_a_uuid_is_a_key() -> None:
    key = "0190abcd-0000-7000-8000-00000000000z"
    assert order_id_from_key(key) == uuid5(NAMESPACE, key)


@pytest.mark.parametrize(
    "key", ["", " ", "a b", "a\n", "é", "\x7f", "x" * 256, "\ud800", "x" * 10**6]
)
def test_what_cannot_be_a_key_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match=r"^must be 1 to 255 visible ASCII characters$"):
        order_id_from_key(key)
    with pytest.raises(ValueError, match=r"^must be 1 to 255 visible ASCII characters$"):
        BatchKey(key)


@given(visible.map(lambda key: key[:240]), st.integers(1, 10**6))
def test_the_lines_of_a_batch_have_the_keys_that_say_so(key: str, line: int) -> None:
    assert BatchKey(key).order_id(line) == order_id_from_key(line_key(key, line))
    assert BatchKey(key).order_id(line) != BatchKey(key).order_id(line + 1)


def test_a_batch_may_have_the_longest_key() -> None:
    longest = BatchKey("x" * 255)
    assert len({longest.order_id(line) for line in range(1, 100)}) == 99


def test_a_batch_of_a_uuid_has_the_same_lines_in_any_spelling() -> None:
    text = "0190abcd-0000-7000-8000-0000000000aa"
    assert BatchKey(text.upper()).order_id(3) == BatchKey(text).order_id(3)


def test_the_key_of_a_void_is_not_that_of_its_order() -> None:
    order_id = order_id_from_key("till1-0042")
    assert void_key(order_id) not in (order_id, void_key(void_key(order_id)))
