"""Figures move from one to another without ever being written otherwise."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from coffeert.tui.render.kpi import Tile, orders_since, tiles_between
from coffeert.tui.render.motion import between

CENTS = st.integers(0, 10**9)


def written(cents: int) -> str:
    return f"{cents / 100:,.2f} €"


@given(CENTS, CENTS, st.sampled_from((0.0, 0.25, 0.5, 0.75, 1.0)))
def test_a_figure_on_its_way_lies_between_both_and_is_written_alike(
    start: int, end: int, part: float
) -> None:
    shown = between(written(start), written(end), part)
    if len(written(start)) != len(written(end)):
        assert shown == written(end)
        return
    cents = int(shown.replace(",", "").replace(".", "").removesuffix(" €"))
    assert shown == written(cents)
    assert min(start, end) <= cents <= max(start, end)
    assert between(written(start), written(end), 0) == written(start)
    assert between(written(start), written(end), 1) == written(end)


def test_what_has_no_digits_is_as_it_is() -> None:
    assert (between("-", "-", 0.5), between("-", "4.50 €", 0.5)) == ("-", "4.50 €")


def test_tiles_move_by_their_names() -> None:
    before = (Tile("Orders", (("10", "orders"),), orders=10), Tile("Gone", (("7", ""),)))
    after = (Tile("Orders", (("14", "orders"),), orders=14), Tile("New", (("5", "new"),)))
    half = tiles_between(before, after, 0.5)
    assert [tile.values for tile in half] == [(("12", "orders"),), (("5", "new"),)]
    assert orders_since(before, after) == 4
