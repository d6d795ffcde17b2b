"""Array texts: PostgreSQL's rules for quoting, read back by a reader of the test's own.

`tests/integration/postgres/test_orders.py` has PostgreSQL itself read them.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import islice
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffeert.domain.orders import Order
from coffeert.postgres.array_text import number_array, order_arrays, text_array
from tests.unit.strategies import orders

NOW = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)


def read_strings(text: str) -> list[str | None]:
    """Read an array of quoted strings and NULL: a backslash takes the next character as it is."""
    assert text[0] == "{"
    assert text[-1] == "}"
    values: list[str | None] = []
    characters = iter(text[1:-1])
    for character in characters:
        if character == '"':
            value = ""
            while (inner := next(characters)) != '"':
                value += next(characters) if inner == "\\" else inner
            values.append(value)
        elif character in "Nn":
            assert "".join(islice(characters, 3)).upper() == "ULL"
            values.append(None)
        else:
            assert character == ","
    return values


@given(st.lists(st.none() | st.text() | st.text('"\\{},NUL'), min_size=1))
def test_strings_and_nothing_survive_whatever_they_hold(values: list[str | None]) -> None:
    assert read_strings(text_array(tuple(values))) == values


@given(st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), min_size=1))
def test_numbers_and_nothing_survive(values: list[int | None]) -> None:
    assert json.loads(f"[{number_array(tuple(values))[1:-1]}]") == values


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (UUID("01890a5d-ac96-774b-bcce-b302099a8057"), '{"01890a5d-ac96-774b-bcce-b302099a8057"}'),
        (NOW, '{"2026-01-31T09:30:00Z"}'),
        (None, "{null}"),
    ],
)
def test_a_value_is_written_as_postgresql_reads_it(value: object, text: str) -> None:
    assert number_array((value,)) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [("null", '{"null"}'), ("NULL", '{"NULL"}'), (None, "{null}"), ("", '{""}'), ("{", '{"{"}')],
)
def test_a_text_is_not_taken_for_nothing(value: str | None, text: str) -> None:
    assert text_array((value,)) == text


@given(st.lists(orders(NOW), min_size=1, max_size=5))
def test_one_moment_stands_for_all_only_if_all_are_equal(some: list[Order]) -> None:
    _, placed, received, *_ = order_arrays(some)
    for column, text in (("placed_at", placed), ("received_at", received)):
        moments = [getattr(order, column) for order in some]
        written = json.loads(f"[{text[1:-1]}]")
        read = [datetime.fromisoformat(moment) for moment in written]
        assert read == moments or (len(read) == 1 and moments == read * len(moments))


@given(st.lists(orders(NOW), min_size=1, max_size=5))
def test_each_column_has_the_values_of_the_orders(some: list[Order]) -> None:
    """A column of which no order has a value is an empty array."""
    ids, _, _, quantities, prices, stores, drinks, voids, amounts, sources, receipts = order_arrays(
        some
    )
    written = {
        "order_id": [UUID(value) for value in read_numbers(ids)],
        "quantity": read_numbers(quantities),
        "price_cents": read_numbers(prices),
        "store": read_strings(stores),
        "drink": read_strings(drinks),
        "voids": [value and UUID(value) for value in read_numbers(voids)],
        "amount": read_numbers(amounts),
        "source": read_strings(sources),
        "receipt": read_strings(receipts),
    }
    for column, values in written.items():
        stored = [getattr(order, column) for order in some]
        assert values == (stored if any(value is not None for value in stored) else [])


def read_numbers(text: str) -> list[Any]:
    return list(json.loads(f"[{text[1:-1]}]"))
