"""The terminal, `coffeert status --json` and plain SQL show the same numbers of the same minute."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from random import Random

import msgspec
import pytest
from textual.pilot import Pilot

from coffeert.cli.figures import BreakdownTotals as StatusSums
from coffeert.cli.figures import Named, StatusFigures, Windows
from coffeert.client.http import OrderClient
from coffeert.domain.money import units_from_text
from coffeert.domain.orders import Draft, new_order_id
from coffeert.domain.rollups import ZERO, Totals, floor
from coffeert.postgres.pool import Connection
from coffeert.tui.app import CoffeertApp
from coffeert.tui.model.filter import parse_filter
from coffeert.tui.model.window import RANGE, RANGES, Range
from coffeert.tui.render.breakdown import BreakdownModel, Dimension
from coffeert.tui.render.format import money
from coffeert.tui.screens import range_models as models
from tests.integration.inject.command import run
from tests.integration.tui.watching import until, watching

STORES = ("uptown", "downtown", "central", "southend")
DRINKS = ("latte", "espresso", "tea", "mocha", "flat-white")

AGES = (
    (timedelta(minutes=-4), timedelta(0)),  # a client's clock may be ahead
    (timedelta(0), timedelta(minutes=3)),
    (timedelta(0), timedelta(minutes=20)),
    (timedelta(0), timedelta(hours=2)),
    (timedelta(0), timedelta(hours=30)),
    (timedelta(0), timedelta(days=35)),
    (timedelta(days=35), timedelta(days=400)),
)

FILTERS: dict[str, str] = {
    "": "true",
    "store:uptown": "store = 'uptown'",
    "store:town,central": "store LIKE '%town%' OR store = 'central'",
    "-store:south": "store NOT LIKE '%south%'",
    "drink:latte": "drink = 'latte'",
    "-drink:tea,mocha": "drink NOT IN ('tea', 'mocha')",
    "-tea": "drink <> 'tea'",
    "at": "drink IN ('latte', 'flat-white')",
    "store:town -drink:espresso": "store LIKE '%town%' AND drink <> 'espresso'",
    "-store:uptown drink:a -latte": "store <> 'uptown' AND drink LIKE '%a%' AND drink <> 'latte'",
    "store:nowhere": "false",
}
"""What a viewer types, and what it means in SQL about a cell of one bucket, store and drink."""

LIVE = [span for span in RANGES if span.minutes or span.name == "today"]
"""The ranges that are summed from the live view."""

WHOLE: dict[str, Dimension] = {
    "store:uptown": "store",
    "store:town,central": "store",
    "-store:south": "store",
    "drink:latte": "drink",
    "-drink:tea,mocha": "drink",
    "-tea": "drink",
}
"""Filters that leave each store, or each drink, whole: `status` tells its sums too."""

_CELLS = """
    SELECT store, drink, sum(sign(quantity))::bigint AS orders, sum(quantity)::bigint AS quantity,
           sum(quantity::bigint * price_cents)::bigint AS cents
    FROM orders WHERE placed_at >= $1 GROUP BY 1, 2
"""
_SUMS = """
    SELECT store, drink, sum(orders)::bigint, sum(quantity)::bigint, sum(cents)::bigint
    FROM ({cells}) AS cells WHERE {condition}
    GROUP BY GROUPING SETS ((store), (drink))
"""


@dataclass(frozen=True, slots=True)
class Counted:
    """What a source tells of one range under one filter; nothing that is zero."""

    stores: dict[str, Totals]
    drinks: dict[str, Totals]

    @property
    def total(self) -> Totals:
        """The sum over the stores."""
        return _added(self.stores.values())


@dataclass(frozen=True, slots=True)
class Shown:
    """What the terminal shows of one range under one filter, and at which moment."""

    filter: str
    span: Range
    now: datetime
    sums: Counted
    shares: dict[str, float]
    tiles: dict[str, str]


def _added(bucket_totals: Iterable[Totals]) -> Totals:
    total = ZERO
    for totals in bucket_totals:
        total = total.plus(totals)
    return total


def _rows(model: BreakdownModel | None) -> dict[str, Totals]:
    assert model is not None
    return {row.code: row.totals for row in model.rows if row.totals != ZERO}


def shown_by(app: CoffeertApp, text: str, span: Range) -> Shown:
    """Return what the panels draw of one range under one filter."""
    state = app.state
    state.filter, state.span = parse_filter(text), span
    context = state.frame_context()
    stores, drinks = (models.breakdown(state, context, kind) for kind in ("store", "drink"))
    assert stores is not None
    assert drinks is not None
    return Shown(
        text,
        span,
        context.now,
        Counted(_rows(stores), _rows(drinks)),
        {row.code: row.share for row in (*stores.rows, *drinks.rows)},
        {tile.name: tile.values[0][0] for tile in models.tiles(state, context)},
    )


def first_moment(shown: Shown) -> datetime:
    """Return when a range began; it has no end, and the shops are in UTC."""
    if shown.span.minutes:
        minute = shown.now.replace(second=0, microsecond=0)
        return minute - timedelta(minutes=shown.span.minutes - 1)
    return shown.now.replace(hour=0, minute=0, second=0, microsecond=0)


async def counted(connection: Connection, shown: Shown) -> Counted:
    """Count the orders of a range from the table of orders; a window has no end."""
    return await counted_from(connection, shown.filter, first_moment(shown))


async def counted_from(connection: Connection, text: str, first: datetime) -> Counted:
    """Count the orders from a moment on under a filter."""
    statement = _SUMS.format(cells=_CELLS, condition=FILTERS[text])
    result = Counted({}, {})
    for store, drink, *sums in await connection.fetch(statement, first):
        if Totals(*sums) != ZERO:
            (result.stores if drink is None else result.drinks)[store or drink] = Totals(*sums)
    return result


def tiles_of(total: Totals) -> dict[str, str]:
    """Make the key figures from what was counted."""
    each = "-"
    if total.orders > 0:
        exact = Fraction(total.cents, total.orders)
        half = Fraction(1, 2) if exact >= 0 else Fraction(-1, 2)
        each = money(int(exact + half))
    return {"Takings": money(total.cents), "Orders": f"{total.orders:,}", "Per order": each}


async def same_minute(app: CoffeertApp, url: str) -> tuple[StatusFigures, list[Shown]]:
    """Ask `status`, and look at every range and filter, until both are of the same minute."""
    while True:
        done = await run("status", "--url", url, "--json")
        assert (done.code, done.err) == (0, "")
        figures = msgspec.json.decode(done.out, type=StatusFigures)
        looks = [shown_by(app, text, span) for text in FILTERS for span in LIVE]
        minutes = {floor(int(appearance.now.timestamp()), "minute") for appearance in looks}
        view = app.session.view
        assert view is not None
        if minutes == {view.cube.retention.as_of} == {int(figures.as_of.timestamp())}:
            return figures, looks


def _tally(sums: StatusSums) -> Totals:
    sign = -1 if sums.revenue.startswith("-") else 1
    return Totals(sums.orders, sums.quantity, sign * units_from_text(sums.revenue.lstrip("-")))


def _window(windows: Windows, name: str) -> Totals | None:
    """Return what `status` tells of a range."""
    match name:
        case "today":
            return _tally(windows.today)
        case "1 hour":
            return _tally(windows.last_60_minutes)
        case _:
            return None


def _named(named: Iterable[Named], name: str) -> dict[str, Totals]:
    sums = {one.code: _window(one.windows, name) for one in named}
    return {code: totals for code, totals in sums.items() if totals is not None and totals != ZERO}


def compare_with_status(figures: StatusFigures, shown: Shown) -> bool:
    """Compare what is shown with `status`; return whether that says anything about it."""
    name = shown.span.name
    total = _window(figures.totals, name)
    if total is None:
        return False
    stores, drinks = _named(figures.stores, name), _named(figures.drinks, name)
    if not shown.filter:
        assert (total, Counted(stores, drinks)) == (shown.sums.total, shown.sums), name
        return True
    match WHOLE.get(shown.filter):
        case "store":
            assert {code: stores[code] for code in shown.sums.stores} == shown.sums.stores
        case "drink":
            assert {code: drinks[code] for code in shown.sums.drinks} == shown.sums.drinks
        case None:
            return False
    return True


def random_drafts(random: Random, count: int) -> list[Draft]:
    """Make orders of all ages, some at a price of their own."""
    now = datetime.now(UTC)
    return [
        Draft(
            random.choice(STORES),
            random.choice(DRINKS),
            random.randint(1, 5),
            random.choice((None, None, random.randint(0, 900))),
            now - random.uniform(0, 1) * (oldest - newest) - newest,
            new_order_id(),
        )
        for newest, oldest in random.choices(AGES, k=count)
    ]


async def place(client: OrderClient, drafts: list[Draft]) -> None:
    """Place orders in one batch."""

    async def each() -> AsyncIterator[Draft]:
        for draft in drafts:
            yield draft

    result = await client.batch(each())
    assert (result.accepted, result.rejected) == (len(drafts), 0)


def view_total(app: CoffeertApp) -> Totals:
    """Return the sum of 30 days that has reached the terminal."""
    assert app.session.view is not None
    return app.session.view.cube.totals().day


async def stored_total(connection: Connection, app: CoffeertApp) -> Totals:
    """Return the sum of 30 days that is stored."""
    today = app.session.now().replace(hour=0, minute=0, second=0, microsecond=0)
    return (await counted_from(connection, "", today - timedelta(days=29))).total


@pytest.mark.long
async def test_terminal_status_and_sql_show_the_same_of_every_range_and_filter(
    server_url: str, connection: Connection
) -> None:
    random = Random(20260314)
    async with watching(server_url) as (app, pilot, client):
        for _ in range(3):
            drafts = random_drafts(random, 150)
            await place(client, drafts)
            for draft in random.sample(drafts, 30):
                assert draft.order_id is not None
                await client.void(draft.order_id)
            while view_total(app) != await stored_total(connection, app):
                await pilot.pause(0.02)
            await compare_all(app, server_url, connection)
        await until(pilot, lambda: app.session.totals_match() == "equal")


async def compare_all(app: CoffeertApp, url: str, connection: Connection) -> None:
    """Hold the terminal, `status` and SQL against one another."""
    figures, looks = await same_minute(app, url)
    answered = 0
    for shown in looks:
        sums = await counted(connection, shown)
        what = shown.filter, shown.span.name
        assert shown.sums == sums, what
        assert _added(sums.drinks.values()) == sums.total, what
        expected = tiles_of(sums.total)
        assert {name: shown.tiles[name] for name in expected} == expected, what
        for code, totals in (sums.stores | sums.drinks).items():
            assert shown.shares[code] == totals.cents / (sums.total.cents or 1), (what, code)
        answered += compare_with_status(figures, shown)
    assert answered == 2 * (1 + len(WHOLE))


async def counted_by_a_pass(app: CoffeertApp, pilot: Pilot[None]) -> None:
    """Wait until passes have counted what is stored, and forget the reports made before.

    A server gives the same report to all who ask within a second.
    """

    def known() -> bool:
        health = app.session.health
        return health is not None and health.aggregator.interval_s > 0

    await until(pilot, known)
    health = app.session.health
    assert health is not None
    more = 2 + math.ceil(1.1 / health.aggregator.interval_s)
    passes = health.aggregator.passes

    def counted() -> bool:
        health = app.session.health
        return health is not None and health.aggregator.passes >= passes + more

    await until(pilot, counted)
    app.state.reports.answers.clear()


@pytest.mark.long
async def test_what_is_shown_of_each_period_is_what_sql_counts(
    server_url: str, connection: Connection
) -> None:
    """Whole days come from reports, and so does what today is compared with."""
    random = Random(20260316)
    async with watching(server_url) as (app, pilot, client):
        await place(client, random_drafts(random, 400))
        while view_total(app) != await stored_total(connection, app):
            await pilot.pause(0.02)
        await counted_by_a_pass(app, pilot)
        for text in ("", "store:town,central", "drink:latte", "store:town -drink:espresso"):
            periods: tuple[tuple[str, int], ...] = (
                ("7 days", 6),
                ("28 days", 27),
                ("yesterday", 1),
            )
            for name, days in periods:
                app.state.filter, app.state.span = parse_filter(text), RANGE[name]
                await until(pilot, lambda: app.state.frame_context().window is not None)
                shown = shown_by(app, text, RANGE[name])
                today = shown.now.replace(hour=0, minute=0, second=0, microsecond=0)
                sums = await counted_from(connection, text, today - timedelta(days=days))
                if name == "yesterday":
                    since = await counted_from(connection, text, today)
                    total = sums.total.minus(since.total)
                    assert _added(shown.sums.stores.values()) == total, (text, name)
                    continue
                # What a client's clock has ahead of the server's is not counted yet.
                early = await counted_from(connection, text, shown.now + timedelta(minutes=1))
                if early.total == ZERO:
                    assert shown.sums == sums, (text, name)


PRICES: dict[str, str] = {
    "price>4.20": "price_cents > 420",
    "price<=3.5 store:town": "price_cents <= 350 AND store LIKE '%town%'",
    "price>=3 price<5 -tea": "price_cents >= 300 AND price_cents < 500 AND drink <> 'tea'",
    "-price>4": "price_cents <= 400",
}

_CELLS_UNTIL = """
    SELECT store, drink, sign(quantity) AS orders, quantity, quantity::bigint * price_cents AS cents
    FROM orders WHERE placed_at >= $1 AND placed_at < $2 AND {condition}
"""


@pytest.mark.long
async def test_a_price_filter_is_what_sql_counts_up_to_the_minute_that_is_said(
    server_url: str, connection: Connection
) -> None:
    random = Random(20260318)
    async with watching(server_url) as (app, pilot, client):
        await place(client, random_drafts(random, 400))
        while view_total(app) != await stored_total(connection, app):
            await pilot.pause(0.02)
        await counted_by_a_pass(app, pilot)
        periods: tuple[tuple[str, int], ...] = (("today", 0), ("7 days", 6), ("28 days", 27))
        for text, condition in PRICES.items():
            for name, days in periods:
                app.state.filter, app.state.span = parse_filter(text), RANGE[name]
                await until(pilot, lambda: app.state.frame_context().window is not None)
                shown = shown_by(app, text, RANGE[name])
                end = app.state.frame_context().reported_until
                assert end is not None
                begin = end.replace(hour=0, minute=0, second=0, microsecond=0)
                statement = _SUMS.format(
                    cells=_CELLS_UNTIL.format(condition=condition), condition="true"
                )
                sums = Counted({}, {})
                rows = await connection.fetch(statement, begin - timedelta(days=days), end)
                for store, drink, *figures in rows:
                    if Totals(*figures) != ZERO:
                        side = sums.stores if drink is None else sums.drinks
                        side[store or drink] = Totals(*figures)
                assert shown.sums == sums, (text, name)
                assert shown.tiles["Orders"] == f"{sums.total.orders:,}", (text, name)


@pytest.mark.long
async def test_today_is_compared_with_the_same_weekday_up_to_the_same_minute(
    server_url: str, connection: Connection
) -> None:
    random = Random(20260317)
    now = datetime.now(UTC)
    drafts = [
        Draft(
            random.choice(STORES),
            random.choice(DRINKS),
            random.randint(1, 3),
            None,
            now - timedelta(days=7, seconds=random.uniform(-3 * 3600, 20 * 3600)),
            new_order_id(),
        )
        for _ in range(300)
    ]
    # There is a past before the day that is compared with, and each store has sold today.
    drafts.append(Draft("uptown", "tea", 1, None, now - timedelta(days=20), new_order_id()))
    drafts += [Draft(store, "tea", 1, None, now, new_order_id()) for store in STORES]
    # Before the dashboard is open, since a report is asked for once a minute.
    async with OrderClient(server_url) as before:
        await place(before, drafts)
    async with watching(server_url) as (app, pilot, _):
        while view_total(app) != await stored_total(connection, app):
            await pilot.pause(0.02)
        await counted_by_a_pass(app, pilot)
        await until(pilot, lambda: app.state.frame_context().reports.total is not None)
        reports = app.state.frame_context().reports
        assert reports.curve is not None
        assert reports.total is not None
        until_minute = reports.curve.period.until
        assert until_minute is not None
        end = until_minute - timedelta(days=7)
        row = await connection.fetchrow(
            "SELECT coalesce(sum(sign(quantity)), 0)::bigint,"
            " coalesce(sum(quantity::bigint * price_cents), 0)::bigint"
            " FROM orders WHERE placed_at >= $1 AND placed_at < $2",
            end.replace(hour=0, minute=0, second=0, microsecond=0),
            end,
        )
        assert row is not None
        compared = reports.total.compared
        assert compared is not None
        assert (compared.orders, units_from_text(compared.takings)) == tuple(row)
