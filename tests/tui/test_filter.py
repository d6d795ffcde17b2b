"""Looking at a part: the filter, and the way from a store down to its orders."""

from __future__ import annotations

import pytest

from coffeert.tui.model.ranges import RANGE
from coffeert.tui.render.prose import sentences
from coffeert.tui.widgets.order_table import OrderTable
from tests.tui.conftest import StageMaker
from tests.tui.scripted import House


async def test_drills_from_store_to_drink_to_orders_and_back(stage: StageMaker) -> None:
    async with stage() as s:
        await s.press("2", "shift+tab")
        s.dashboard.query_one("#breakdown").focus()
        await s.press("enter")
        store = s.app.board.crumbs[0]
        assert f"All › {store}" in s.text()
        await s.press("enter")
        drink = s.app.board.crumbs[1]
        assert f"All › {store} › {drink}" in s.text()
        table = s.dashboard.query_one(OrderTable)
        assert table.has_focus
        assert table.model is not None
        listed = {(row.order.store, row.order.drink) for row in table.model.rows}
        assert listed <= {(store, drink)}
        await s.press("backspace", "backspace")
        assert s.app.board.crumbs == ()


async def test_a_filter_drives_every_panel_while_it_is_typed(stage: StageMaker) -> None:
    async with stage() as s:
        await s.press("slash", *"drink:latte")
        await s.press("enter")
        picture = s.house.view.cube
        start = picture.retention.as_of - 14 * 60
        expected = sum(
            tally.orders
            for key, tally in picture.cells()
            if key.grain == "minute" and key.bucket >= start and key.drink == "latte"
        )
        window = s.app.board.scene().window
        assert window is not None
        assert window.sums.total.orders == expected
        assert f" {expected:,} " in s.text()
        table = s.dashboard.query_one(OrderTable)
        assert table.model is not None
        assert {row.order.drink for row in table.model.rows} <= {"latte"}


async def test_only_stores_that_the_filter_lets_in_are_counted_and_missed(
    stage: StageMaker,
) -> None:
    async with stage(house=House(busy=0.0, orders=0)) as s:
        assert "0/4" in s.text()
        await s.press("slash", *"store:uptown,central", "enter")
        assert "0/2" in s.text()
        assert "southend silent" not in s.text()
        assert "Silent: central for 59m+, uptown" in " ".join(
            sentences(s.app.board.scene(), s.app.board.sums())
        )


async def test_a_filter_that_cannot_be_read_says_why_and_changes_nothing(stage: StageMaker) -> None:
    async with stage() as s:
        await s.press("slash", *"size:big")
        assert "size: is no field" in s.text()
        await s.press("escape")
        assert not s.app.board.filter


async def test_the_last_line_says_how_to_leave_the_filter(stage: StageMaker) -> None:
    async with stage() as s:
        await s.press("slash", "u", "p")
        keys = s.text().splitlines()[-1]
        assert "enter keep" in keys
        assert "escape as before" in keys or "esc as before" in keys
        assert "/ filter" not in keys
        await s.press("escape")
        assert not s.app.board.filter
        assert "/ filter" in s.text().splitlines()[-1]


@pytest.mark.parametrize("end", ["enter", "escape"])
async def test_what_is_typed_right_after_the_filter_is_meant_for_the_screen(
    stage: StageMaker, end: str
) -> None:
    async with stage() as s:
        await s.press("tab", "slash")
        focused = s.dashboard.query_one("#filter").id
        assert s.dashboard.focused is not None
        assert s.dashboard.focused.id == focused
        for key in ("u", "p", end, "t", "2"):  # nobody waits for the screen in between
            s.app.simulate_key(key)
        await s.settle()
        while s.app.board.tab != "stores":
            await s.pilot.pause()
        await s.settle()
        assert s.app.board.filter.text() == ("up" if end == "enter" else "")
        assert s.app.board.span == RANGE["1h"]
