"""Array texts: PostgreSQL's rules for quoting, read back by a reader of the test's own.

`tests/integration/postgres/test_orders.py` has PostgreSQL itself read them.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffeert.domain.orders import Order
from coffeert.postgres.array_text import array_text, order_arrays
from tests.unit.strategies import orders

NOW = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)


def read_strings(text: str) -> list[str]:
    """Read an array of quoted strings: a backslash takes the next character as it is."""
    assert text[0] == "{"
    assert text[-1] == "}"
    values: list[str] = []
    characters = iter(text[1:-1])
    for character in characters:
        if character == '"':
            value = ""
            while (inner := next(characters)) != '"':
                value += next(characters) if inner == "\\" else inner
            values.append(value)
        else:
            assert character == ","
    return values


@given(st.lists(st.text() | st.text('"\\{},'), min_size=1))
def test_strings_survive_whatever_they_hold(values: list[str]) -> None:
    assert read_strings(array_text(tuple(values))) == values


@given(st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), min_size=1))
def test_numbers_and_nothing_survive(values: list[int | None]) -> None:
    assert json.loads(f"[{array_text(tuple(values))[1:-1]}]") == values


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (UUID("01890a5d-ac96-774b-bcce-b302099a8057"), '{"01890a5d-ac96-774b-bcce-b302099a8057"}'),
        (NOW, '{"2026-01-31T09:30:00Z"}'),
        ("null", '{"null"}'),
        (None, "{null}"),
    ],
)
def test_a_value_is_written_as_postgresql_reads_it(value: object, text: str) -> None:
    assert array_text((value,)) == text


@given(st.lists(orders(NOW), min_size=1, max_size=5))
def test_one_moment_stands_for_all_only_if_all_are_equal(some: list[Order]) -> None:
    _, placed, received, *_, voids = order_arrays(some)
    for column, text in (("placed_at", placed), ("received_at", received)):
        moments = [getattr(order, column) for order in some]
        written = json.loads(f"[{text[1:-1]}]")
        read = [datetime.fromisoformat(moment) for moment in written]
        assert read == moments or (len(read) == 1 and moments == read * len(moments))
    assert voids == "{}" or len(voids.split(",")) == len(some)
