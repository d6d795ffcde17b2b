"""What the dashboard is drawn with: characters, theme, and whether it moves."""

from __future__ import annotations

from dataclasses import dataclass

from coffeert.tui.render.glyphs import GlyphSet


@dataclass(frozen=True, slots=True)
class Appearance:
    """The viewer's choice; `animated`: what has just changed is seen to do so."""

    glyphs: GlyphSet = "braille"
    theme: str = "coffeert-dark"
    animated: bool = True
