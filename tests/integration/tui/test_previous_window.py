"""The change against the previous window is that of SQL at the same instant, however that is known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from random import Random

import pytest
from textual.pilot import Pilot

from coffeert.domain.rollups import SECONDS, ZERO, Totals, floor
from coffeert.postgres.pool import Connection
from coffeert.tui.app import CoffeertApp
from coffeert.tui.dashboard_state import DashboardState
from coffeert.tui.model.filter import parse_filter
from coffeert.tui.model.window import RANGES, Range, Window
from coffeert.tui.render.format import Trend
from coffeert.tui.render.kpi import Tile, orders_per_minute
from coffeert.tui.screens import view_models as models
from tests.integration.tui.test_same_numbers import FILTERS, place, random_drafts, view_total
from tests.integration.tui.test_same_numbers import stored_total as stored
from tests.integration.tui.watching import until, watching

FLAT = Fraction(5, 10_000)
FROM_VIEW = ("1m", "5m", "15m")
"""Ranges whose previous window is made of minutes in the view; the others fetch theirs."""

_BUCKETS = """
    WITH cells AS (
        SELECT date_trunc($1, placed_at, 'UTC') AS bucket, store, drink,
               sum(sign(quantity))::bigint AS orders, sum(quantity)::bigint AS quantity,
               sum(quantity::bigint * price_cents)::bigint AS cents
        FROM orders WHERE placed_at >= $2 AND placed_at <= $3
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
    step = timedelta(seconds=SECONDS[span.grain])
    end = datetime.fromtimestamp(at, UTC) - timedelta(seconds=span.seconds)
    running = datetime.fromtimestamp(end.timestamp() // SECONDS[span.grain] * step.seconds, UTC)
    if span.grain == "day":
        running = end.replace(hour=0, minute=0, second=0, microsecond=0)
    first = running - (span.buckets - 1) * step
    last = running + step - timedelta(microseconds=1) if cut else end
    statement = _BUCKETS.format(condition=FILTERS[text])
    part = Fraction((end - running) / timedelta(microseconds=1)) / Fraction(
        step / timedelta(microseconds=1)
    )
    sides: dict[tuple[str, str], dict[bool, Totals]] = {}
    for bucket, store, drink, *sums in await connection.fetch(statement, span.grain, first, last):
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


def change(now: Fraction, then: Fraction) -> tuple[str, float]:
    """Say how a figure has moved, and by which part."""
    if then <= 0:
        return ("unknown", 1.0 if now > 0 else 0.0)
    part = now / then - 1
    if abs(part) < FLAT:
        return ("flat", float(part))
    return ("up" if part > 0 else "down", float(part))


def ticket(totals: Totals) -> Fraction:
    """Return the average ticket in whole cents."""
    return Fraction(round(Fraction(totals.cents, totals.orders))) if totals.orders else Fraction(0)


def same(shown: Trend | None, expected: tuple[str, float], what: object) -> None:
    """Compare a movement that is shown with what SQL says of it."""
    assert shown is not None, what
    assert shown.direction == expected[0], (what, shown, expected)
    assert shown.part == pytest.approx(expected[1], rel=1e-9, abs=1e-12), what


def tiles_agree(
    tiles: dict[str, Tile], window: Window, orders_per_minute: float, was: Totals, what: object
) -> None:
    """Compare the key figures' movements with those of SQL."""
    now = window.sums.total
    for name, figure in (("Orders", now.orders), ("Revenue", now.cents)):
        then = {"Orders": was.orders, "Revenue": was.cents}[name]
        same(tiles[name].trend, change(Fraction(figure), Fraction(then)), (what, name))
        assert tiles[name].against == f"vs prev {window.span.name}"
    whole = Fraction(was.orders) / Fraction(window.elapsed_minutes)
    same(
        tiles["Per minute"].trend, change(Fraction(orders_per_minute), whole), (what, "per minute")
    )
    same(tiles["Avg ticket"].trend, change(ticket(now), ticket(was)), (what, "ticket"))


def of_this_bucket(state: DashboardState) -> bool:
    """Return True if the previous window is known, and no bucket has begun since it was fetched."""
    window = state.frame_context().window
    assert window is not None
    past = state.comparisons.get(window.span.name)
    same_bucket = past is None or floor(int(past.moment), window.span.grain) == window.starts[-1]
    return window.previous is not None and same_bucket


async def compare(
    app: CoffeertApp, pilot: Pilot[None], connection: Connection, text: str, span: Range
) -> bool:
    """Compare every trend of one range and filter with SQL; return whether anything was sold then."""
    state = app.state
    state.filter, state.span, state.tab = parse_filter(text), span, "drinks"
    await until(pilot, lambda: of_this_bucket(state))
    context = state.frame_context()
    drinks, stores = models.sections(state, context)
    tiles = {tile.name: tile for tile in models.tiles(state, context)}
    window = context.window
    assert window is not None
    cut = span.name in FROM_VIEW
    at = window.now if cut else state.comparisons[span.name].moment
    was, what = await before(connection, text, span, at, cut), (text, span.name)
    assert window.previous is not None, what
    assert window.previous.total == was.total, what
    sums = state.sums()
    assert sums is not None
    tiles_agree(tiles, window, orders_per_minute(sums, window.now), was.total, what)
    for rows, side in ((stores.rows, was.stores), (drinks.rows, was.drinks)):
        shown = {row.code for row in rows}
        assert {code for code, totals in side.items() if totals.orders > 0} <= shown, what
        for row in rows:
            then = Fraction(side.get(row.code, ZERO).orders)
            same(row.trend, change(Fraction(row.totals.orders), then), (what, row.code))
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
    for span in RANGES:
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
                for span in RANGES
                for text in FILTERS
                if await compare(app, pilot, connection, text, span)
            ]
            assert {name for _, name in sold} >= {"5m", "15m", "1h", "24h", "30d"}
