"""Every period, comparison, grouping and filter says what the orders themselves add up to."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

import msgspec
import pytest
from hypothesis import Phase, event, given, settings
from hypothesis import strategies as st

from coffeert.domain.comparisons import COMPARISONS
from coffeert.domain.menu import Menu
from coffeert.domain.money import money_text
from coffeert.domain.orders import Order
from coffeert.domain.periods import PERIODS, parse_period
from coffeert.domain.report_plan import GROUPINGS
from coffeert.errors import Invalid
from coffeert.postgres.calendars import set_store_calendar
from coffeert.postgres.marked_days import mark_day, set_week_start
from coffeert.postgres.menu import load_menu
from coffeert.postgres.pool import Connection, connect
from coffeert.postgres.reports import report_transaction
from coffeert.server.reports.reading import read_report
from coffeert.server.reports.request import Choice, ReportRequest
from coffeert.wire.reports import Figures, PercentChange, ReportRow, UsualRange
from tests.integration.postgres.passing import run_pass
from tests.integration.server.reports.expected import (
    Key,
    Sums,
    World,
    calendar_of,
    day_of,
    expected,
    lines_of,
    span_of,
)
from tests.order_book import insert, order, stored_orders, void
from tests.servers import TestServers

RULES = {
    "uptown": ("Europe/Berlin", 0),
    "downtown": ("America/New_York", 240),
    "central": ("Asia/Tokyo", 360),
    "southend": ("Europe/Berlin", 60),
}
DRINKS = ("latte", "tea", "espresso")
SOURCES = (None, "till 1", "till 2")
MARKED = {
    date(2026, 11, 12): "Strike",
    date(2026, 10, 18): "Market",
    date(2025, 12, 25): "Christmas",
    date(2026, 11, 26): "Thanks",
}
MOMENTS = {
    "a morning": datetime(2026, 11, 26, 11, 40, 33, tzinfo=UTC),
    "the repeated hour of Berlin, first time": datetime(2026, 10, 25, 0, 37, tzinfo=UTC),
    "the repeated hour of Berlin, second time": datetime(2026, 10, 25, 1, 37, 59, tzinfo=UTC),
    "a week after Berlin's repeated hour": datetime(2026, 11, 1, 1, 22, tzinfo=UTC),
    "a week after Berlin's skipped hour": datetime(2026, 4, 5, 0, 40, tzinfo=UTC),
    "New York's repeated hour": datetime(2026, 11, 1, 6, 20, tzinfo=UTC),
    "a full quarter": datetime(2026, 5, 31, 15, 0, tzinfo=UTC),
    "as a day begins": datetime(2026, 6, 12, 22, 0, 5, tzinfo=UTC),
}


def some_orders(seed: int) -> list[Order]:
    """Orders, refunds and voids from August 2025 to November 2026, many around each moment's days."""
    chance = random.Random(seed)
    made: list[Order] = []
    starts = [
        moment - timedelta(days=days)
        for moment in MOMENTS.values()
        for days in (0, 1, 7, 14, 21, 28, 364)
    ]
    for _ in range(6000):
        if chance.random() < 0.6:
            placed = chance.choice(starts) + timedelta(seconds=chance.uniform(-60_000, 30_000))
        else:
            placed = datetime(2025, 8, 1, tzinfo=UTC) + timedelta(
                seconds=chance.uniform(0, 41_000_000)
            )
        placed = placed.replace(microsecond=chance.choice((0, 0, placed.microsecond)))
        if chance.random() < 0.2:
            placed = placed.replace(second=0, microsecond=0)
        quantity = chance.choice((1, 1, 1, 2, 3, -1))
        price = chance.choice((0, 290, 480, 481))
        amount = (
            quantity * price + chance.choice((0, 1)) * quantity if chance.random() < 0.2 else None
        )
        store = chance.choice(list(RULES)[: 3 if placed < datetime(2026, 6, 1, tzinfo=UTC) else 4])
        one = order(
            placed,
            store,
            chance.choice(DRINKS),
            quantity=quantity,
            price_cents=price,
            amount=amount,
        )
        one = Order(
            **{name: getattr(one, name) for name in one.__struct_fields__}
            | {
                "source": chance.choice(SOURCES),
                "receipt": chance.choice((None, "1", "2", "3")),
            }
        )
        made.append(one)
        if chance.random() < 0.08:
            made.append(void(one))
    return made


class Shop:
    """A database full of orders, and what they are."""

    def __init__(
        self, runner: asyncio.Runner, connection: Connection, menu: Menu, orders: list[Order]
    ) -> None:
        self.runner = runner
        self.connection = connection
        self.menu = menu
        self.rules = {store: calendar_of(*rule) for store, rule in RULES.items()}
        self.lines = lines_of(orders, self.rules)


async def open_shop(url: str) -> tuple[Connection, Menu, list[Order]]:
    connection = await connect(url, application_name="test")
    for store, rule in RULES.items():
        await set_store_calendar(connection, store, *rule)
    for day, name in MARKED.items():
        await mark_day(connection, day, name)
    await set_week_start(connection, 7)
    await insert(connection, *some_orders(1))
    await run_pass(connection)
    return connection, await load_menu(connection), await stored_orders(connection)


@pytest.fixture(scope="module")
def shop(servers: TestServers, template_database: str) -> Iterator[Shop]:
    with servers.database(template_database) as url, asyncio.Runner() as runner:
        connection, menu, orders = runner.run(open_shop(url))
        yield Shop(runner, connection, menu, orders)
        connection.terminate()


chosen = st.sampled_from
choices = st.one_of(
    st.just(Choice()),
    st.builds(Choice, st.just(frozenset({"uptown", "latte", "till 1"}))),
    st.builds(Choice, st.just(None), st.just(frozenset({"downtown", "tea", ""}))),
)
periods = st.one_of(
    chosen(PERIODS),
    chosen(
        (
            "2026-11-26",
            "2026-11",
            "2026-02",
            "2026-03",
            "2026-10-01..2026-10-25",
            "2026-10-20..2026-11-02",
        )
    ),
)
requests = st.builds(
    lambda **given: ReportRequest(**given),
    period=periods.map(parse_period),
    comparison=chosen(COMPARISONS),
    grouped_by=st.lists(chosen(GROUPINGS), max_size=3, unique=True).map(tuple),
    stores=choices,
    drinks=choices,
    sources=choices,
    min_price=chosen((None, None, 290, 481)),
    max_price=chosen((None, None, 480)),
    details=st.booleans(),
)


@pytest.mark.long
@settings(max_examples=250, phases=[Phase.generate])  # shrinking takes minutes and says no more
@given(requests, chosen(list(MOMENTS)), st.booleans())
def test_a_report_says_what_the_orders_add_up_to(
    shop: Shop, request: ReportRequest, moment: str, minutes_kept: bool
) -> None:
    shop.runner.run(check(shop, request, MOMENTS[moment], minutes_kept))


def must_be_refused(request: ReportRequest, shop: Shop, moment: datetime) -> bool:
    """Whether a comparison makes no sense for the length of a period, or it has begun nowhere."""
    todays = [day_of(rule, moment.timestamp()) for rule in shop.rules.values()]
    todays.append(moment.date())  # of the default calendar
    first, last = span_of(request, todays[-1], 7)
    days = (last - first).days + 1
    if all(today < span_of(request, today, 7)[0] for today in todays):
        return True
    if request.comparison == "yesterday":
        return days > 1
    return request.comparison in ("last-week", "usual") and (
        days > 7 or request.period.unit == "month"
    )


async def check(shop: Shop, request: ReportRequest, moment: datetime, minutes_kept: bool) -> None:
    kept_from = datetime(2000, 1, 1, tzinfo=UTC) if minutes_kept else moment - timedelta(days=2)
    await shop.connection.execute(
        "UPDATE aggregator_state SET passed_at = $1, minutes_from = $2", moment, kept_from
    )
    report = None
    with suppress(Invalid):
        async with report_transaction(shop.connection, 30):
            report = await read_report(shop.connection, request, shop.menu)
    assert (report is None) == must_be_refused(request, shop, moment)
    if report is None:
        event("refused")
        return
    until = int(moment.timestamp()) // 60 * 60
    if report.period.until is not None:
        assert report.period.until.timestamp() in (until, until // 900 * 900)
        until = int(report.period.until.timestamp())
    world = World(shop.lines, shop.rules, until, 7, MARKED)
    right = expected(request, world)
    assert (report.stores, report.stores_compared) == (right.stores, right.compared)
    assert report.stores_without_sale == right.unsold
    same_row(request, report.total, right.total, compared=right.compared > 0)
    same_range(report.total, right.usual_range(request, None))
    rows: dict[Key, ReportRow] = {row.keys: row for row in report.rows}
    empty = (Sums(), Sums(), Sums())
    for key in rows.keys() | right.rows.keys():
        sums = right.rows.get(key, empty)
        if key in rows:
            if "weekday" in request.grouped_by:
                assert rows[key].days == right.traded_days(request, world, key)
            same_row(request, rows[key], sums)
            same_range(rows[key], right.usual_range(request, key))
        else:
            assert all(side.orders == side.takings == side.pieces == 0 for side in sums), key
    if "weekday" not in request.grouped_by and request.grouped_by:
        assert sum(row.figures.orders for row in report.rows) == report.total.figures.orders


def same_row(
    request: ReportRequest,
    row: ReportRow,
    sums: tuple[Sums, Sums, Sums],
    *,
    compared: bool | None = None,
) -> None:
    now, like, then = sums
    assert row.figures == figures(request, now, row.figures)
    if compared is not None:
        assert (row.compared is not None) == compared
    if row.compared is None:
        assert row.takings_change is not None
        assert row.takings_change.percent is None
        return
    assert row.compared == figures(request, then, row.compared)
    for change, ours, base in (
        (row.takings_change, like.takings, then.takings),
        (row.orders_change, like.orders, then.orders),
    ):
        assert change is not None
        same_change(change, ours, base, then.orders)


def same_range(row: ReportRow, right: tuple[int, ...] | None) -> None:
    found = row.usual_range
    if row.compared is None or right is None:
        assert found is None
        return
    event("a usual range")
    assert found == UsualRange(
        days=right[0],
        lowest_orders=right[1],
        highest_orders=right[2],
        lowest_takings=money_text(right[3]),
        highest_takings=money_text(right[4]),
    )


def same_change(change: PercentChange, now: Fraction, base: Fraction, orders: Fraction) -> None:
    if change.percent is None:
        assert change.reason
        assert change.reason in ("still to come", "not over yet") or base <= 0 or orders < 20
    else:
        assert orders >= 20
        assert change.percent == rounded(100 * (now - base) / base)


def figures(request: ReportRequest, sums: Sums, said: Figures) -> Figures:
    plain = Figures(
        orders=rounded(sums.orders),
        pieces=rounded(sums.pieces),
        takings=money_text(rounded(sums.takings)),
    )
    if not request.details:
        return plain
    assert said.receipts is not None or sums.receipts == 0
    sold = rounded(sums.sold)
    return msgspec.structs.replace(
        plain,
        # None if no line has a number, which the sums do not say.
        receipts=None if said.receipts is None else rounded(sums.receipts),
        orders_with_receipt=None if said.receipts is None else rounded(sums.with_receipt),
        takings_with_receipt=None
        if said.receipts is None
        else money_text(rounded(sums.receipt_takings)),
        sold=money_text(sold),
        refunded=money_text(sold - rounded(sums.takings)),
    )


def rounded(number: Fraction) -> int:
    whole = int(abs(number) + Fraction(1, 2))
    return whole if number >= 0 else -whole
