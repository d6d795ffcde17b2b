"""The dashboard as a viewer meets it."""

from __future__ import annotations

import gc
import re
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from textual._context import active_app
from textual._styles_cache import StylesCache
from textual.widget import Widget
from textual.widgets._footer import FooterKey

from coffeert.cells import Totals
from coffeert.client.events import Connected, Connecting, Disconnected, GapFound, ViewReset
from coffeert.tui.present import models
from coffeert.tui.present.kpi import pace
from coffeert.tui.present.layout import TABS
from coffeert.tui.present.ranges import RANGE, RangeName
from coffeert.tui.widgets.order_table import OrderTable
from tests.tui.conftest import StageMaker
from tests.tui.scripted import NOON, House, healthy, lost
from tests.waiting import eventually


async def test_shows_the_numbers_of_the_view(stage: StageMaker) -> None:
    async with stage() as s:
        picture = s.house.view.picture
        start = picture.horizon.as_of - 14 * 60
        expected = picture.total("minute", start)
        text = s.text()
        assert f" {expected.orders:,} " in text
        assert f"{expected.cents / 100:,.2f}" in text
        assert "LIVE" in text
        assert "= server ✓" in text
        for code in s.house.stores:
            assert code in text


async def test_an_order_shows_as_soon_as_it_is_told(stage: StageMaker) -> None:
    async with stage() as s:
        before = s.house.view.picture.totals().minute.orders
        s.clock.pass_time(1)
        change = s.house.sell(s.clock.now(), 1, s.clock.monotonic())
        await s.happen(change)
        assert s.house.view.picture.totals().minute.orders == before + 1
        assert str(change.change.recent[0].order_id)[-12:] in s.text()


async def test_says_how_old_the_data_is_when_news_stop(stage: StageMaker) -> None:
    async with stage() as s:
        s.clock.pass_time(12)
        await s.settle()
        assert "STALE 12s" in s.text()


async def test_a_shop_without_any_order_may_grow_old_too(stage: StageMaker) -> None:
    async with stage(house=House(busy=0.0, orders=0)) as s:
        s.clock.pass_time(12)
        await s.settle()
        assert "STALE 12s" in s.text()


async def test_news_that_come_while_it_ends_are_not_shown(stage: StageMaker) -> None:
    async with stage() as s:
        dashboard = s.dashboard
    # Its panels are gone, and what was to be done for it later is done now.
    token = active_app.set(s.app)
    dashboard.tick()
    active_app.reset(token)


@pytest.mark.parametrize("key", ["q", "ctrl+c"])
async def test_ends_on_q_and_on_ctrl_c(stage: StageMaker, key: str) -> None:
    async with stage() as s:
        await s.press(key)
        await eventually(lambda: not s.app.is_running)


async def test_counts_down_to_the_next_attempt_and_connects_at_once_on_r(stage: StageMaker) -> None:
    async with stage() as s:
        await s.happen(lost("the server went away", retry_in=5.0))
        assert "OFFLINE retry 5s" in s.text()
        assert "the server went away" in s.text()
        s.clock.pass_time(2)
        await s.settle()
        assert "OFFLINE retry 3s" in s.text()
        await s.press("r")
        assert s.feed.retries == 1
        await s.happen(Connecting(2))
        assert "CONNECTING #2" in s.text()
        await s.open()
        assert "LIVE" in s.text()


async def test_first_start_without_a_server_says_what_to_type(stage: StageMaker) -> None:
    async with stage((80, 24), opened=False) as s:
        await s.happen(lost("Nothing listens on 127.0.0.1:8765.", retry_in=2.0))
        text = s.text()
        assert "coffeert serve" in text
        assert "coffeert demo" in text
        assert "Nothing listens on 127.0.0.1:8765." in text
        assert "Trying again in 2 s." in text


async def test_a_server_that_wants_a_token_says_how_to_give_it(stage: StageMaker) -> None:
    async with stage((80, 24), opened=False) as s:
        reason = "asks for a token, or for another one than was given"
        await s.happen(Disconnected(reason, None))
        text = s.text()
        assert "The server asks for a token" in text
        assert "export COFFEERT_TOKEN=..." in text
        assert "coffeert serve" not in text
        assert "Not trying again by itself." in text


async def test_says_in_the_second_line_what_narrow_terminals_have_no_bar_for(
    stage: StageMaker, tmp_path: Path
) -> None:
    async with stage((80, 24)) as s:
        s.app.start_recording(tmp_path / "r.ndjson")
        await s.settle()
        assert "rec 0 orders" in s.text()


async def test_counts_gaps_in_the_versions(stage: StageMaker) -> None:
    async with stage() as s:
        await s.happen(GapFound(3, 5))
        assert "seq 1 gap" in s.text()


async def test_a_sum_that_differs_from_the_servers_turns_the_badge_red(stage: StageMaker) -> None:
    async with stage() as s:
        await s.happen(ViewReset(s.house.view.as_change(), "e1", 2, Totals()))
        assert "NOT = server" in s.text()


async def test_names_the_part_that_is_not_well(stage: StageMaker) -> None:
    async with stage() as s:
        now = s.clock.now()
        await s.happen(s.house.beat(now, healthy(now, redis_ok=False)))
        assert "redis: connection refused" in s.text()
        await s.press("5")
        assert "✗ connection refused for 4.0s" in s.text()


@pytest.mark.parametrize("size", [(160, 48), (120, 40), (100, 30), (80, 24), (40, 12)])
async def test_all_four_questions_show_at_every_size(
    stage: StageMaker, size: tuple[int, int]
) -> None:
    async with stage(size) as s:
        await s.press("5")
        for question in ("1 INSERT", "2 Aggregation", "3 Redis", "4 WebSocket"):
            assert question in s.text()


async def test_freezing_stops_the_list_and_counts_what_is_new(stage: StageMaker) -> None:
    async with stage() as s:
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


async def test_the_cursor_stays_on_its_order_while_new_ones_come(stage: StageMaker) -> None:
    async with stage() as s:
        await s.press("down", "down")
        table = s.dashboard.query_one(OrderTable)
        chosen = table.chosen_row
        assert chosen is not None
        s.clock.pass_time(1)
        await s.happen(s.house.sell(s.clock.now(), 3))
        assert table.chosen_row is not None
        assert table.chosen_row.order == chosen.order


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
        picture = s.house.view.picture
        start = picture.horizon.as_of - 14 * 60
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


async def test_a_filter_that_cannot_be_read_says_why_and_changes_nothing(stage: StageMaker) -> None:
    async with stage() as s:
        await s.press("slash", *"size:big")
        assert "size: is no field" in s.text()
        await s.press("escape")
        assert not s.app.board.filter


async def test_the_crosshair_gives_exact_values(stage: StageMaker) -> None:
    async with stage() as s:
        s.dashboard.query_one("#chart-orders").focus()
        await s.press("left", "left")
        window = s.app.board.scene().window
        assert window is not None
        value = window.tallies[-2].orders
        assert f"10:05 = {value:,}" in s.text()


@pytest.mark.parametrize("name", ["1m", "5m", "15m", "1h", "24h", "30d"])
async def test_every_range_shows(stage: StageMaker, name: str) -> None:
    async with stage() as s:
        for _ in range(6):
            if s.app.board.span.name == name:
                break
            await s.press("t")
        assert s.app.board.span.name == name
        window = s.app.board.scene().window
        assert window is not None
        assert f" {window.sums.total.orders:,} " in s.text()


@pytest.mark.parametrize(
    "size", [(160, 48), (120, 40), (80, 24), (60, 20), (40, 12), (20, 5), (200, 9)]
)
async def test_every_tab_shows_at_every_size(stage: StageMaker, size: tuple[int, int]) -> None:
    async with stage(size) as s:
        for tab in range(1, len(TABS) + 1):
            await s.press(str(tab))
            lines = s.text().splitlines()
            assert len(lines) == size[1]
            assert "coffeert" in lines[0] or size[0] < 40


async def test_help_and_palette_open_over_the_dashboard(stage: StageMaker) -> None:
    async with stage() as s:
        await s.press("question_mark")
        assert "Filter every panel" in s.text()
        await s.press("escape")
        await s.pilot.press("ctrl+p")
        await s.pilot.pause()
        await s.pilot.press(*"filter")
        await s.pilot.pause()
        assert "Search for commands" not in s.text()


async def test_hostile_names_stay_text(stage: StageMaker) -> None:
    names = ("[/bold] latte", "\x1b[31mred\x1b[0m", "a\u202eb", "x" * 10_000, "抹茶ラテ", "🍵" * 40)
    house = House(5, ("uptown", "[red]down\x9b2Jtown"), names)
    async with stage(house=house) as s:
        for key in ("1", "2", "3", "4", "5"):
            await s.press(key)
            text = s.text()
            assert text.replace("\n", "").isprintable()
        await s.press("4", "enter")
        assert s.text().replace("\n", "").isprintable()
        await s.press("escape", "n", "tab", "enter")
        assert s.text().replace("\n", "").isprintable()


async def test_an_outage_is_remembered_as_a_gap_and_not_as_zeros(stage: StageMaker) -> None:
    async with stage() as s:
        await s.happen(lost())
        s.clock.pass_time(180)
        s.house.view.picture.move_to(s.house.horizon.at(s.clock.now(), s.app.session.zone()))
        s.house.view.data_time = s.clock.now()
        await s.open()
        assert "╱" in s.text()
        now = s.clock.now().timestamp()
        assert s.app.session.lost_between(now - 120, now - 60)
        assert not s.app.session.lost_between(now - 600, now - 300)


async def test_asks_for_the_window_before_when_it_is_not_at_hand(stage: StageMaker) -> None:
    async with stage() as s:
        await s.press("t")
        while "1h" not in s.app.board.past:
            await s.pilot.pause(0.01)
        assert s.archive.asked == [s.clock.now() - timedelta(hours=1)]
        window = s.app.board.scene().window
        assert window is not None
        assert window.previous is not None


async def test_what_is_not_known_while_the_server_is_gone_is_not_shown_as_zero(
    stage: StageMaker,
) -> None:
    async with stage() as s:
        await s.happen(s.house.sell(s.clock.now(), 30))
        assert re.search(r"\d/s ", s.text())
        assert s.text().count(" live ") == 1
        s.clock.pass_time(5)
        await s.happen(lost())
        head = s.text().splitlines()[0]
        assert "OFFLINE" in head
        assert "/s" not in head
        assert " newest " in s.text()
        await s.press("5")
        assert s.text().count("? not heard of for 5.0s") == 4
        await s.open()
        assert "? not heard of" not in s.text()
        assert "/s" not in s.text().splitlines()[0], "the outage lies in the time of the rate"
        s.clock.pass_time(11)
        await s.happen(s.house.beat(s.clock.now()))
        assert "/s" in s.text().splitlines()[0]


async def test_a_server_with_a_slow_heartbeat_is_not_called_silent(stage: StageMaker) -> None:
    async with stage() as s:
        now = s.clock.now()
        hello = msgspec.structs.replace(s.house.hello(), heartbeat=5.0)
        passes = msgspec.structs.replace(healthy(now).aggregator, interval_s=5.0)
        health = msgspec.structs.replace(healthy(now), aggregator=passes)
        await s.happen(Connected(hello, resumed=True), s.house.beat(now, health))
        s.clock.pass_time(4.9)
        assert s.app.board.truth().mood == "live"
        s.clock.pass_time(5.3)
        assert s.app.board.truth().mood == "stale"


@pytest.mark.parametrize("range_name", ["1m", "5m", "15m"])
async def test_figures_stand_still_while_nothing_is_heard_and_the_chart_shows_the_gap(
    stage: StageMaker, range_name: RangeName
) -> None:
    async with stage() as s:
        board = s.app.board
        board.span = RANGE[range_name]
        for _ in range(20):
            s.clock.pass_time(1)
            now = s.clock.now()
            await s.happen(s.house.sell(now, 3, s.clock.monotonic()), s.house.beat(now, lag=0.0))
        live = board.scene()
        tiles = models.tiles(board, live)
        known = models.chart(board, live, "orders", ())
        assert known is not None
        assert known.values[-2] is not None
        s.clock.pass_time(130)
        stale = board.scene()
        assert stale.truth.mood == "stale"
        assert models.tiles(board, stale) == tiles
        assert models.sections(board, stale) == models.sections(board, live)
        chart = models.chart(board, stale, "orders", ())
        assert chart is not None
        assert chart.values[-1] is None
        assert chart.values.count(0) <= known.values.count(0)
        await s.settle()
        assert " newest " in s.text()


async def test_a_store_that_never_sold_is_not_said_to_have_sold_an_hour_ago(
    stage: StageMaker,
) -> None:
    async with stage(house=House(busy=0.0, orders=0)) as s:
        assert "silent 59m+" in s.text()


async def test_keys_that_are_no_longer_shown_are_let_go(stage: StageMaker) -> None:
    def widgets() -> int:
        gc.collect()
        return sum(isinstance(each, Widget) for each in gc.get_objects())

    async with stage() as s:
        once = ("2", "3", "5", "1", "question_mark", "escape", "slash", "escape")
        await s.press(*once)
        before = widgets()
        for _ in range(3):
            await s.press(*once)
        assert widgets() <= before


async def test_lines_of_widgets_that_are_gone_are_let_go(stage: StageMaker) -> None:
    def painted() -> int:
        gc.collect()
        return sum(isinstance(each, StylesCache) for each in gc.get_objects())

    async with stage() as s:
        most = 0
        for _ in range(12):
            await s.press("2", "question_mark", "escape", "1")
            most = max(most, painted())
        assert most < 250


async def test_keys_that_go_on_being_shown_are_not_made_anew(stage: StageMaker) -> None:
    async with stage() as s:
        await s.press("4")
        before = list(s.dashboard.query(FooterKey))
        await s.press("tab", "2", "tab", "1", "question_mark", "escape")
        assert list(s.dashboard.query(FooterKey)) == before
        assert len(before) > 5
        await s.press("slash")
        await s.press("escape")
        assert [key.description for key in s.dashboard.query(FooterKey)] == [
            key.description for key in before
        ]


async def test_the_palettes_key_shows_wherever_there_is_room(stage: StageMaker) -> None:
    async with stage() as s:
        for columns, shown in ((40, False), (160, True)):
            await s.pilot.resize_terminal(columns, 40)
            await s.settle()
            assert ("^p palette" in s.text().splitlines()[-1]) is shown


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


async def test_orders_that_come_while_no_pass_does_are_not_counted_into_a_shorter_minute(
    stage: StageMaker,
) -> None:
    async with stage(house=House(busy=0.0, orders=0)) as s:
        await s.happen(s.house.beat(s.clock.now()))
        for _ in range(100):
            s.clock.pass_time(1)
            change = s.house.sell(s.clock.now(), 2)
            still = msgspec.structs.replace(change.change, data_time=NOON)
            s.feed.put(msgspec.structs.replace(change, change=still))
        await s.happen(s.house.beat(s.clock.now(), lag=100))
        assert "STALE" in s.text()
        window = s.app.board.scene().window
        sums = s.app.board.sums()
        assert window is not None
        assert sums is not None
        assert pace(sums, window.now) == pytest.approx(120, abs=4)


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
