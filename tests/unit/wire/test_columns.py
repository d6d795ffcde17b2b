"""Columns: the cells that are written are the cells that are read, and damaged columns are refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffeert.domain.rollups import CellKey, StoreDrink, Totals
from coffeert.wire.columns import from_columns, from_grid, grid_offsets, to_columns

codes = st.text(max_size=3)
totals = st.builds(Totals, *[st.integers(-(2**40), 2**40)] * 3)
cells = st.dictionaries(st.builds(StoreDrink, codes, codes), totals, max_size=12)


@given(cells)
def test_cells_survive_columns(written: dict[StoreDrink, Totals]) -> None:
    rows, offsets = grid_offsets((pair.store for pair in written), (pair.drink for pair in written))
    columns = to_columns(
        (rows[pair.store] + offsets[pair.drink], written[pair]) for pair in written
    )
    assert columns[0] == sorted(columns[0])
    assert [*rows] == sorted({pair.store for pair in written})
    assert [*offsets] == sorted({pair.drink for pair in written})
    pairs = [StoreDrink(store, drink) for store in rows for drink in offsets]
    assert dict(from_columns(columns, pairs)) == written
    assert dict(from_grid("hour", 7, columns, [*rows], [*offsets])) == {
        CellKey("hour", 7, *pair): tally for pair, tally in written.items()
    }


def test_a_key_is_the_store_index_times_the_number_of_drinks_plus_the_drink_index() -> None:
    columns = [0, 5], [1, 1], [2, 2], [3, 3]
    assert [key for key, _ in from_grid("day", 0, columns, ["a", "b"], ["x", "y", "z"])] == [
        CellKey("day", 0, "a", "x"),
        CellKey("day", 0, "b", "z"),
    ]


@pytest.mark.parametrize("key", [-1, 2, 10**9])
@pytest.mark.parametrize("drinks", [["x", "y"], []])
def test_a_key_outside_of_the_grid_is_refused(key: int, drinks: list[str]) -> None:
    with pytest.raises(LookupError):
        dict(from_grid("day", 0, ([key], [1], [1], [1]), ["a"], drinks))


@pytest.mark.parametrize("column", range(4))
def test_columns_of_different_lengths_are_refused(column: int) -> None:
    columns = [0, 1], [1, 1], [1, 1], [1, 1]
    columns[column].append(1)
    with pytest.raises(ValueError, match="zip"):
        dict(from_grid("day", 0, columns, ["a"], ["x", "y"]))
    with pytest.raises(ValueError, match="zip"):
        dict(from_columns(columns, [StoreDrink("a", "x"), StoreDrink("a", "y")]))
