"""The layout holds at every size."""

from __future__ import annotations

from typing import Literal

from hypothesis import given, settings
from hypothesis import strategies as st

from coffeert.tui.render.layout import TABS, TabName, arrange, breadth

CHARTS: tuple[Literal["orders", "revenue"], ...] = ("orders", "revenue")


@settings(max_examples=500)
@given(
    st.integers(1, 320),
    st.integers(3, 120),
    st.sampled_from(TABS),
    st.sampled_from(CHARTS),
)
def test_panels_lie_inside_and_never_over_one_another(
    width: int, height: int, tab: TabName, charts: Literal["orders", "revenue"]
) -> None:
    covered: set[tuple[int, int]] = set()
    for place in arrange(width, height, tab, charts=charts).values():
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


def test_the_smallest_terminal_shows_figures_and_orders() -> None:
    places = arrange(40, 12, "live", charts="orders")
    assert places["kpi"].height == 5
    assert places["orders"].height >= 4


def test_wide_terminals_show_details() -> None:
    assert "details" in arrange(160, 48, "live", charts="orders")
    assert "details" not in arrange(120, 40, "live", charts="orders")
