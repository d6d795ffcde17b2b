"""The past is the server's: any moment of it, while the present goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from coffeert.errors import ServerUnavailable
from coffeert.tui.app import CoffeertApp
from coffeert.tui.history.replayer import Replayer
from tests.tui.conftest import Harness, Launch, sell_for
from tests.tui.scripted import NOON, House


async def until(s: Harness, holds: Callable[[], bool]) -> None:
    """Wait until the screen shows what is expected."""
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0.05)
            s.dashboard.tick()


@pytest.mark.long
async def test_keys_go_back_in_steps_and_end_is_live(launch: Launch) -> None:
    async with launch() as s:
        await s.press("left_square_bracket", "left_square_bracket", "left_curly_bracket")
        then = NOON - timedelta(seconds=80)
        await until(s, lambda: s.app.state.rewound_to == then)
        assert s.archive.asked[-1] == then
        assert f" {then:%H:%M:%S} " in s.text()
        view = s.app.state.view()
        assert view is not None
        past = House(11, s.house.stores, s.house.drinks, then).view
        assert view.cube.totals() == past.cube.totals()
        assert s.app.state.session.now() == then
        await s.press("right_square_bracket")
        await until(s, lambda: s.app.state.rewound_to == NOON - timedelta(seconds=70))
        await s.press("end")
        assert s.app.state.session is s.app.session
        assert "● live" in s.text()


async def test_going_on_to_now_is_live(launch: Launch) -> None:
    async with launch() as s:
        await s.press("left_square_bracket")
        await until(s, lambda: s.app.state.rewound_to is not None)
        await s.press("right_curly_bracket")
        assert s.app.state.rewound_to is None


async def test_data_goes_on_while_the_past_is_shown(launch: Launch) -> None:
    async with launch() as s:
        await s.press("left_square_bracket")
        await until(s, lambda: s.app.state.rewound_to is not None)
        shown = s.app.state.view()
        await sell_for(s, 3)
        assert s.app.state.view() is shown
        await s.press("escape")
        assert s.app.state.session is s.app.session
        assert s.app.session.totals_match() == "equal"


@pytest.mark.long
async def test_a_time_is_typed_and_shown_with_its_day(launch: Launch) -> None:
    async with launch() as s:
        await s.press("at", *"yesterday 14:00", "enter")
        then = NOON.replace(day=13, hour=14, minute=0, second=0)
        await until(s, lambda: s.app.state.rewound_to == then)
        lines = s.text().splitlines()
        assert "Fri 13 Mar 14:00:00" in lines[-2]
        assert "20h" in lines[-2]
        await until(s, lambda: any(query.last is not None for query in s.archive.searched))
        last = next(query.last for query in s.archive.searched if query.last is not None)
        assert last == then + timedelta(microseconds=1)


@pytest.mark.long
async def test_what_cannot_be_read_is_said_and_can_be_corrected(launch: Launch) -> None:
    async with launch() as s:
        await s.press("at", *"noon", "enter")
        assert "Say a time such as" in s.notices()
        await s.press(*["backspace"] * 4, *"10:00", "enter")
        await until(s, lambda: s.app.state.rewound_to == NOON.replace(minute=0, second=0))


async def test_a_moment_that_the_server_does_not_give_is_told(launch: Launch) -> None:
    async with launch() as s:
        await s.settle()

        async def refuse(at: object = None) -> None:
            raise ServerUnavailable("The server is away.")

        s.archive.dashboard = refuse  # type: ignore[method-assign,assignment]  # what a test needs
        await s.press("left_square_bracket")
        await until(s, lambda: "The server is away." in s.notices())
        assert s.app.state.rewound_to is None
        assert s.app.state.travel.sought is None


async def test_the_last_moment_wanted_is_shown_if_answers_are_slow(launch: Launch) -> None:
    async with launch() as s:
        await s.settle()
        answers, ask = asyncio.Semaphore(0), s.archive.dashboard

        async def slow(at: object = None) -> object:
            await answers.acquire()
            return await ask(at)  # type: ignore[arg-type]  # passed on

        s.archive.dashboard = slow  # type: ignore[method-assign,assignment]  # what a test needs
        await s.press(*["left_square_bracket"] * 5)
        assert "asking for" in s.text()
        for _ in range(2):
            answers.release()
        await until(s, lambda: s.app.state.rewound_to is not None)
        assert s.app.state.rewound_to == NOON - timedelta(seconds=50)


@pytest.mark.long
async def test_a_recording_is_rewound_from_its_file(launch: Launch, tmp_path: Path) -> None:
    path = tmp_path / "watched.ndjson"
    async with launch() as s:
        s.app.tab.recording.start(path)
        await sell_for(s, 20)
        then, totals = s.clock.now(), s.house.view.cube.totals()
        await sell_for(s, 20)
        s.app.tab.recording.stop()
    replayer = Replayer(path, speed=1000)
    app = CoffeertApp(replayer, None, url=replayer.server, past=replayer, clock=replayer.clock)
    app.session.replaying = True
    async with app.run_test(size=(120, 40)) as pilot:
        while app.session.link.state != "stopped":
            await pilot.pause(0.01)
        app.state.travel.seek_to(then)
        async with asyncio.timeout(10):
            while app.state.rewound_to is None:
                await pilot.pause(0.01)
        view = app.state.view()
        assert view is not None
        assert view.cube.totals() == totals
