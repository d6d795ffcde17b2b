"""DataStatus on the screen: how old what it shows is, what is not known, and what is not well."""

from __future__ import annotations

import re

import msgspec
import pytest

from coffeert.client.events import Connected, Connecting, Disconnected, GapFound, ViewReset
from coffeert.domain.rollup_cube import WindowTotals
from coffeert.tui.model.window import RANGE
from coffeert.tui.render.chart import last_minutes
from coffeert.tui.screens import range_models as models
from tests.calendars import retention
from tests.tui.conftest import Launch, sell_for
from tests.tui.scripted import NOON, House, healthy, lost


async def test_says_how_old_the_data_is_when_news_stop(launch: Launch) -> None:
    async with launch() as s:
        s.clock.pass_time(12)
        await s.settle()
        assert "no news for 12 s" in s.text()


async def test_a_shop_without_any_order_may_grow_old_too(launch: Launch) -> None:
    async with launch(house=House(busy=0.0, orders=0)) as s:
        s.clock.pass_time(12)
        await s.settle()
        assert "no news for 12 s" in s.text()


async def test_counts_down_to_the_next_attempt_and_connects_at_once_on_r(
    launch: Launch,
) -> None:
    async with launch() as s:
        await s.happen(lost("went away", retry_in=5.0))
        assert "✗ offline" in s.text()
        assert "The server went away.  Trying again in 5 s, r: now" in s.text()
        s.clock.pass_time(2)
        await s.settle()
        assert "Trying again in 3 s" in s.text()
        await s.press("r")
        assert s.feed.retries == 1
        await s.happen(Connecting(2))
        assert "Trying now (attempt 2)" in s.text()
        await s.open()
        assert "● live" in s.text()


async def test_first_start_without_a_server_says_what_to_type(
    launch: Launch,
) -> None:
    async with launch((80, 24), opened=False) as s:
        await s.happen(lost("Nothing listens on 127.0.0.1:8765.", retry_in=2.0))
        text = s.text()
        assert "coffeert serve" in text
        assert "coffeert demo" in text
        assert "Nothing listens on 127.0.0.1:8765." in text
        assert "Trying again in 2 s." in text


async def test_a_server_that_wants_a_token_says_how_to_give_it(
    launch: Launch,
) -> None:
    async with launch((80, 24), opened=False) as s:
        reason = "asks for a token, or for another one than was given"
        await s.happen(Disconnected(reason, None))
        text = s.text()
        assert "The server asks for a token" in text
        assert "export COFFEERT_TOKEN=..." in text
        assert "coffeert serve" not in text
        assert "Not trying again by itself." in text


async def test_counts_gaps_in_the_versions(launch: Launch) -> None:
    async with launch() as s:
        await s.happen(GapFound(3, 5))
        assert "1 update missed, repaired" in s.text()


async def test_a_sum_that_differs_from_the_servers_turns_the_badge_red(
    launch: Launch,
) -> None:
    async with launch() as s:
        await s.happen(ViewReset(s.house.view.as_change(), "e1", 2, WindowTotals()))
        assert "✗ figures differ from the server's" in s.text()


async def test_names_the_part_that_is_not_well(launch: Launch) -> None:
    async with launch() as s:
        now = s.clock.now()
        await s.happen(s.house.beat(now, healthy(now, redis_ok=False)))
        assert "Redis: connection refused" in s.text()
        await s.press("5")
        assert "✗ connection refused for 4.0s" in s.text()


async def test_an_outage_is_remembered_as_a_gap_and_not_as_zeros(
    launch: Launch,
) -> None:
    async with launch() as s:
        await s.happen(lost())
        s.clock.pass_time(180)
        s.house.view.cube.move_to(retention(s.clock.now()))
        s.house.view.data_time = s.clock.now()
        s.app.state.span = RANGE["15 min"]
        await s.open()
        assert "╱" in s.text()
        now = s.clock.now().timestamp()
        assert s.app.session.lost_between(now - 120, now - 60)
        assert not s.app.session.lost_between(now - 600, now - 300)


async def test_what_is_unknown_without_a_server_is_not_shown_as_zero(
    launch: Launch,
) -> None:
    async with launch() as s:
        await s.happen(s.house.sell(s.clock.now(), 30))
        assert re.search(r"\d/s ", s.text())
        assert s.text().count(" live ") == 2, "in the badge and in the bar"
        s.clock.pass_time(5)
        await s.happen(lost())
        head = s.text().splitlines()[0]
        assert "✗ offline" in head
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


async def test_a_server_with_a_slow_heartbeat_is_not_called_silent(
    launch: Launch,
) -> None:
    async with launch() as s:
        now = s.clock.now()
        hello = msgspec.structs.replace(s.house.hello(), heartbeat=5.0)
        passes = msgspec.structs.replace(healthy(now).aggregator, interval_s=5.0)
        health = msgspec.structs.replace(healthy(now), aggregator=passes)
        await s.happen(Connected(hello, resumed=True), s.house.beat(now, health))
        s.clock.pass_time(4.9)
        assert s.app.state.data_status().status == "live"
        s.clock.pass_time(5.3)
        assert s.app.state.data_status().status == "stale"


@pytest.mark.parametrize("range_name", ["15 min", "1 hour"])
@pytest.mark.long
async def test_figures_stand_still_while_nothing_is_heard_and_the_chart_shows_the_gap(
    launch: Launch, range_name: str
) -> None:
    async with launch() as s:
        state = s.app.state
        state.span = RANGE[range_name]
        for _ in range(20):
            s.clock.pass_time(1)
            now = s.clock.now()
            await s.happen(s.house.sell(now, 3, s.clock.monotonic()), s.house.beat(now, lag=0.0))
        live = state.frame_context()
        tiles = models.tiles(state, live)
        known = models.chart(state, live, {})
        assert known is not None
        assert known.values[-2] is not None
        s.clock.pass_time(130)
        stale = state.frame_context()
        assert stale.data_status.status == "stale"
        assert [t for t in models.tiles(state, stale) if t.name != "Stores"] == [
            tile for tile in tiles if tile.name != "Stores"
        ]
        assert "not known which sell" in models.tiles(state, stale)[-1].notes
        assert models.breakdown(state, stale, "store") == models.breakdown(state, live, "store")
        chart = models.chart(state, stale, {})
        assert chart is not None
        assert chart.values[-1] is None
        assert chart.values.count(0) <= known.values.count(0)
        await s.settle()
        assert " newest " in s.text()


async def test_orders_that_come_while_no_pass_does_are_not_counted_into_a_shorter_minute(
    launch: Launch,
) -> None:
    async with launch(house=House(busy=0.0, orders=0)) as s:
        await s.happen(s.house.beat(s.clock.now()))
        for _ in range(100):
            s.clock.pass_time(1)
            change = s.house.sell(s.clock.now(), 2)
            still = msgspec.structs.replace(change.change, data_time=NOON)
            s.feed.put(msgspec.structs.replace(change, change=still))
        await s.happen(s.house.beat(s.clock.now(), lag=100))
        assert "no news for" in s.text()
        window = s.app.state.frame_context().window
        sums = s.app.state.sums()
        assert window is not None
        assert sums is not None
        assert last_minutes(sums, window.now).orders == 200


@pytest.mark.long
async def test_catching_up_after_an_outage_is_no_rate(launch: Launch) -> None:
    async with launch() as s:
        await sell_for(s, 10)
        await s.happen(lost())
        s.clock.pass_time(20)
        now = s.clock.now()
        hello = Connected(s.house.hello(), resumed=True)
        await s.happen(hello, s.house.sell(now, 200, s.clock.monotonic()), s.house.beat(now))
        assert s.app.session.arrivals.rate(now.timestamp()) is None
        await sell_for(s, 15)
        rate = s.app.session.arrivals.rate(s.app.session.now().timestamp())
        assert rate is not None
        assert rate < 5
