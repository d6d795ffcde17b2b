"""The layout holds at every size."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coffeert.tui.render.layout import (
    ENLARGEABLE,
    TABS,
    Listing,
    PanelName,
    TabName,
    arrange,
    breadth,
)

LISTINGS: tuple[Listing, ...] = ("stores", "drinks")


@pytest.mark.long
@settings(max_examples=500)
@given(
    st.integers(1, 320),
    st.integers(3, 120),
    st.sampled_from(TABS),
    st.sampled_from(LISTINGS),
    st.integers(0, 60),
    st.sampled_from((None, *ENLARGEABLE)),
)
def test_panels_lie_inside_and_never_over_one_another(
    width: int,
    height: int,
    tab: TabName,
    listing: Listing,
    stores: int,
    enlarged: PanelName | None,
) -> None:
    covered: set[tuple[int, int]] = set()
    for place in arrange(
        width, height, tab, listing=listing, stores=stores, enlarged=enlarged
    ).values():
        assert place.width > 0
        assert place.height >= 0
        assert place.x >= 0
        assert place.x + place.width <= width
        assert place.y + place.height <= height - 1  # the last row is the footer's
        cells = {
            (x, y)
            for x in range(place.x, place.x + place.width)
            for y in range(place.y, place.y + place.height)
        }
        assert not cells & covered
        covered |= cells


def test_the_four_layouts_begin_at_their_widths() -> None:
    assert [breadth(w) for w in (40, 59, 60, 109, 110, 159, 160)] == [
        "slim",
        "slim",
        "tabs",
        "tabs",
        "full",
        "full",
        "wide",
    ]


def test_the_smallest_terminal_says_how_the_day_goes_and_lists_the_stores() -> None:
    places = arrange(40, 12, "live")
    assert places["sentence"].height == 2
    assert places["kpi"].height >= 2
    assert places["stores"].height >= 5


@pytest.mark.parametrize("size", [(160, 48), (120, 40)])
def test_wide_terminals_show_everything_at_a_glance(size: tuple[int, int]) -> None:
    places = arrange(*size, "live")
    assert {"sentence", "kpi", "chart", "heat", "stores", "drinks", "orders"} <= places.keys()
    assert places["kpi"].height == (5 if size == (160, 48) else 3)


@pytest.mark.parametrize("name", ENLARGEABLE)
def test_an_enlarged_panel_has_the_screen_to_itself(name: PanelName) -> None:
    places = arrange(120, 40, "live", enlarged=name)
    assert places.keys() == {"header", "controls", "bar", name}
    assert places[name].height == 36
