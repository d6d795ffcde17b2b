"""The figures of `coffeert status` are those of the orders, each on the day of its store."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coffeert.cli.figures import BreakdownTotals, BusinessDay, StatusFigures, Windows, figures_from
from coffeert.cli.status_text import print_figures
from coffeert.domain.money import money_text
from coffeert.domain.orders import Order
from coffeert.domain.retention_window import RetentionWindow
from coffeert.domain.rollups import at_all_grains, tally_orders
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
from tests.calendars import calendars

NOW = datetime(2026, 3, 29, 21, 30, tzinfo=UTC)  # the clocks of Europe were changed that morning
STARTED = {  # when the business day began at NOW, by hand: Europe from 04:00, the other from midnight
    "Europe/Kyiv": datetime(2026, 3, 29, 1, tzinfo=UTC),
    "Europe/Berlin": datetime(2026, 3, 29, 2, tzinfo=UTC),
    "Asia/Kathmandu": datetime(2026, 3, 29, 18, 15, tzinfo=UTC),
    "America/New_York": datetime(2026, 3, 29, 4, tzinfo=UTC),
    "Australia/Lord_Howe": datetime(2026, 3, 29, 13, tzinfo=UTC),
}
WEST, EAST = ("Europe/Kyiv", "Europe/Berlin"), ("Asia/Kathmandu", "America/New_York")


class Chain(NamedTuple):
    """The zone of the default's days, which begin at 04:00, and that of one store's, from midnight."""

    default: str
    central: str

    def zone(self, store: str) -> str:
        return self.central if store == "central" else self.default


chains = st.builds(Chain, st.sampled_from(WEST), st.sampled_from((*EAST, "Australia/Lord_Howe")))


def snapshot(orders: list[Order], chain: Chain, health: Health | None = None) -> Snapshot:
    at = calendars(chain.default, 240, central=chain.central)
    cells = at_all_grains(tally_orders(orders), at)
    view = View(Change(RetentionWindow.at(NOW, at), NOW, cells, tuple(orders)))
    totals, top = view.cube.totals(), view.cube.top_drinks()
    return Snapshot(
        epoch="e", version=3, view=columns(view.as_change(), totals, top), health=health
    )


def sums(orders: list[Order]) -> BreakdownTotals:
    return BreakdownTotals(
        sum(order.quantity > 0 for order in orders),  # there are no voids
        sum(order.quantity for order in orders),
        money_text(sum(310 * order.quantity for order in orders)),
    )


def windows(orders: list[Order], chain: Chain) -> Windows:
    def since(*starts: datetime) -> BreakdownTotals:
        """Sum what was placed at the default's stores, and at central, since a moment each."""
        return sums([o for o in orders if o.placed_at >= starts[o.store == "central"]])

    minute = NOW - timedelta(minutes=59)
    zones = (chain.default, chain.central)
    return Windows(
        since(*(STARTED[zone] for zone in zones)),
        since(minute, minute),
        since(*(first_hour(zone) for zone in zones)),
        since(*(first_day(zone) for zone in zones)),
    )


def first_hour(zone: str) -> datetime:
    """Return the beginning of the local hour that runs, 23 hours earlier."""
    return NOW - timedelta(minutes=NOW.astimezone(ZoneInfo(zone)).minute, hours=23)


def first_day(zone: str) -> datetime:
    """Return the beginning of the business day 29 days earlier, by the same wall clock."""
    return (STARTED[zone].astimezone(ZoneInfo(zone)) - timedelta(days=29)).astimezone(UTC)


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
        st.one_of(st.integers(0, 90), st.integers(0, 3_000), st.integers(0, 46_000)),
        st.sampled_from(["uptown", "central"]),
        st.sampled_from(["tea", "latte", "mocha"]),
        st.sampled_from([1, 2, 1, -1]),
    ),
    max_size=40,
    unique_by=lambda order: order.order_id,
)


@settings(deadline=None)
@given(some_orders, chains)
def test_every_sum_is_that_of_the_orders(orders: list[Order], chain: Chain) -> None:
    figures = figures_from(snapshot(orders, chain))
    assert figures.totals == windows(orders, chain)
    by_store, by_drink = defaultdict(list), defaultdict(list)
    for order in orders:
        by_store[order.store].append(order)
        by_drink[order.drink].append(order)
    for named, grouped in ((figures.stores, by_store), (figures.drinks, by_drink)):
        assert {item.code for item in named} <= grouped.keys()
        for item in named:
            assert item.windows == windows(grouped[item.code], chain)
    assert {order.order_id for order in figures.recent} == {str(order.order_id) for order in orders}


def test_each_calendars_day_is_named() -> None:
    figures = figures_from(snapshot([], Chain("Europe/Berlin", "Asia/Kathmandu")))
    assert figures.days == (
        BusinessDay(
            date(2026, 3, 29),
            STARTED["Europe/Berlin"],
            STARTED["Europe/Berlin"] + timedelta(days=1),
            "Europe/Berlin",
        ),
        BusinessDay(
            date(2026, 3, 30),
            STARTED["Asia/Kathmandu"],
            STARTED["Asia/Kathmandu"] + timedelta(days=1),
            "Asia/Kathmandu",
        ),
    )


BOTH = Chain("Europe/Berlin", "Asia/Kathmandu")


def hostile_figures() -> StatusFigures:
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
    return figures_from(snapshot([order], BOTH, health))


def test_no_control_character_of_data_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    print_figures(hostile_figures(), UTC)
    out = capsys.readouterr().out
    assert all(character.isprintable() for line in out.split("\n") for character in line)
    assert "[bold red]" in out.replace("\n", ""), "data is not markup"
    assert "aggregator NOT OK" in out


@pytest.mark.parametrize("columns", ["80", "0"])
def test_it_fits_eighty_columns(
    columns: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    orders = [
        Order(UUID(int=n), f"store-{n}", "americano-with-oat-milk", 9, 99_999, NOW, NOW)
        for n in range(12)
    ]
    print_figures(figures_from(snapshot(orders, BOTH)), ZoneInfo("Europe/Kyiv"))
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 80
    assert "americano-with-oat-milk" in out
    head = out.splitlines()
    assert head[:3] == [
        "Monday, 30 March 2026, 00:30; all times are those of Europe/Kyiv",
        "today in Europe/Berlin   2026-03-29, since 2026-03-29 05:00:00",
        "today in Asia/Kathmandu  2026-03-30, since 2026-03-29 21:15:00",
    ]
    assert "UTC" not in out
    assert "107,998.92" in out
