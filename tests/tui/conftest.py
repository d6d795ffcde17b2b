"""A dashboard on a scripted feed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

import pytest
from textual.pilot import Pilot

from coffeert.client.events import FeedEvent, ViewChanged
from coffeert.client.webhook import Webhook
from coffeert.tui.app import NO_SETTINGS, CoffeertApp
from coffeert.tui.demo_link import DemoLink
from coffeert.tui.injection import Injection
from coffeert.tui.render.appearance import Appearance
from coffeert.tui.render.glyphs import GlyphSet
from coffeert.tui.screens.dashboard import Dashboard
from coffeert.tui.settings import Settings
from tests.tui.scripted import FakeClock, House, ScriptedArchive, ScriptedFeed

URL = "http://127.0.0.1:8765"


@dataclass
class Harness:
    """A running dashboard and what drives it."""

    app: CoffeertApp
    pilot: Pilot[None]
    feed: ScriptedFeed
    archive: ScriptedArchive
    house: House
    clock: FakeClock

    @property
    def dashboard(self) -> Dashboard:
        """The dashboard's screen, also under a dialogue."""
        return next(s for s in self.app.screen_stack if isinstance(s, Dashboard))

    async def happen(self, *events: FeedEvent) -> None:
        """Let events happen, and wait until the screen shows them."""
        self.feed.put(*events)
        while not self.feed.drained:
            await self.pilot.pause()
        await self.settle()

    async def settle(self) -> None:
        """Wait until the screen shows the present state."""
        await self.pilot.pause()
        self.dashboard.tick()
        await self.pilot.pause()

    async def open(self) -> None:
        """Connect, and wait until the first data shows."""
        await self.happen(*self.house.opening(self.clock.now()))

    async def press(self, *keys: str) -> None:
        """Press keys, one after another."""
        for key in keys:
            await self.pilot.press(key)
            await self.pilot.pause()
        await self.settle()

    def notices(self) -> str:
        """Return the notices so far."""
        return "\n".join(notice.message for notice in self.app._notifications)

    def text(self) -> str:
        """Return the text on the screen, line by line."""
        return screen_text(self.app)


def screen_text(app: CoffeertApp) -> str:
    """Return the text of the topmost screen as it is painted."""
    strips = app.screen._compositor.render_strips()
    return "\n".join(strip.text for strip in strips)


def reports_at_hand(app: CoffeertApp) -> bool:
    """Return True if every report that the screen wants is at hand, or has failed."""
    reports = app.state.reports
    answers = [reports.answer(request) for request in app.state.wanted_reports()]
    return all(answer.report or answer.failure for answer in answers) and bool(
        app.session.activity or reports.activity_failed
    )


async def reported(s: Harness) -> None:
    """Wait until every report that the screen wants is at hand, or has failed."""
    while not reports_at_hand(s.app):
        await s.pilot.pause(0.01)
    await s.settle()


async def sell_for(s: Harness, seconds: int) -> list[ViewChanged]:
    """Sell two orders a second for some seconds; return the changes."""
    changes = []
    for _ in range(seconds):
        s.clock.pass_time(1)
        change = s.house.sell(s.clock.now(), 2, s.clock.monotonic())
        changes.append(change)
        s.feed.put(change, s.house.beat(s.clock.now()))
        while not s.feed.drained:
            await s.pilot.pause()
    await s.settle()
    return changes


Launch = Callable[..., AbstractAsyncContextManager[Harness]]


@pytest.fixture
def launch() -> Launch:
    """Make a dashboard of some size, on a scripted feed."""

    @asynccontextmanager
    async def make(
        size: tuple[int, int] = (120, 40),
        *,
        house: House | None = None,
        theme: str = "coffeert-dark",
        glyphs: GlyphSet = "braille",
        opened: bool = True,
        settings: Settings = NO_SETTINGS,
        injection: Injection | None = None,
        webhook: Webhook | None = None,
        notifications: bool = False,
        has_token: bool = False,
        read_only: bool = False,
        demo: DemoLink | None = None,
        animated: bool = False,
    ) -> AsyncIterator[Harness]:
        house = house or House()
        feed, clock = ScriptedFeed(), FakeClock()
        archive = ScriptedArchive(house, clock)
        app = CoffeertApp(
            feed,
            archive,
            url=URL,
            has_token=has_token,
            clock=clock,
            appearance=Appearance(glyphs, theme, animated=animated),
            settings=settings,
            injection=injection,
            webhook=webhook,
            read_only=read_only,
            demo=demo,
        )
        async with app.run_test(size=size, notifications=notifications) as pilot:
            made = Harness(app, pilot, feed, archive, house, clock)
            if opened:
                await made.open()
            yield made

    return make
