"""Everything in a theme can be seen against its background."""

from __future__ import annotations

from typing import get_args

import pytest
from textual.color import Color
from textual.theme import Theme

from coffeert.tui.render.palette import (
    GRAPHICS,
    GRAPHICS_CONTRAST,
    TEXT_CONTRAST,
    THEMES,
    Palette,
    contrast,
)
from coffeert.tui.render.spans import Role


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
@pytest.mark.parametrize("role", get_args(Role))
@pytest.mark.parametrize("chosen", [False, True])
def test_contrast(theme: Theme, role: Role, chosen: bool) -> None:
    colors = theme.to_color_system().generate()
    style = Palette(colors, dark=theme.dark).style(role, chosen=chosen)
    assert style.color is not None
    assert style.bgcolor is not None
    front, back = (
        Color.from_rich_color(style.color),
        Color.from_rich_color(style.bgcolor),
    )
    if role.startswith("full"):  # a filled cell is seen against what is beside it
        back = Color.parse(colors["background"])
    least = GRAPHICS_CONTRAST if role in GRAPHICS else TEXT_CONTRAST
    assert contrast(front, back) >= least


def test_contrast_is_that_of_the_guidelines() -> None:
    black, white, grey = (Color.parse(name) for name in ("#000000", "#ffffff", "#777777"))
    assert contrast(black, white) == pytest.approx(21)
    assert contrast(white, grey) == pytest.approx(4.48, abs=0.01)
    assert contrast(grey, white) == contrast(white, grey)
