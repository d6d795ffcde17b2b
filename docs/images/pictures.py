"""Draws the pictures of docs/dashboard.md: the dashboard on a made-up house.

They are the same each time, but for the key of the order being placed.

Run from the repository's root: `python docs/images/pictures.py`.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final

from msgspec.structs import replace
from textual.pilot import Pilot
from textual.widgets import Input

from coffeert.alert_rules import parse_rule
from coffeert.client import PlacedOrder
from coffeert.domain.orders import Draft
from coffeert.tui.app import CoffeertApp
from coffeert.tui.order_actions import OrderActions
from coffeert.tui.render.appearance import Appearance
from coffeert.tui.settings import Settings
from coffeert.wire.health import Health
from tests.tui.conftest import Harness, reported
from tests.tui.scripted import NOON, FakeClock, House, ScriptedArchive, ScriptedFeed, healthy

HERE: Final = Path(__file__).parent
SECONDS: Final = 48
LUNCH: Final = NOON + timedelta(hours=2, minutes=34)
TODAY: Final = ((160, 48), (80, 24), (60, 20), (40, 12))
RULES: Final = {"rush": "orders_per_min > 150 for 30s"}


@asynccontextmanager
async def launch(columns: int, lines: int, theme: str = "coffeert-dark") -> AsyncIterator[Harness]:
    """Open a dashboard at lunch, let it watch for a while, and place an order."""
    house, clock = House(busy=0.12, now=LUNCH), FakeClock(LUNCH)
    feed, archive = ScriptedFeed(), ScriptedArchive(house, clock)
    settings = Settings(alerts={name: parse_rule(text) for name, text in RULES.items()})
    app = CoffeertApp(
        feed,
        archive,
        url="http://127.0.0.1:8765",
        clock=clock,
        appearance=Appearance(theme=theme),
        settings=settings,
    )
    async with app.run_test(size=(columns, lines)) as pilot:
        made = Harness(app, pilot, feed, archive, house, clock)
        await made.open()
        for _ in range(SECONDS):
            clock.pass_time(1)
            count = house.random.choice((1, 1, 2, 2, 3))
            moment = clock.now() - timedelta(seconds=house.random.random())
            await made.happen(house.sell(moment, count, clock.monotonic()))
            await made.happen(house.beat(clock.now(), _health(house, clock), lag=0.0))
        await _place(made)
        await reported(made)
        yield made


def _health(house: House, clock: FakeClock) -> Health:
    """Return figures of a server that is well and busy, a little different each second."""
    well, chance = healthy(clock.now()), house.random
    swell = 1 + 0.25 * math.sin(clock.monotonic() / 6) + chance.uniform(-0.1, 0.1)
    return replace(
        well,
        intake=replace(well.intake, orders_per_s=38.2 * swell, commit_ms=1.9 * swell),
        aggregator=replace(well.aggregator, pass_ms=2.7 * chance.uniform(0.8, 1.4)),
        redis=replace(well.redis, round_trip_ms=0.2 * chance.uniform(0.8, 1.6)),
        sockets=replace(well.sockets, bytes_per_s=24_000 * swell),
    )


async def _place(made: Harness) -> None:
    start = made.clock.monotonic()
    order = made.house.order(made.clock.now(), "uptown", "latte")
    draft = Draft("uptown", "latte", order_id=order.order_id)
    made.feed.answers.append(PlacedOrder(order, False, 1, start, start + 0.009))
    actions = OrderActions(made.app.session, made.feed, made.archive)
    await actions.place(draft)
    made.clock.pass_time(0.021)
    await made.happen(made.house.tell(made.clock.now(), [order], start + 0.012))
    while (own := made.app.session.own.get(order.order_id)) is None or own.rendered_at is None:
        await made.settle()


async def _fill(pilot: Pilot[None]) -> None:
    await pilot.press("n")
    await pilot.pause()
    screen = pilot.app.screen
    screen.query_one("#store", Input).value = "uptown"
    screen.query_one("#drink", Input).value = "flat-white"
    await pilot.pause()


def _draw(made: Harness, name: str) -> None:
    (HERE / name).write_text(made.app.export_screenshot(title="coffeert-tui"), encoding="utf-8")


async def main() -> None:
    """Draw all of them."""
    async with launch(120, 40) as made:
        _draw(made, "live.svg")
        await made.press("5")
        _draw(made, "engine.svg")
        await made.press("1")
        await _fill(made.pilot)
        _draw(made, "order.svg")
    for columns, lines in TODAY:
        async with launch(columns, lines) as made:
            _draw(made, f"today-{columns}x{lines}.svg")
    async with launch(120, 40, "coffeert-light") as made:
        _draw(made, "today-light.svg")


if __name__ == "__main__":
    asyncio.run(main())
