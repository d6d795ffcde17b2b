"""The keys of the moment, in the last line."""

from __future__ import annotations

import pytest

from coffeert.tui.bindings import DASHBOARD_KEYS, key_hints, readable
from coffeert.tui.render.glyphs import ASCII, BRAILLE
from coffeert.tui.render.key_line import KeyHint, draw_keys, hint_at
from coffeert.tui.settings import Settings
from tests.tui.conftest import Harness, Launch

SIZES = [(40, 12), (60, 20), (80, 24), (100, 30), (120, 40), (160, 48)]


def last_line(s: Harness) -> str:
    return s.text().splitlines()[-1].strip()


async def test_the_keys_are_those_of_the_panel_in_focus(launch: Launch) -> None:
    async with launch() as s:
        s.dashboard.query_one("#orders").focus()
        await s.settle()
        assert last_line(s).startswith("enter details   y copy   space hold")
        s.dashboard.query_one("#chart").focus()
        await s.settle()
        assert last_line(s).startswith("← → value at   m takings or orders   + enlarge")
        s.dashboard.query_one("#stores").focus()
        await s.press("enter")
        assert "backspace back" in last_line(s)


async def test_the_past_the_filter_and_a_dialogue_have_their_own(launch: Launch) -> None:
    async with launch() as s:
        await s.press("left_square_bracket")
        while s.app.state.rewound_to is None:
            await s.settle()
        assert last_line(s).startswith("end live   [ 10 s back   ] 10 s on   { 1 min back")
        await s.press("end", "slash")
        assert last_line(s) == "enter keep   esc as before   tab complete   ↑↓ choose"
        await s.press("escape", "n")
        assert last_line(s) == "tab next   ↑↓ choose   esc close   f2 place   f3 copy curl"


@pytest.mark.parametrize("size", SIZES)
async def test_items_are_left_out_whole(launch: Launch, size: tuple[int, int]) -> None:
    async with launch(size) as s:
        whole = {
            f"{hint.key} {hint.text}"
            for panel in ("orders", "stores", "chart", "")
            for hint in key_hints(
                panel, past=False, opened=False, days=False, key_of=lambda name: NAMED.get(name)
            )
        }
        shown = last_line(s).split("   ")
        assert set(shown) <= whole
        assert {"? all keys", "q quit"} <= set(shown)
        assert ("^p commands" in shown) == (size[0] >= 160)


NAMED = {binding.id: binding.key for binding in DASHBOARD_KEYS if binding.id is not None}


async def test_a_remapped_key_shows_as_it_is(launch: Launch) -> None:
    async with launch(settings=Settings(keys={"orders.freeze": "p"})) as s:
        assert "p hold" in last_line(s)


async def test_a_click_does_what_the_key_does(launch: Launch) -> None:
    async with launch() as s:
        await s.pilot.click("KeyBar", offset=(s.text().splitlines()[-1].index("t period"), 0))
        await s.settle()
        assert s.app.state.span.name == "yesterday"


def test_where_a_hint_is_drawn() -> None:
    hints = (
        KeyHint("a", "one", "x", 0),
        KeyHint("b", "two", "y", 2),
        KeyHint("c", "three", "z", 1),
    )
    text = "".join(span.text for span in draw_keys(hints, 18, BRAILLE))
    assert text == " a one   c three  "
    assert [hint_at(at, hints, 18, BRAILLE) for at in (0, 1, 5, 6, 9, 16)] == [
        None, hints[0], hints[0], None, hints[2], None,
    ]  # fmt: skip
    arrows = (KeyHint("← →", "value at"),)
    assert "".join(span.text for span in draw_keys(arrows, 20, ASCII)).isascii()


def test_keys_are_written_as_they_are_typed() -> None:
    for binding in DASHBOARD_KEYS:
        assert "_" not in readable(binding.key)
