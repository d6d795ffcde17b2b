"""Alerts: told by name, listed, acknowledged, drawn only where they apply, and kept for the session."""

from __future__ import annotations

import json

import pytest
from yarl import URL

from coffeert.alert_rules import parse_rule
from coffeert.client.webhook import Webhook
from coffeert.tui.model.alerts import Alerts, figures_of
from coffeert.tui.model.filter import parse_filter
from coffeert.tui.model.window import RANGE
from coffeert.tui.settings import Settings
from tests.tui.conftest import Harness, Launch
from tests.tui.scripted import House, lost

RUSH = Settings(alerts={"rush": parse_rule("orders_per_min > 20 for 30s")})


async def rush(s: Harness, steps: int = 8) -> None:
    """Sell an order a second."""
    for _ in range(steps):
        s.clock.pass_time(5)
        await s.happen(s.house.sell(s.clock.now(), 5), s.house.beat(s.clock.now()))


async def calm(s: Harness) -> None:
    s.clock.pass_time(150)
    await s.happen(s.house.beat(s.clock.now()))


@pytest.mark.long
async def test_an_alert_is_named_listed_acknowledged_and_remembered(launch: Launch) -> None:
    async with launch(settings=RUSH) as s:
        assert "rush" not in s.text().splitlines()[1]
        await rush(s)
        assert "Alert rush: more than 20 orders a minute for 30 s, since 10:06" in s.notices()
        head = s.text().splitlines()[1]
        assert "▲ rush" in head
        assert "a: alerts" in head
        await s.press("a")
        assert "more than 20 orders a minute for 30 s; since 10:06 (" in s.text()
        assert "peak" in s.text()
        await s.press("a")
        assert "rush · acknowledged" in s.text()
        await s.press("escape")
        assert "a: alerts" not in s.text().splitlines()[1]
        assert "▲ rush" in s.text().splitlines()[1]
        await calm(s)
        assert "rush" not in s.text().splitlines()[1]
        await s.press("a")
        assert "Earlier, while this screen was open" in s.text()
        assert "10:06 to 10:09" in s.text()


async def test_a_rule_is_drawn_only_if_it_is_about_what_is_shown(launch: Launch) -> None:
    async with launch(settings=RUSH) as s:
        chart = s.dashboard.panels.chart

        def marks() -> list[tuple[float, str]]:
            return [] if chart.model is None else list(chart.model.marks)

        await s.press("m")
        s.app.state.span = RANGE["15 min"]
        await s.settle()
        assert [name for _, name in marks()] == ["rush"]
        s.app.state.filter = parse_filter("drink:latte")
        await s.settle()
        assert marks() == []


async def test_without_news_a_figure_is_unknown_and_not_low(launch: Launch) -> None:
    slow = Settings(alerts={"slow": parse_rule("orders_per_min < 1")})
    async with launch(settings=slow) as s:
        await rush(s, 3)
        await s.happen(lost())
        s.clock.pass_time(300)
        await s.settle()
        assert figures_of(s.app.session).keys() == {"data_age"}
        assert "Alert slow" not in s.notices()


async def test_without_rules_the_list_says_where_to_set_them(launch: Launch) -> None:
    async with launch() as s:
        await s.press("a")
        assert "[alerts]" in s.text()


async def test_the_peak_is_what_is_furthest_beyond_the_limit(launch: Launch) -> None:
    async with launch(house=House(busy=0.0, orders=0)) as s:
        alerts = Alerts({"busy": parse_rule("orders_today >= 3")})
        for count in (4, 2):
            s.clock.pass_time(1)
            await s.happen(s.house.sell(s.clock.now(), count), s.house.beat(s.clock.now()))
            alerts.observe(s.app.session)
        (alert,) = alerts.firing
        assert (alert.value, alert.peak) == (6, 6)
    rule = parse_rule("orders_per_min < 5")
    assert rule.worse(3, 4) == 3
    assert rule.worse(3, 2) == 2


@pytest.mark.long
async def test_an_alert_is_posted_when_it_begins_and_when_it_is_over(
    launch: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    posted: list[bytes] = []
    webhook = Webhook(URL("http://127.0.0.1:9/hook"))
    monkeypatch.setattr(webhook, "post", posted.append)
    async with launch(settings=RUSH, webhook=webhook) as s:
        await rush(s)
        await calm(s)
    begun, over = map(json.loads, posted)
    assert begun["name"] == over["name"] == "rush"
    assert begun["rule"] == "orders_per_min > 20 for 30s"
    assert begun["since"] == over["since"]
    assert begun["resolved"] is None
    assert over["resolved"] is not None
    assert begun["value"] > 20
    assert begun["text"].startswith("rush: more than 20 orders a minute for 30 s, since 10:06")
