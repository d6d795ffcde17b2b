"""Everything by palette, and by mouse."""

from __future__ import annotations

import pytest
from textual.widgets import OptionList

from coffeert.tui.bindings import DASHBOARD_KEYS, readable
from coffeert.tui.render.header import draw_controls, draw_header
from coffeert.tui.screens.dashboard import Dashboard
from coffeert.tui.widgets.bars import ControlsBar, HeaderBar
from coffeert.tui.widgets.order_table import OrderTable
from tests.tui.conftest import Harness, Launch


async def by_palette(s: Harness, words: str) -> None:
    """Run a command of the palette."""
    await s.pilot.press("ctrl+p")
    await s.pilot.pause()
    await s.pilot.press(*words)
    commands = s.app.screen.query_one(OptionList)
    while not any(words.casefold() in str(option.prompt).casefold() for option in commands.options):
        await s.pilot.pause(0.02)
    await s.pilot.press("enter")
    while not isinstance(s.app.screen, Dashboard):
        await s.pilot.pause(0.02)
    await s.settle()


@pytest.mark.long
async def test_the_palette_does_what_keys_do(launch: Launch) -> None:
    async with launch() as s:
        await by_palette(s, "Hold or follow")
        assert s.app.state.frozen
        await by_palette(s, "Show how the server")
        assert s.app.state.tab == "engine"
        await by_palette(s, "Connect to the server")
        assert s.feed.retries == 1


async def test_every_key_is_in_the_palette_and_has_a_name_and_a_tooltip(
    launch: Launch,
) -> None:
    async with launch() as s:
        commands = list(s.app.get_system_commands(s.app.screen))
        offered = {command.title: command.help for command in commands}
        assert len(offered) == len(commands), "none twice"
        assert all(title.isascii() and "(" not in title for title in offered)
        for binding in s.dashboard.available_keys():
            assert binding.id
            assert binding.tooltip
            if binding not in s.app.dashboard.available_keys():
                assert binding.tooltip not in offered, "only what does something"
                continue
            assert readable(binding.key) in offered[binding.tooltip]
        ids = [binding.id for binding in DASHBOARD_KEYS]
        assert len(set(ids)) == len(ids)


async def test_no_action_needs_ctrl() -> None:
    for binding in DASHBOARD_KEYS:
        assert any("ctrl" not in key for key in binding.key.split(","))


@pytest.mark.parametrize("tab", ["stores", "engine"])
async def test_a_click_chooses_a_tab(launch: Launch, tab: str) -> None:
    async with launch() as s:
        header = s.dashboard.query_one(HeaderBar)
        assert header.model is not None
        text = "".join(span.text for span in draw_header(header.model, 120, s.app.glyphs))
        await s.pilot.click(HeaderBar, offset=(text.index(tab.capitalize()), 0))
        await s.settle()
        assert s.app.state.tab == tab


async def test_a_click_chooses_a_range(launch: Launch) -> None:
    async with launch() as s:
        controls = s.dashboard.query_one(ControlsBar)
        assert controls.model is not None
        text = "".join(span.text for span in draw_controls(controls.model, 120, s.app.glyphs))
        await s.pilot.click(ControlsBar, offset=(text.index("28 days"), 0))
        await s.settle()
        assert s.app.state.span.name == "28 days"


async def test_the_mouse_chooses_rows_and_opens_them(launch: Launch) -> None:
    async with launch() as s:
        await s.press("4")
        await s.pilot.click(OrderTable, offset=(10, 4))
        await s.settle()
        table = s.dashboard.query_one(OrderTable)
        assert table.cursor.at == 2
        await s.press("1")
        await s.pilot.click("#stores", offset=(5, 3))
        await s.pilot.click("#stores", offset=(5, 3), times=2)
        await s.settle()
        assert len(s.app.state.breadcrumbs) == 1


async def test_the_mouse_moves_the_crosshair(launch: Launch) -> None:
    async with launch() as s:
        await s.pilot.hover("#chart", offset=(40, 4))
        await s.settle()
        assert s.app.state.cursor is not None
        await s.pilot.hover(OrderTable, offset=(4, 4))
        await s.settle()
        assert s.app.state.cursor is None


async def test_the_wheel_walks_through_the_orders(launch: Launch) -> None:
    async with launch() as s:
        table = s.dashboard.query_one(OrderTable)
        table.on_mouse_scroll_down()
        assert table.cursor.at == 3
        table.on_mouse_scroll_up()
        assert table.cursor.at == 0
