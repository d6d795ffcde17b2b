"""What every screen looks like, as stored pictures."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

import pytest
from textual.app import App
from textual.pilot import Pilot

from coffeert.client.events import Connecting
from coffeert.tui.app import CoffeertApp
from coffeert.tui.model.filter import parse_filter
from coffeert.tui.render.appearance import Appearance
from coffeert.tui.render.glyphs import GlyphSet
from tests.tui.conftest import URL, Launch, reports_at_hand
from tests.tui.scripted import FakeClock, House, ScriptedArchive, ScriptedFeed, lost

pytestmark = pytest.mark.long

SIZES = [(160, 48), (120, 40), (80, 24), (40, 12)]
Act = Callable[["SnapshotRun"], Awaitable[None]]


class Compare(Protocol):
    """The fixture of pytest-textual-snapshot."""

    def __call__(
        self,
        app: App[None],
        *,
        terminal_size: tuple[int, int],
        run_before: Callable[[Pilot[None]], Awaitable[None]],
    ) -> bool:
        """Compare a screen with its stored picture."""
        ...


class SnapshotRun:
    """A dashboard of which a snapshot is taken."""

    def __init__(self, theme: str, glyphs: GlyphSet, house: House | None = None) -> None:
        self.house = house or House()
        self.feed, self.clock = ScriptedFeed(), FakeClock()
        archive = ScriptedArchive(self.house, self.clock)
        self.app = CoffeertApp(
            self.feed,
            archive,
            url=URL,
            clock=self.clock,
            appearance=Appearance(glyphs, theme, animated=False),
        )
        self.pilot: Pilot[None] | None = None

    async def drained(self) -> None:
        """Wait until every event has been taken."""
        assert self.pilot is not None
        while not self.feed.drained:
            await self.pilot.pause()

    async def reported(self) -> None:
        """Wait until what was sold by now is what the reports say."""
        assert self.pilot is not None
        while not reports_at_hand(self.app):
            await self.pilot.pause(0.01)


async def live(shown: SnapshotRun) -> None:
    """A minute of business, reported at its start."""
    shown.feed.put(*shown.house.opening(shown.clock.now()))
    await shown.drained()
    await shown.reported()
    for _ in range(30):
        await shown.drained()
        shown.clock.pass_time(0.9)
        now = shown.clock.now()
        shown.feed.put(shown.house.sell(now, 1, shown.clock.monotonic()), shown.house.beat(now))
    await shown.drained()


async def stale(shown: SnapshotRun) -> None:
    """Connected, but nothing comes."""
    await live(shown)
    shown.clock.pass_time(14)


async def reconnecting(shown: SnapshotRun) -> None:
    """The connection broke; the next attempt is some seconds away."""
    await live(shown)
    shown.feed.put(lost("The server closed the connection.", retry_in=4.0))
    await shown.drained()
    shown.clock.pass_time(1.5)


async def rewound(shown: SnapshotRun) -> None:
    """Looking a while back."""
    await live(shown)
    shown.app.state.travel.seek(-15)
    assert shown.pilot is not None
    while shown.app.state.rewound_to is None:
        await asyncio.sleep(0.02)


async def empty(shown: SnapshotRun) -> None:
    """A server that has never had an order."""
    shown.house = House(now=shown.clock.now(), busy=0.0, orders=0)
    shown.feed.put(*shown.house.opening(shown.clock.now()))
    await shown.drained()
    await shown.reported()


async def no_server(shown: SnapshotRun) -> None:
    """A first start without a server."""
    shown.feed.put(Connecting(1), lost("Nothing listens on 127.0.0.1:8765.", retry_in=2.0))
    await shown.drained()


def picture(
    compare: Compare,
    act: Act,
    size: tuple[int, int],
    *,
    theme: str = "coffeert-dark",
    glyphs: GlyphSet = "braille",
    keys: tuple[str, ...] = (),
    house: House | None = None,
) -> bool:
    """Act, and compare what is then on the screen."""
    shown = SnapshotRun(theme, glyphs, house)

    async def run(pilot: Pilot[None]) -> None:
        shown.pilot = pilot
        await act(shown)
        for key in keys:
            await pilot.press(key)
            await pilot.pause()
            await shown.reported()
        await pilot.pause()
        shown.app.dashboard.tick()
        await pilot.pause()

    return compare(shown.app, terminal_size=size, run_before=run)


@pytest.mark.parametrize("act", [live, stale, reconnecting, empty, no_server])
@pytest.mark.parametrize("size", SIZES)
def test_states(snap_compare: Compare, act: Act, size: tuple[int, int]) -> None:
    assert picture(snap_compare, act, size)


@pytest.mark.parametrize("size", SIZES)
def test_rewound(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert picture(snap_compare, rewound, size)


def test_without_colour(snap_compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert picture(snap_compare, live, (120, 40))


@pytest.mark.parametrize("act", [live, stale, rewound])
@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
def test_light(snap_compare: Compare, act: Act, size: tuple[int, int]) -> None:
    assert picture(snap_compare, act, size, theme="coffeert-light")


@pytest.mark.parametrize("tab", ["2", "3", "4", "5"])
@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
def test_tabs(snap_compare: Compare, tab: str, size: tuple[int, int]) -> None:
    assert picture(snap_compare, live, size, keys=(tab,))


@pytest.mark.parametrize("glyphs", ["block", "ascii"])
def test_glyphs(snap_compare: Compare, glyphs: GlyphSet) -> None:
    assert picture(snap_compare, live, (80, 24), glyphs=glyphs)


def test_safe_colours(snap_compare: Compare) -> None:
    assert picture(snap_compare, live, (120, 40), theme="coffeert-safe")


@pytest.mark.long
def test_thirty_stores_and_sixty_drinks(snap_compare: Compare) -> None:
    stores = [f"store-{i:02d}" for i in range(30)]
    house = House(3, stores, [f"drink-{i:02d}" for i in range(60)], busy=0.05)
    assert picture(snap_compare, live, (120, 40), house=house, keys=("2",))


def test_wide_letters(snap_compare: Compare) -> None:
    stores = ["東京駅前店", "ソウル-서울", "café", "up🚀town"]
    house = House(3, stores, ["抹茶ラテ", "flat-white", "🍵tea", "עברית", "العربية"])
    assert picture(snap_compare, live, (120, 40), house=house)


@pytest.mark.parametrize("keys", [(), ("5",), ("n",), ("e",), ("question_mark",)])
async def test_ascii_is_nothing_but_ascii(launch: Launch, keys: tuple[str, ...]) -> None:
    async with launch(glyphs="ascii") as s:
        s.app.state.filter = parse_filter("price>1")
        await s.press(*keys)
        assert sorted(set(s.text()) - set(map(chr, range(128)))) == []
