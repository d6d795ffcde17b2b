"""Draws suggestions below an input."""

from __future__ import annotations

from collections.abc import Sequence

from coffeert.tui.render.glyphs import Glyphs
from coffeert.tui.render.spans import Line, Span, line


def suggestion_lines(
    offered: Sequence[tuple[str, str]], at: int, rows: int, glyphs: Glyphs
) -> list[Line]:
    """Return at most `rows` suggestions, each a text and what it is, around the chosen one."""
    first = max(0, min(at - rows // 2, len(offered) - rows))
    drawn = []
    for number, (label, detail) in enumerate(offered[first : first + rows], first):
        here = number == at
        mark = f"{glyphs.cursor} " if here else "  "
        drawn.append(
            line(
                Span(mark, "accent"),
                Span(label, "strong" if here else "text"),
                Span(f"  {detail}", "dim"),
            )
        )
    return drawn
