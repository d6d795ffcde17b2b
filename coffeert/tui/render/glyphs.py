"""The glyphs a terminal can show: braille, block elements, or plain ASCII."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

GlyphSet = Literal["braille", "block", "ascii"]
GLYPH_SETS: Final[tuple[GlyphSet, ...]] = ("braille", "block", "ascii")


@dataclass(frozen=True, slots=True)
class Glyphs:
    """Every character beyond letters and digits that the dashboard draws with.

    `spark` rises from the least to the greatest value.
    """

    name: GlyphSet
    spark: str
    bar: str
    bar_empty: str
    up: str = "▲"
    down: str = "▼"
    flat: str = "─"
    dot: str = "●"
    ring: str = "○"
    check: str = "✓"
    almost: str = "≈"
    cross: str = "✗"
    hatch: str = "╱"
    cursor: str = "▸"
    crumb: str = "›"
    ellipsis: str = "…"
    horizontal: str = "─"
    vertical: str = "│"
    corners: str = "╭╮╰╯"
    tick_left: str = "┤"
    dotted: str = "·"
    crosshair: str = "╎"
    thumb: str = "●"
    track: str = "━"
    separator: str = "·"
    shade: str = "▒"
    shades: str = "░▒▓█"


BRAILLE: Final = Glyphs("braille", "▁▂▃▄▅▆▇█", "█", "░")
BLOCK: Final = Glyphs("block", "▁▂▃▄▅▆▇█", "█", "░")
ASCII: Final = Glyphs(
    "ascii",
    "_.:-=+*#",
    "#",
    ".",
    up="^",
    down="v",
    flat="~",
    dot="*",
    ring="o",
    check="ok",
    almost="about ",
    cross="x",
    hatch="/",
    cursor=">",
    crumb=">",
    ellipsis=".",
    horizontal="-",
    vertical="|",
    corners="++++",
    tick_left="|",
    dotted=".",
    crosshair=":",
    thumb="O",
    track="-",
    separator="-",
    shade=":",
    shades=".:+#",
)

GLYPHS: Final[dict[GlyphSet, Glyphs]] = {"braille": BRAILLE, "block": BLOCK, "ascii": ASCII}


def glyphs_for(encoding: str | None, term: str | None) -> GlyphSet:
    """Return the richest set that an output of this encoding and `TERM` certainly shows."""
    if (encoding or "").lower().replace("-", "") not in {"utf8", "utf"}:
        return "ascii"
    return "block" if term in {"linux", "vt100", "vt220"} else "braille"
