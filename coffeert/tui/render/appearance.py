"""How the dashboard looks: characters and colours."""

from __future__ import annotations

from dataclasses import dataclass

from coffeert.tui.render.glyphs import GlyphSet


@dataclass(frozen=True, slots=True)
class Appearance:
    """Which characters to draw with, and under which theme."""

    glyphs: GlyphSet = "braille"
    theme: str = "coffeert-dark"
