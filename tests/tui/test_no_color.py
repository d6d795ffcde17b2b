"""NO_COLOR: not one colour is sent, and everything can still be distinguished."""

from __future__ import annotations

from typing import get_args

import pytest
from rich.segment import Segment

from coffeert.tui.render.palette import DARK, LIGHT, SAFE, Palette, PlainPalette
from coffeert.tui.render.spans import Role
from tests.tui.conftest import Launch


@pytest.mark.long
async def test_no_colour_reaches_the_terminal(
    launch: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with launch() as s:
        for key in ("1", "2", "4", "5", "n"):
            await s.press(key)
            for strip in s.app.screen._compositor.render_strips():
                for filter_ in s.app._filters:
                    strip = strip.apply_filter(filter_, s.app.screen.background_colors[1])
                for segment in strip:
                    assert colourless(segment), segment


def colourless(segment: Segment) -> bool:
    """Return True if a segment has no colour of its own."""
    style = segment.style
    return style is None or all(
        color is None or color.is_default for color in (style.color, style.bgcolor)
    )


def test_badges_and_the_chosen_row_stand_out_without_colour() -> None:
    palette = PlainPalette()
    for role in get_args(Role):
        style = palette.style(role)
        assert style.color is None
        assert style.bgcolor is None
        assert palette.style(role, chosen=True).reverse
    assert palette.style("badge-bad").reverse
    assert palette.style("badge-bad") != palette.style("badge-good")


@pytest.mark.parametrize("theme", [DARK, LIGHT, SAFE])
def test_every_text_can_be_read_on_its_background(theme: object) -> None:
    colors = theme.to_color_system().generate()  # type: ignore[attr-defined]  # a Theme
    palette = Palette(colors, dark=theme.dark)  # type: ignore[attr-defined]  # a Theme
    for role in ("text", "dim", "strong", "good", "bad", "warn", "accent", "own", "key"):
        style = palette.style(role)
        assert style.color is not None
        assert style.bgcolor is not None
        front, back = style.color.get_truecolor(), style.bgcolor.get_truecolor()
        assert contrast(front, back) >= (3.0 if role == "dim" else 4.5), role


def contrast(one: tuple[int, int, int], other: tuple[int, int, int]) -> float:
    """Return the contrast ratio of WCAG 2."""

    def light(color: tuple[int, int, int]) -> float:
        parts = [c / 255 for c in color]
        linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)
