"""The terminal, `coffeert status --json` and plain SQL show the same numbers of the same minute."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from random import Random

import msgspec
import pytest

from coffeert.cli.figures import BreakdownTotals as StatusSums
from coffeert.cli.figures import Named, StatusFigures, Windows
from coffeert.client.http import OrderClient
from coffeert.domain.money import units_from_text
from coffeert.domain.orders import Draft, new_order_id
from coffeert.domain.rollups import SECONDS, ZERO, Totals, floor
from coffeert.postgres.pool import Connection
from coffeert.tui.app import CoffeertApp
from coffeert.tui.model.filter import parse_filter
from coffeert.tui.model.window import RANGE, RANGES, Range, RangeName
from coffeert.tui.render.breakdown import Dimension, Section
from coffeert.tui.render.format import money, short, short_money
from coffeert.tui.screens import view_models as models
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
    "price>4.50 -tea": "quantity > 0 AND cents > 450 * quantity AND drink <> 'tea'",
}
"""What a viewer types, and what it means in SQL about a cell of one bucket, store and drink."""

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
    SELECT date_trunc($1, placed_at, 'UTC') AS bucket, store, drink, sum(sign(quantity))::bigint AS orders,
           sum(quantity)::bigint AS quantity, sum(quantity::bigint * price_cents)::bigint AS cents
    FROM orders WHERE placed_at >= date_trunc($1, $2::timestamptz, 'UTC') - $3::interval
    GROUP BY 1, 2, 3
"""
_SUMS = """
    SELECT store, drink, sum(orders)::bigint, sum(quantity)::bigint, sum(cents)::bigint
    FROM ({cells}) AS cells WHERE {condition}
    GROUP BY GROUPING SETS ((store), (drink))
"""
_MINUTES = """
    SELECT coalesce(sum(orders) FILTER (WHERE bucket = date_trunc('minute', $2::timestamptz)), 0)::bigint,
           coalesce(sum(orders) FILTER (WHERE bucket < date_trunc('minute', $2::timestamptz)), 0)::bigint
    FROM ({cells}) AS cells WHERE {condition}
"""
_STORES_SELLING = """
    WITH selling AS (
        SELECT store FROM ({cells}) AS cells
        WHERE orders > 0 AND bucket + interval '1 minute' > $2::timestamptz - interval '3 minutes'
    ), let_in AS (
        SELECT DISTINCT store
        FROM (
            SELECT menu_store.code AS store, menu_drink.code AS drink, 1 AS quantity, 100000 AS cents
            FROM menu_store CROSS JOIN menu_drink
        ) AS dear_orders
        WHERE {condition}
    )
    SELECT count(*) FILTER (WHERE store IN (SELECT store FROM selling)), count(*) FROM let_in
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


def _rows(section: Section) -> dict[str, Totals]:
    return {row.code: row.totals for row in section.rows if row.totals != ZERO}


def shown_by(app: CoffeertApp, text: str, span: Range) -> Shown:
    """Appearance at one range under one filter, through what the panels draw."""
    state = app.state
    state.filter, state.span, state.tab = parse_filter(text), span, "drinks"
    context = state.frame_context()
    drinks, stores = models.sections(state, context)
    return Shown(
        text,
        span,
        context.now,
        Counted(_rows(stores), _rows(drinks)),
        {row.code: row.share for row in (*stores.rows, *drinks.rows)},
        {tile.name: tile.value for tile in models.tiles(state, context)},
    )


async def counted(connection: Connection, shown: Shown) -> Counted:
    """Count the orders of a range from the table of orders; a window has no end."""
    grain = shown.span.grain
    length = timedelta(seconds=(shown.span.buckets - 1) * SECONDS[grain])
    statement = _SUMS.format(cells=_CELLS, condition=FILTERS[shown.filter])
    result = Counted({}, {})
    for store, drink, *sums in await connection.fetch(statement, grain, shown.now, length):
        if Totals(*sums) != ZERO:
            (result.stores if drink is None else result.drinks)[store or drink] = Totals(*sums)
    return result


async def tiles_counted(connection: Connection, shown: Shown, total: Totals) -> dict[str, str]:
    """Make the key figures from the table of orders."""
    minutes = _MINUTES.format(cells=_CELLS, condition=FILTERS[shown.filter])
    row = await connection.fetchrow(minutes, "minute", shown.now, timedelta(minutes=1))
    assert row is not None
    stores = _STORES_SELLING.format(cells=_CELLS, condition=FILTERS[shown.filter])
    selling = await connection.fetchrow(stores, "minute", shown.now, timedelta(minutes=59))
    assert selling is not None
    part = shown.now.timestamp() % 60 / 60
    almost = "≈" if "price" in shown.filter else ""
    ticket = almost + money(round(Fraction(total.cents, total.orders))) if total.orders else "-"
    return {
        "Orders": f"{almost}{total.orders:,}",
        "Revenue": almost + short_money(total.cents),
        "Per minute": almost + short(round(row[0] + (1 - part) * row[1], 1)),
        "Avg ticket": ticket,
        "Stores": f"{selling[0]}/{selling[1]}",
    }


async def same_minute(app: CoffeertApp, url: str) -> tuple[StatusFigures, list[Shown]]:
    """Ask `status`, and look at every range and filter, until both are of the same minute."""
    while True:
        done = await run("status", "--url", url, "--json")
        assert (done.code, done.err) == (0, "")
        figures = msgspec.json.decode(done.out, type=StatusFigures)
        looks = [shown_by(app, text, span) for text in FILTERS for span in RANGES]
        minutes = {floor(int(appearance.now.timestamp()), "minute") for appearance in looks}
        view = app.session.view
        assert view is not None
        if minutes == {view.cube.retention.as_of} == {int(figures.as_of.timestamp())}:
            return figures, looks


def _tally(sums: StatusSums) -> Totals:
    sign = -1 if sums.revenue.startswith("-") else 1
    return Totals(sums.orders, sums.quantity, sign * units_from_text(sums.revenue.lstrip("-")))


def _window(windows: Windows, name: RangeName) -> Totals | None:
    """Return what `status` tells of a range; it knows the three long ones."""
    match name:
        case "1h":
            return _tally(windows.last_60_minutes)
        case "24h":
            return _tally(windows.last_24_hours)
        case "30d":
            return _tally(windows.last_30_days)
        case _:
            return None


def _named(named: Iterable[Named], name: RangeName) -> dict[str, Totals]:
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
    return (await counted(connection, shown_by(app, "", RANGE["30d"]))).total


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
        assert shown.tiles == await tiles_counted(connection, shown, sums.total), what
        for code, totals in (sums.stores | sums.drinks).items():
            assert shown.shares[code] == totals.orders / sums.total.orders, (what, code)
        answered += compare_with_status(figures, shown)
    assert answered == 3 * (1 + len(WHOLE))
    app.state.filter, app.state.tab = parse_filter(""), "live"
    top = models.sections(app.state, app.state.frame_context())[0]
    assert [(row.code, row.totals) for row in top.rows] == [
        (row.drink, _tally(row.sums)) for row in figures.top_drinks
    ]
