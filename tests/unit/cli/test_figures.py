"""The figures of `coffeert status` are those of the orders, whatever zone "today" is of."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coffeert.cli.figures import BreakdownTotals, Figures, Windows, covers, figures_from
from coffeert.cli.status_text import print_figures
from coffeert.domain.orders import Order, text_from_cents
from coffeert.domain.rollups import RetentionWindow, at_all_grains, tally_orders
from coffeert.domain.view import Change, View
from coffeert.wire.frames import Snapshot, columns
from coffeert.wire.health import (
    AggregatorHealth,
    DatabaseHealth,
    Health,
    IntakeHealth,
    RedisHealth,
    SocketsHealth,
)

NOW = datetime(2026, 3, 29, 21, 30, tzinfo=UTC)
ZONES = [
    ZoneInfo(name)
    for name in ("UTC", "Europe/Kyiv", "Asia/Kathmandu", "America/New_York", "Australia/Lord_Howe")
]


def snapshot(orders: list[Order], zone: ZoneInfo, health: Health | None = None) -> Snapshot:
    cells = at_all_grains(tally_orders(orders))
    retention = RetentionWindow.at(NOW, zone)
    view = View(Change(retention, NOW, cells, tuple(orders)))
    totals, top = view.cube.totals(), view.cube.top_drinks()
    return Snapshot(
        epoch="e", version=3, view=columns(view.as_change(), totals, top), health=health
    )


def sums(orders: list[Order]) -> BreakdownTotals:
    return BreakdownTotals(
        sum(order.count for order in orders),
        sum(order.quantity for order in orders),
        text_from_cents(sum(order.revenue_cents for order in orders)),
    )


def since(orders: list[Order], start: datetime) -> list[Order]:
    return [order for order in orders if order.placed_at >= start]


def windows(orders: list[Order], zone: ZoneInfo) -> Windows:
    midnight = NOW.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    hour = NOW.replace(minute=0)
    return Windows(
        sums(since(orders, midnight.astimezone(UTC))),
        sums(since(orders, NOW - timedelta(minutes=59))),
        sums(since(orders, hour - timedelta(hours=23))),
        sums(since(orders, hour.replace(hour=0) - timedelta(days=29))),
    )


some_orders = st.lists(
    st.builds(
        lambda number, minutes, store, drink, quantity: Order(
            UUID(int=number),
            store,
            drink,
            quantity,
            310,
            NOW - timedelta(minutes=minutes),
            NOW,
        ),
        st.integers(0, 2**64),
        st.one_of(st.integers(0, 90), st.integers(0, 3_000), st.integers(0, 40_000)),
        st.sampled_from(["uptown", "central"]),
        st.sampled_from(["tea", "latte", "mocha"]),
        st.sampled_from([1, 2, 1, -1]),
    ),
    max_size=40,
    unique_by=lambda order: order.order_id,
)


@settings(deadline=None)
@given(some_orders, st.sampled_from(ZONES))
def test_every_sum_is_that_of_the_orders(orders: list[Order], zone: ZoneInfo) -> None:
    figures = figures_from(snapshot(orders, zone))
    assert figures.totals == windows(orders, zone)
    by_store, by_drink = defaultdict(list), defaultdict(list)
    for order in orders:
        by_store[order.store].append(order)
        by_drink[order.drink].append(order)
    for named, grouped in ((figures.stores, by_store), (figures.drinks, by_drink)):
        assert {item.code for item in named} <= grouped.keys()
        for item in named:
            assert item.windows == windows(grouped[item.code], zone)
    assert {order.order_id for order in figures.recent} == {order.order_id for order in orders}


@settings(deadline=None)
@given(some_orders, st.sampled_from(ZONES), st.sampled_from(ZONES))
def test_today_of_another_zone_is_exact_wherever_the_snapshot_covers_it(
    orders: list[Order], own: ZoneInfo, other: ZoneInfo
) -> None:
    taken, retention = snapshot(orders, own), RetentionWindow.at(NOW, other)
    if covers(taken, retention):
        assert figures_from(taken, retention).totals.today == windows(orders, other).today


def test_a_midnight_that_cuts_an_hour_is_only_covered_by_who_knows_of_it() -> None:
    kathmandu = RetentionWindow.at(NOW, ZoneInfo("Asia/Kathmandu"))
    assert not covers(snapshot([], ZoneInfo("UTC")), kathmandu)
    assert covers(snapshot([], ZoneInfo("Asia/Kathmandu")), kathmandu)
    assert covers(snapshot([], ZoneInfo("UTC")), RetentionWindow.at(NOW, ZoneInfo("Europe/Kyiv")))


def hostile_figures() -> Figures:
    evil = "\x1b[2J\u202e[bold red]tea[/]\x00\n"
    order = Order(UUID(int=1), evil, evil, 1, 310, NOW, NOW)
    health = Health(
        live=True,
        started=NOW,
        intake=IntakeHealth(),
        aggregator=AggregatorHealth(ok=False, reason=evil, leader=evil),
        redis=RedisHealth(),
        sockets=SocketsHealth(),
        database=DatabaseHealth(),
    )
    return figures_from(snapshot([order], ZoneInfo("UTC"), health))


def test_no_control_character_of_data_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    print_figures(hostile_figures(), UTC)
    out = capsys.readouterr().out
    assert all(character.isprintable() for line in out.split("\n") for character in line)
    assert "[bold red]" in out.replace("\n", ""), "data is not markup"
    assert "aggregator NOT OK" in out


def test_it_fits_eighty_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    orders = [
        Order(UUID(int=n), f"store-{n}", "americano-with-oat-milk", 9, 99_999, NOW, NOW)
        for n in range(12)
    ]
    print_figures(figures_from(snapshot(orders, ZoneInfo("UTC"))), ZoneInfo("Europe/Kyiv"))
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 80
    assert "americano-with-oat-milk" in out
    assert "today since 2026-03-29 02:00:00" in out
    assert "107,998.92" in out
