"""The terminal shows what a real server has."""

from __future__ import annotations

import asyncio
import re
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from textual.widgets import Input

from coffeert.alert_rules import parse_rule
from coffeert.cli.check import check
from coffeert.client.http import OrderClient
from coffeert.domain.orders import Draft
from coffeert.postgres.calendars import set_default_calendar, set_store_calendar
from coffeert.postgres.installation import set_currency
from coffeert.postgres.pool import Connection
from coffeert.tui.app import CoffeertApp
from coffeert.tui.model.alerts import Alerts
from coffeert.tui.model.filter import parse_filter
from coffeert.tui.model.window import RANGE, RANGES
from coffeert.tui.screens.injection_form import InjectionForm
from coffeert.tui.screens.order_form import OrderForm
from coffeert.tui.screens.range_models import chart
from coffeert.tui.screens.take_back import TakeBack
from coffeert.wire.frames import change_from
from tests.integration.client.proxies import proxied
from tests.integration.inject.command import run
from tests.integration.server.conftest import RunServer
from tests.integration.tui.watching import until, watching
from tests.ports import free_port


def orders_shown(app: CoffeertApp) -> int:
    """Return how many orders of the last 30 days the screen knows of."""
    view = app.session.view
    return 0 if view is None else view.cube.totals().day.orders


async def test_every_range_and_filter_shows_what_the_server_counts(server_url: str) -> None:
    async with watching(server_url) as (app, pilot, client):
        now = datetime.now(UTC)
        ages = [0, 5, 70, 600, 1800, 3000, 7200, 40_000, 90_000, 500_000, 2_000_000]
        stores, drinks = ("uptown", "central", "southend"), ("latte", "tea", "mocha")
        drafts = [
            Draft(
                stores[i % 3], drinks[(i // 3) % 3], 1 + i % 4, None, now - timedelta(seconds=age)
            )
            for i, age in enumerate(ages * 4)
        ]
        for draft in drafts:
            await client.place(draft)
        await until(pilot, lambda: orders_shown(app) == len(drafts))
        snapshot = await client.dashboard()
        cells = change_from(snapshot.view).cells
        assert app.session.totals_match() == "equal"
        for text in ("", "latte", "store:up -tea"):
            app.state.filter = parse_filter(text)
            for span in RANGES[-2:]:
                app.state.span = span
                window = app.state.frame_context().window
                assert window is not None
                wanted = app.state.filter
                expected = sum(
                    totals.cents
                    for key, totals in cells.items()
                    if key.grain == "minute"
                    and key.bucket in window.starts
                    and wanted.matches_cell(key.store, key.drink)
                )
                assert window.sums.total.cents == expected, (text, span.name)


async def test_reports_show_while_stores_are_on_different_dates(
    run_server: RunServer, connection: Connection
) -> None:
    await set_currency(connection, "KWD")  # three decimal places
    await set_default_calendar(connection, "Pacific/Kiritimati")  # 14 hours ahead of UTC
    await set_store_calendar(connection, "uptown", "Pacific/Pago_Pago")  # 11 hours behind
    async with run_server() as url, watching(url) as (app, pilot, client):
        now = datetime.now(UTC)
        for hours in range(0, 240, 2):
            moment = now - timedelta(hours=hours)
            await client.place(Draft("uptown", "latte", 1, 2_500, moment))
            await client.place(Draft("central", "tea", 1, 2_500, moment))
        for name in ("today", "yesterday"):
            app.state.span = RANGE[name]
            for text in ("", "store:=uptown", "store:=central"):
                app.state.filter = parse_filter(text)
                await until(pilot, lambda: app.state.shown_reports().curve is not None)
        app.state.filter = parse_filter("")
        await until(pilot, lambda: app.state.shown_reports().curve is not None)
        shown = chart(app.state, app.state.frame_context(), {})
        assert shown is not None
        assert re.match(r"peak \S+ \d\.\d{3} KWD a quarter hour; hours are each", shown.note)


@pytest.mark.long
async def test_an_order_placed_on_the_screen_is_stored_and_comes_back(server_url: str) -> None:
    async with watching(server_url) as (app, pilot, client):
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, OrderForm))
        app.screen.query_one("#store", Input).value = "uptown"
        app.screen.query_one("#drink", Input).value = "latte"
        app.screen.query_one("#quantity", Input).value = "3"
        await pilot.pause()
        await pilot.press("f2")
        # The frame may come before the answer.
        await until(
            pilot,
            lambda: any(own.rendered_at and own.committed_at for own in app.session.own.newest()),
        )
        own = app.session.own.newest()[0]
        assert own.order is not None
        assert (own.order.store, own.order.drink, own.order.quantity) == ("uptown", "latte", 3)
        assert own.committed_at is not None
        assert own.on_wire_at is not None
        assert (await client.place(own.draft)).replayed
        await pilot.press("escape", "u", "u")
        await until(pilot, lambda: orders_shown(app) == 0)


@pytest.mark.long
async def test_injects_from_the_screen_stops_and_takes_it_back(server_url: str) -> None:
    async with watching(server_url, allow_inject=True) as (app, pilot, client):
        await client.place(Draft("uptown", "tea"))
        await pilot.press("i")
        await until(pilot, lambda: isinstance(app.screen, InjectionForm))
        app.screen.query_one("#rate", Input).value = "50"
        app.screen.query_one("#duration", Input).value = ""
        app.screen.query_one("#sure", Input).value = "yes"
        await pilot.press("f2")
        await until(pilot, lambda: orders_shown(app) >= 20)
        assert app.tab.injection is not None
        assert app.tab.injection.running
        await pilot.press("x")
        await until(pilot, lambda: not app.tab.injection.running)  # type: ignore[union-attr]  # set above
        assert app.session.totals_match() in ("equal", "unknown")
        await pilot.press("x")
        await until(pilot, lambda: isinstance(app.screen, TakeBack))
        await pilot.press("n", "x")
        await until(pilot, lambda: isinstance(app.screen, TakeBack))
        assert orders_shown(app) >= 20, "not before a yes"
        await pilot.press("y")
        await until(pilot, lambda: orders_shown(app) == 1)


@pytest.mark.long
async def test_an_alert_and_a_check_with_the_same_text_agree(server_url: str) -> None:
    texts = ("orders_today >= 5", "orders_today > 5", "silent_stores == 0", "data_age < 60 for 1s")
    rules = [parse_rule(text) for text in texts]
    started = datetime.now(UTC)
    async with watching(server_url) as (app, pilot, client):
        for _ in range(5):
            await client.place(Draft("uptown", "tea"))
        await until(pilot, lambda: orders_shown(app) == 5)
        # Until the first pass the data is as old as the database that the test's was cloned from.
        while (await client.dashboard()).view.data_time < started:
            await pilot.pause()
        verdicts = await check(OrderClient(server_url), rules, interval=0.2)
        alerts = Alerts(dict(zip(texts, rules, strict=True)))
        alerts.observe(app.session)
        await until(pilot, lambda: alerts.observe(app.session) is not None and _settled(alerts))
        assert [verdict.holds for verdict in verdicts] == [True, False, True, True]
        assert {alert.name for alert in alerts.firing} == {
            verdict.rule.text() for verdict in verdicts if verdict.holds
        }


def _settled(alerts: Alerts) -> bool:
    return len(alerts.firing) >= 3


@pytest.mark.long
async def test_what_is_recorded_injects_to_the_same_orders(server_url: str, tmp_path: Path) -> None:
    path = tmp_path / "watched.ndjson"
    async with watching(server_url) as (app, pilot, client):
        await until(pilot, lambda: app.session.heartbeat is not None)
        app.tab.recording.start(path)
        drafts = [Draft("uptown", "latte", 1 + i % 3) for i in range(12)]
        placed = [await client.place(draft) for draft in drafts]
        await until(
            pilot,
            lambda: (
                app.tab.recording.recorder is not None and app.tab.recording.recorder.orders == 12
            ),
        )
        app.tab.recording.stop()
        before = orders_shown(app)
        ended = await run(
            "inject", "--url", server_url, "--file", str(path), "--speed", "10", "--json"
        )
        assert ended.code == 0, ended.err
        assert ended.report().replayed == len(placed)
        assert ended.report().accepted == 0
        assert orders_shown(app) == before


@pytest.mark.long
async def test_a_wall_screen_outlives_the_exchange_of_its_server(run_server: RunServer) -> None:
    """Meanwhile the proxy answers 404, as an ingress does; what is ordered then is stored afterwards."""
    port = free_port()
    async with (
        proxied(f"http://127.0.0.1:{port}", path="/coffee") as url,
        AsyncExitStack() as stack,
    ):
        async with run_server(port=port):
            app, pilot, client = await stack.enter_async_context(watching(url))
            await client.place(Draft("uptown", "tea"))
            await until(pilot, lambda: orders_shown(app) == 1)
        await until(pilot, lambda: app.session.link.attempt > 3)
        await until(pilot, lambda: bool(re.search("404|no dashboard", app.session.link.reason)))
        assert app.session.link.state in ("waiting", "connecting")
        ordering = asyncio.create_task(client.place(Draft("uptown", "tea")))
        await until(pilot, lambda: client.retries > 0)
        async with run_server(port=port):
            assert not (await ordering).replayed
            await until(pilot, lambda: orders_shown(app) == 2)
            await until(pilot, lambda: app.session.link.retry_at is None)
