"""The keys of the moment, in the last line."""

from __future__ import annotations

import gc

import pytest
from textual.widget import Widget
from textual.widgets._footer import FooterKey

from tests.tui.conftest import Launch


@pytest.mark.long
async def test_keys_that_are_no_longer_shown_are_dropped(launch: Launch) -> None:
    def widgets() -> int:
        gc.collect()
        return sum(isinstance(each, Widget) for each in gc.get_objects())

    async with launch() as s:
        once = ("2", "3", "5", "1", "question_mark", "escape", "slash", "escape")
        await s.press(*once)
        before = widgets()
        for _ in range(3):
            await s.press(*once)
        assert widgets() <= before


async def test_keys_that_go_on_being_shown_are_the_same_widgets(launch: Launch) -> None:
    async with launch() as s:
        await s.press("4")
        before = list(s.dashboard.query(FooterKey))
        await s.press("tab", "2", "tab", "1", "question_mark", "escape")
        assert list(s.dashboard.query(FooterKey)) == before
        assert len(before) > 5
        await s.press("slash")
        await s.press("escape")
        assert [key.description for key in s.dashboard.query(FooterKey)] == [
            key.description for key in before
        ]


async def test_the_palettes_key_shows_if_there_is_room(launch: Launch) -> None:
    async with launch() as s:
        for columns, shown in ((40, False), (160, True)):
            await s.pilot.resize_terminal(columns, 40)
            await s.settle()
            assert ("^p palette" in s.text().splitlines()[-1]) is shown
