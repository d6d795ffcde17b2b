"""The change against the previous window is that of SQL at the same instant, however that is known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from random import Random

import pytest
from textual.pilot import Pilot

from coffeert.domain.comparisons import SMALLEST_BASE
from coffeert.domain.rollups import ZERO, Totals, floor
from coffeert.postgres.pool import Connection
from coffeert.tui.app import CoffeertApp
from coffeert.tui.dashboard_state import DashboardState
from coffeert.tui.model.filter import parse_filter
from coffeert.tui.model.window import RANGES, Range, Window
from coffeert.tui.render.changes import change_text
from coffeert.tui.render.kpi import Tile
from coffeert.tui.screens import range_models as models
from tests.integration.tui.test_same_numbers import FILTERS, place, random_drafts, view_total
from tests.integration.tui.test_same_numbers import stored_total as stored
from tests.integration.tui.watching import until, watching

FROM_VIEW = ("15 min",)
"""Ranges whose previous window is made of minutes in the view; the others fetch theirs."""

LIVE = [span for span in RANGES if span.minutes]

_BUCKETS = """
    WITH cells AS (
        SELECT date_trunc('minute', placed_at, 'UTC') AS bucket, store, drink,
               sum(sign(quantity))::bigint AS orders, sum(quantity)::bigint AS quantity,
               sum(quantity::bigint * price_cents)::bigint AS cents
        FROM orders WHERE placed_at >= $1 AND placed_at <= $2
        GROUP BY 1, 2, 3
    )
    SELECT bucket, store, drink, orders, quantity, cents FROM cells WHERE {condition}
"""


@dataclass(frozen=True, slots=True)
class Before:
    """What SQL knows of a previous window."""

    total: Totals
    stores: dict[str, Totals]
    drinks: dict[str, Totals]


async def before(connection: Connection, text: str, span: Range, at: float, cut: bool) -> Before:
    """Count the window that ends one range before `at`.

    With `cut` its last bucket is counted whole and then taken in proportion.
    """
    step = timedelta(minutes=1)
    end = datetime.fromtimestamp(at, UTC) - timedelta(seconds=span.seconds)
    running = end.replace(second=0, microsecond=0)
    first = running - (span.minutes - 1) * step
    last = running + step - timedelta(microseconds=1) if cut else end
    statement = _BUCKETS.format(condition=FILTERS[text])
    part = Fraction((end - running) / timedelta(microseconds=1)) / Fraction(
        step / timedelta(microseconds=1)
    )
    sides: dict[tuple[str, str], dict[bool, Totals]] = {}
    for bucket, store, drink, *sums in await connection.fetch(statement, first, last):
        for name in (("", ""), ("store", store), ("drink", drink)):
            both = sides.setdefault(name, {True: ZERO, False: ZERO})
            both[bucket == running] = both[bucket == running].plus(Totals(*sums))
    made = {
        name: both[False].plus(taken(both[True], part) if cut else both[True])
        for name, both in sides.items()
    }
    return Before(
        made.get(("", ""), ZERO),
        {code: totals for (kind, code), totals in made.items() if kind == "store"},
        {code: totals for (kind, code), totals in made.items() if kind == "drink"},
    )


def taken(totals: Totals, part: Fraction) -> Totals:
    """Return a part of a bucket."""
    return Totals(
        round(totals.orders * part), round(totals.quantity * part), round(totals.cents * part)
    )


def change(now: Fraction | int, then: Totals, figure: Fraction | int) -> str:
    """Say how a figure has moved, if the window before had enough orders for per cent."""
    if then.orders <= 0:
        return "nothing sold then"
    if then.orders < SMALLEST_BASE:
        return "fewer than 20 orders then"
    if figure <= 0:
        return "no takings then" if figure == 0 else "more refunded than sold then"
    exact = 100 * (Fraction(now) / figure - 1)
    percent = int(abs(exact) + Fraction(1, 2)) * (1 if exact >= 0 else -1)
    sign = "\u25b2 +" if percent > 0 else "\u25bc " if percent < 0 else "\u2500 "
    return f"{sign}{percent:,} %"


def ticket(totals: Totals) -> Fraction:
    """Return the takings of an order."""
    return Fraction(totals.cents, totals.orders) if totals.orders > 0 else Fraction(0)


def tiles_agree(tiles: dict[str, Tile], window: Window, was: Totals, what: object) -> None:
    """Compare the key figures' movements with those of SQL."""
    now = window.sums.total
    for name, figure, then in (
        ("Takings", now.cents, was.cents),
        ("Orders", now.orders, was.orders),
        ("Per order", ticket(now), ticket(was)),
    ):
        said = change(figure, was, then)
        if name == "Per order" and now.orders <= 0 and "then" not in said:
            said = "nothing sold"
        assert tiles[name].change[0] == said, (what, name)


def of_this_bucket(state: DashboardState) -> bool:
    """Return True if the previous window is known, and no bucket has begun since it was fetched."""
    window = state.frame_context().window
    assert window is not None
    past = state.comparisons.get(window.span.name)
    same_bucket = past is None or floor(int(past.moment), "minute") == window.starts[-1]
    return window.previous is not None and same_bucket


async def compare(
    app: CoffeertApp, pilot: Pilot[None], connection: Connection, text: str, span: Range
) -> bool:
    """Compare every trend of one range and filter with SQL; return whether anything was sold then."""
    state = app.state
    state.filter, state.span = parse_filter(text), span
    await until(pilot, lambda: of_this_bucket(state))
    context = state.frame_context()
    stores, drinks = (models.breakdown(state, context, kind) for kind in ("store", "drink"))
    assert stores is not None
    assert drinks is not None
    tiles = {tile.name: tile for tile in models.tiles(state, context)}
    window = context.window
    assert window is not None
    cut = span.name in FROM_VIEW
    at = window.now if cut else state.comparisons[span.name].moment
    was, what = await before(connection, text, span, at, cut), (text, span.name)
    assert window.previous is not None, what
    assert window.previous.total == was.total, what
    tiles_agree(tiles, window, was.total, what)
    for rows, side in ((stores.rows, was.stores), (drinks.rows, was.drinks)):
        for row in rows:
            then = side.get(row.code, ZERO)
            made = change_text(row.change, app.glyphs)[0]
            assert made == change(row.totals.cents, then, then.cents), (what, row.code)
    return was.total.orders > 0


async def fetched(app: CoffeertApp, pilot: Pilot[None]) -> None:
    """Fetch the previous window of every long range again, once a pass has counted all orders."""
    health = app.session.health
    assert health is not None
    passes = health.aggregator.passes

    def counted() -> bool:
        health = app.session.health
        return health is not None and health.aggregator.passes >= passes + 2

    await until(pilot, counted)
    app.state.comparisons.clear()
    for span in LIVE:
        if span.name not in FROM_VIEW:
            app.state.span = span
            while span.name not in app.state.comparisons:
                await pilot.pause(0.02)


@pytest.mark.long
async def test_each_movement_is_that_of_sql(server_url: str, connection: Connection) -> None:
    random = Random(20260315)
    async with watching(server_url) as (app, pilot, client):
        for _ in range(2):
            drafts = random_drafts(random, 300)
            await place(client, drafts)
            for draft in random.sample(drafts, 40):
                assert draft.order_id is not None
                await client.void(draft.order_id)
            while view_total(app) != await stored(connection, app):
                await pilot.pause(0.02)
            await fetched(app, pilot)
            sold = [
                (text, span.name)
                for span in LIVE
                for text in FILTERS
                if await compare(app, pilot, connection, text, span)
            ]
            assert {name for _, name in sold} == {"15 min", "1 hour"}
