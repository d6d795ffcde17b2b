"""The dashboard as a viewer meets it."""

from __future__ import annotations

import gc
import re
from datetime import timedelta
from pathlib import Path

import pytest
from textual._context import active_app
from textual._styles_cache import StylesCache

from coffeert.tui.model.window import RANGE, RANGES
from coffeert.tui.render.layout import TABS
from coffeert.tui.widgets.order_table import OrderTable
from tests.tui.conftest import Launch, reported
from tests.tui.scripted import House
from tests.waiting import eventually


async def test_shows_the_numbers_of_the_view(launch: Launch) -> None:
    async with launch() as s:
        picture = s.house.view.cube
        expected = picture.totals().today
        text = s.text()
        assert f" {expected.orders:,} " in text
        assert f"{expected.cents / 100:,.2f} €" in text
        assert "● live" in text
        assert "figures checked ✓" in text
        for code in s.house.stores:
            assert code.title() in text


async def test_an_order_shows_as_soon_as_it_arrives(launch: Launch) -> None:
    async with launch() as s:
        before = s.house.view.cube.totals().minute.orders
        s.clock.pass_time(1)
        change = s.house.sell(s.clock.now(), 1, s.clock.monotonic())
        await s.happen(change)
        assert s.house.view.cube.totals().minute.orders == before + 1
        order = change.change.recent[0]
        table = s.dashboard.query_one(OrderTable).model
        assert table is not None
        assert table.row(0).order == order
        shown = f"{order.drink.title()} .* {order.store.title()} .* {order.total_cents / 100:.2f} "
        assert re.search(rf"{order.placed_at:%H:%M:%S} .* {shown}", s.text())


async def test_an_event_that_arrives_while_it_ends_is_not_shown(launch: Launch) -> None:
    async with launch() as s:
        dashboard = s.dashboard
    # Its panels have been removed, and a tick that was scheduled before runs only now.
    token = active_app.set(s.app)
    dashboard.tick()
    active_app.reset(token)


@pytest.mark.parametrize("key", ["q", "ctrl+c"])
async def test_ends_on_q_and_on_ctrl_c(launch: Launch, key: str) -> None:
    async with launch() as s:
        await s.press(key)
        await eventually(lambda: not s.app.is_running)


async def test_says_in_the_second_line_what_narrow_terminals_have_no_bar_for(
    launch: Launch, tmp_path: Path
) -> None:
    async with launch((100, 24)) as s:
        s.app.tab.recording.start(tmp_path / "r.ndjson")
        await s.settle()
        assert "rec 0 orders" in s.text()


@pytest.mark.parametrize("size", [(160, 48), (120, 40), (100, 30), (80, 24), (40, 12)])
async def test_all_four_questions_show_at_every_size(launch: Launch, size: tuple[int, int]) -> None:
    async with launch(size) as s:
        await s.press("5")
        for question in ("1 INSERT", "2 Aggregation", "3 Redis", "4 WebSocket"):
            assert question in s.text()


async def test_freezing_stops_the_list_and_counts_what_is_new(
    launch: Launch,
) -> None:
    async with launch() as s:
        await s.press("space")
        first = s.dashboard.query_one(OrderTable).model
        assert first is not None
        for _ in range(7):
            s.clock.pass_time(0.3)
            await s.happen(s.house.sell(s.clock.now(), 2))
        frozen = s.dashboard.query_one(OrderTable).model
        assert frozen is not None
        assert frozen.rows == first.rows
        assert "+14 new" in s.text()
        await s.press("space")
        followed = s.dashboard.query_one(OrderTable).model
        assert followed is not None
        assert followed.rows[0].order.order_id == s.house.view.recent[0].order_id


async def test_the_cursor_stays_on_its_order_while_new_ones_come(
    launch: Launch,
) -> None:
    async with launch() as s:
        await s.press("down", "down")
        table = s.dashboard.query_one(OrderTable)
        chosen = table.chosen_row
        assert chosen is not None
        s.clock.pass_time(1)
        await s.happen(s.house.sell(s.clock.now(), 3))
        assert table.chosen_row is not None
        assert table.chosen_row.order == chosen.order


async def test_the_crosshair_gives_exact_values(launch: Launch) -> None:
    async with launch() as s:
        s.app.state.span = RANGE["15 min"]
        s.dashboard.query_one("#chart").focus()
        await s.press("m", "left", "left")
        window = s.app.state.frame_context().window
        assert window is not None
        value = window.bucket_totals[-2].orders
        assert f"10:05  {value:,} " in s.text()


@pytest.mark.parametrize("name", [span.name for span in RANGES])
async def test_every_range_shows(launch: Launch, name: str) -> None:
    async with launch() as s:
        await reported(s)
        for _ in range(len(RANGES)):
            if s.app.state.span.name == name:
                break
            await s.press("t")
        assert s.app.state.span.name == name
        await reported(s)
        window = s.app.state.frame_context().window
        assert window is not None
        assert f" {window.sums.total.orders:,} " in s.text()
        assert f"Takings {name} " in s.text()
        assert f"Stores {name} " in s.text()


@pytest.mark.parametrize(
    "size", [(160, 48), (120, 40), (80, 24), (60, 20), (40, 12), (20, 5), (200, 9)]
)
async def test_every_tab_shows_at_every_size(launch: Launch, size: tuple[int, int]) -> None:
    async with launch(size) as s:
        for tab in range(1, len(TABS) + 1):
            await s.press(str(tab))
            lines = s.text().splitlines()
            assert len(lines) == size[1]
            assert f" {tab} " in lines[0] or size[0] < 40


@pytest.mark.long
async def test_help_and_palette_open_over_the_dashboard(launch: Launch) -> None:
    async with launch() as s:
        await s.press("question_mark")
        assert "Filter every panel" in s.text()
        await s.press("escape")
        await s.pilot.press("ctrl+p")
        await s.pilot.pause()
        await s.pilot.press(*"filter")
        await s.pilot.pause()
        assert "Search for commands" not in s.text()


@pytest.mark.long
async def test_hostile_names_stay_text(launch: Launch) -> None:
    names = ("[/bold] latte", "\x1b[31mred\x1b[0m", "a\u202eb", "x" * 10_000, "抹茶ラテ", "🍵" * 40)
    house = House(5, ("uptown", "[red]down\x9b2Jtown"), names)
    async with launch(house=house) as s:
        for key in ("1", "2", "3", "4", "5"):
            await s.press(key)
            text = s.text()
            assert text.replace("\n", "").isprintable()
        await s.press("4", "enter")
        assert s.text().replace("\n", "").isprintable()
        await s.press("escape", "n", "tab", "enter")
        assert s.text().replace("\n", "").isprintable()


async def test_asks_for_the_window_before_when_it_is_not_at_hand(
    launch: Launch,
) -> None:
    async with launch() as s:
        await s.press("T")
        while "1 hour" not in s.app.state.comparisons:
            await s.pilot.pause(0.01)
        assert s.archive.asked == [s.clock.now() - timedelta(hours=1)]
        window = s.app.state.frame_context().window
        assert window is not None
        assert window.previous is not None


async def test_a_shop_that_never_sold_says_so_and_shows_no_zeros(launch: Launch) -> None:
    async with launch(house=House(busy=0.0, orders=0)) as s:
        await reported(s)
        assert "10:06: nothing sold yet." in s.text()
        assert "silent" not in s.text()


@pytest.mark.long
async def test_lines_of_removed_widgets_are_dropped(launch: Launch) -> None:
    def rendered_at() -> int:
        gc.collect()
        return sum(isinstance(each, StylesCache) for each in gc.get_objects())

    async with launch() as s:
        most = 0
        for _ in range(12):
            await s.press("2", "question_mark", "escape", "1")
            most = max(most, rendered_at())
        assert most < 250
