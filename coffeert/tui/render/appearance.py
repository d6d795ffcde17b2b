"""The characters and the theme that the dashboard is drawn with."""

from __future__ import annotations

from dataclasses import dataclass

from coffeert.tui.render.glyphs import GlyphSet


@dataclass(frozen=True, slots=True)
class Appearance:
    """The viewer's choice of glyphs and theme."""

    glyphs: GlyphSet = "braille"
    theme: str = "coffeert-dark"
