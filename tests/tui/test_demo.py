"""The demo's own dashboard: the line at its foot, and the key that breaks something."""

from __future__ import annotations

import json
import socket

import pytest

from coffeert.tui.demo_link import DemoLink
from coffeert.tui.screens.break_part import BreakPart
from coffeert.wire.demo import BreakablePart
from tests.tui.conftest import Harness, Launch


def top(s: Harness) -> object:
    """Return the topmost screen."""
    return s.app.screen


@pytest.mark.long
@pytest.mark.parametrize(("key", "part"), [("p", "postgres"), ("r", "redis"), ("s", "server")])
async def test_a_part_is_chosen_and_the_demo_says_what_becomes_of_it(
    launch: Launch, key: str, part: BreakablePart
) -> None:
    demo, ours = socket.socketpair()
    with demo:
        demo.setblocking(False)
        async with launch(demo=DemoLink(ours.detach())) as s:
            assert "press ! to break something" in s.text()
            await s.press("exclamation_mark")
            assert isinstance(top(s), BreakPart)
            await s.press("escape")
            with pytest.raises(BlockingIOError):
                demo.recv(1)
            await s.press("exclamation_mark", key)
            assert json.loads(demo.recv(1000)) == {"part": part}
            demo.send(b'{"phase":"broken","text":"It is killed."}\n')
            while "It is killed." not in s.text():
                await s.pilot.pause()
            await s.press("exclamation_mark")
            assert top(s) is s.app.dashboard, "one thing at a time"
            demo.send(b'{"phase":"proved","text":"7 = 7: nothing lost"}\n')
            while "7 = 7: nothing lost" not in s.text():
                await s.pilot.pause()
            await s.press("exclamation_mark")
            assert isinstance(top(s), BreakPart)


@pytest.mark.parametrize("size", [(160, 48), (120, 40), (80, 24), (60, 20), (40, 12)])
async def test_the_line_has_a_row_of_its_own(launch: Launch, size: tuple[int, int]) -> None:
    demo, ours = socket.socketpair()
    with demo:
        async with launch(size, demo=DemoLink(ours.detach())) as s:
            assert s.text().splitlines()[size[1] - 2].startswith(" demo  press ! to break")


async def test_outside_of_the_demo_nothing_can_be_broken(launch: Launch) -> None:
    async with launch() as s:
        await s.press("exclamation_mark")
        assert top(s) is s.app.dashboard
        assert "break something" not in s.text()
        assert "break_part" not in {key.action for key in s.app.dashboard.available_keys()}
