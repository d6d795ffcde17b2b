"""Looking at a part: the filter, and the way from a store down to its orders."""

from __future__ import annotations

import pytest

from coffeert.tui.model.window import RANGE
from coffeert.tui.widgets.order_table import OrderTable
from tests.tui.conftest import Launch, reported
from tests.tui.scripted import House


@pytest.mark.long
async def test_drills_from_store_to_drink_to_orders_and_back(launch: Launch) -> None:
    async with launch() as s:
        await s.press("2", "shift+tab")
        s.dashboard.query_one("#stores").focus()
        await s.press("enter")
        store = s.app.state.breadcrumbs[0]
        assert f"all › {store.title()}" in s.text()
        s.dashboard.query_one("#drinks").focus()
        await s.press("enter")
        drink = s.app.state.breadcrumbs[1]
        assert f"all › {store.title()} › {drink.title()}" in s.text()
        table = s.dashboard.query_one(OrderTable)
        assert table.has_focus
        assert table.model is not None
        listed = {(row.order.store, row.order.drink) for row in table.model.rows}
        assert listed <= {(store, drink)}
        await s.press("backspace", "backspace")
        assert s.app.state.breadcrumbs == ()


@pytest.mark.long
async def test_a_filter_drives_every_panel_while_it_is_typed(launch: Launch) -> None:
    async with launch() as s:
        await s.press("slash", *"drink:latte")
        await s.press("enter")
        picture = s.house.view.cube
        expected = sum(
            totals.orders for pair, totals in picture.today_cells().items() if pair.drink == "latte"
        )
        window = s.app.state.frame_context().window
        assert window is not None
        assert window.sums.total.orders == expected
        assert f" {expected:,} " in s.text()
        table = s.dashboard.query_one(OrderTable)
        assert table.model is not None
        assert {row.order.drink for row in table.model.rows} <= {"latte"}


async def test_a_title_has_a_name_only_for_what_is_called_exactly_so(launch: Launch) -> None:
    async with launch() as s:
        for typed, title in (
            ("drink:latte", "latte"), ("drink:=latte", "Latte"), ("-drink:latte", "without latte"),
        ):  # fmt: skip
            await s.press("slash", "ctrl+u", *typed, "enter")
            await reported(s)
            assert f"Takings today · {title} ·" in s.text()


@pytest.mark.long
async def test_only_stores_that_the_filter_lets_in_are_counted_and_missed(
    launch: Launch,
) -> None:
    async with launch(house=House(busy=0.0, orders=0)) as s:
        await reported(s)
        assert "3 of 4 stores selling" in s.text()
        assert "Southend quiet" in s.text()
        await s.press("slash", *"store:uptown,central", "enter")
        await reported(s)
        assert "2 of 2 stores selling" in s.text()
        assert "Southend quiet" not in s.text()


@pytest.mark.long
async def test_a_filter_that_cannot_be_read_says_why_and_changes_nothing(
    launch: Launch,
) -> None:
    async with launch() as s:
        await s.press("slash", *"size:big")
        assert "size: is no field" in s.text()
        await s.press("escape")
        assert not s.app.state.filter


async def test_the_last_line_says_how_to_leave_the_filter(launch: Launch) -> None:
    async with launch() as s:
        await s.press("slash", "u", "p")
        keys = s.text().splitlines()[-1]
        assert "enter keep" in keys
        assert "escape as before" in keys or "esc as before" in keys
        assert "/ filter" not in keys
        await s.press("escape")
        assert not s.app.state.filter
        assert "/ filter" in s.text().splitlines()[-1]


@pytest.mark.parametrize("end", ["enter", "escape"])
async def test_what_is_typed_right_after_the_filter_is_meant_for_the_screen(
    launch: Launch, end: str
) -> None:
    async with launch() as s:
        await s.press("tab", "slash")
        focused = s.dashboard.query_one("#filter").id
        assert s.dashboard.focused is not None
        assert s.dashboard.focused.id == focused
        for key in ("u", "p", end, "t", "2"):  # without waiting for the screen in between
            s.app.simulate_key(key)
        await s.settle()
        while s.app.state.tab != "stores":
            await s.pilot.pause()
        await s.settle()
        assert s.app.state.filter.text() == ("up" if end == "enter" else "")
        assert s.app.state.span == RANGE["yesterday"]
