"""Several servers: each has a dashboard and a session of its own, and one key goes through them."""

from __future__ import annotations

from coffeert.tui.app import NO_SETTINGS, CoffeertApp
from coffeert.tui.model.server_address import ServerAddress
from coffeert.tui.render.glyphs import BRAILLE
from coffeert.tui.server_tab import ServerTab
from tests.tui.conftest import screen_text
from tests.tui.scripted import FakeClock, House, ScriptedArchive, ScriptedFeed


def words(app: CoffeertApp) -> str:
    """Return what is on the screen, with one space between words."""
    return " ".join(screen_text(app).split())


async def test_each_server_is_followed_and_one_key_goes_through_them() -> None:
    clock, houses, feeds = FakeClock(), (House(), House()), (ScriptedFeed(), ScriptedFeed())
    archives = [ScriptedArchive(house) for house in houses]
    addresses = [ServerAddress(f"http://{name}:8765") for name in ("north", "south")]
    other = ServerTab(
        feeds[1], archives[1], addresses[1], BRAILLE, NO_SETTINGS, clock=clock, read_only=True
    )
    app = CoffeertApp(feeds[0], archives[0], url=addresses[0], clock=clock, others=[other])
    async with app.run_test(size=(120, 40)) as pilot:
        for house, feed in zip(houses, feeds, strict=True):
            feed.put(*house.opening(clock.now()))
        while any(tab.session.view is None for tab in app.tabs):
            await pilot.pause()
        assert "1/2 north:8765" in words(app)
        app.tabs[0].state.tab = "stores"
        await pilot.press("f4")
        await pilot.pause()
        assert app.tab is other
        assert app.screen is other.dashboard
        assert "2/2 south:8765" in words(app)
        assert other.state.tab == "live"
        # What happens at the other one meanwhile is not missed.
        before = app.tabs[0].session.orders_added
        feeds[0].put(houses[0].sell(clock.now(), 3))
        while not feeds[0].drained:
            await pilot.pause()
        assert app.tabs[0].session.orders_added == before + 3
        assert other.session.orders_added == 0
        await pilot.press("question_mark", "f4")
        assert app.tab is other, "not from a dialogue"
        await pilot.press("escape", "f4")
        await pilot.pause()
        assert app.screen is app.tabs[0].dashboard
        assert "1/2 north:8765" in words(app)
        assert app.state.tab == "stores"


async def test_a_single_server_has_no_number_and_nothing_to_go_to() -> None:
    clock, house, feed = FakeClock(), House(), ScriptedFeed()
    app = CoffeertApp(feed, ScriptedArchive(house), url="http://north:8765", clock=clock)
    async with app.run_test(size=(120, 40)) as pilot:
        feed.put(*house.opening(clock.now()))
        while app.session.view is None:
            await pilot.pause()
        await pilot.press("f4")
        await pilot.pause()
        assert app.screen is app.dashboard
        assert " north:8765" in words(app)
        assert "1/1" not in words(app)
