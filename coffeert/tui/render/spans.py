"""Lines of text with a role for each piece: what `render/` returns and panels paint.

A role says what a piece means; the palette decides which colour that is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Literal, NamedTuple

from coffeert.tui.render.glyphs import Glyphs
from coffeert.tui.render.text import crop, fit, width

Role = Literal[
    "text",
    "dim",
    "strong",
    "struck",
    "title",
    "accent",
    "good",
    "bad",
    "warn",
    "frame",
    "frame-focus",
    "series-1",
    "series-2",
    "ghost",
    "running",
    "area-1",
    "area-2",
    "area-3",
    "area-4",
    "full-1",
    "full-2",
    "full-3",
    "full-4",
    "over-1",
    "over-2",
    "over-3",
    "over-4",
    "line-1",
    "line-2",
    "line-3",
    "line-4",
    "hatch",
    "key",
    "own",
    "badge-good",
    "badge-warn",
    "badge-bad",
    "tab",
]

AREA_STEPS: Final = (1, 2, 3, 4)
"""The shades of a filled curve, from its foot to its top."""


def area_role(step: int) -> Role:
    """Return the role of a filled curve."""
    return _AREA[step - 1]


def full_role(step: int) -> Role:
    """Return the role of a whole cell of a filled curve: without gaps, whatever the line spacing."""
    return _FULL[step - 1]


def over_role(step: int) -> Role:
    """Return the role of a filled curve's edge in front of the ghost."""
    return _OVER[step - 1]


def line_role(step: int) -> Role:
    """Return the role of a line through a filled curve."""
    return _LINE[step - 1]


_AREA: Final[tuple[Role, ...]] = ("area-1", "area-2", "area-3", "area-4")
_FULL: Final[tuple[Role, ...]] = ("full-1", "full-2", "full-3", "full-4")
_OVER: Final[tuple[Role, ...]] = ("over-1", "over-2", "over-3", "over-4")
_LINE: Final[tuple[Role, ...]] = ("line-1", "line-2", "line-3", "line-4")


class Span(NamedTuple):
    """A piece of a line; `chosen` if it belongs to the selected row."""

    text: str
    role: Role = "text"
    chosen: bool = False


Line = tuple[Span, ...]
EMPTY: Line = ()


def line(*pieces: str | Span) -> Line:
    """Make a line; a bare string is ordinary text."""
    return tuple(Span(piece) if isinstance(piece, str) else piece for piece in pieces)


def line_width(spans: Iterable[Span]) -> int:
    """Count the cells of a line."""
    return sum(width(span.text) for span in spans)


def fit_line(spans: Sequence[Span], cells: int) -> Line:
    """Cut or pad a line to exactly `cells` cells."""
    fitted: list[Span] = []
    left = cells
    for span in spans:
        taken = width(span.text)
        if taken > left:
            if left > 0:
                fitted.append(span._replace(text=fit(crop(span.text, left), left)))
            return tuple(fitted)
        fitted.append(span)
        left -= taken
    if left > 0:
        fitted.append(Span(" " * left, chosen=bool(spans) and spans[-1].chosen))
    return tuple(fitted)


def spread(left: Sequence[Span], right: Sequence[Span], cells: int) -> Line:
    """Put one piece at each end; if both do not fit, the right one is left out."""
    space = cells - line_width(left)
    if line_width(right) + 1 > space:
        return fit_line(left, cells)
    return fit_line(left, cells - line_width(right)) + tuple(right)


def drop_to_fit(pieces: Sequence[tuple[int, Line]], cells: int, gap: int = 2) -> Line:
    """Join as many pieces as fit, in order; those with the highest number are dropped first."""
    kept = [piece for piece in pieces if piece[1]]
    while kept and sum(line_width(p) for _, p in kept) + gap * (len(kept) - 1) > cells:
        if len(kept) == 1:
            return fit_line(kept[0][1], cells)
        worst = max(range(len(kept)), key=lambda index: (kept[index][0], index))
        del kept[worst]
    joined: list[Span] = []
    for index, (_, piece) in enumerate(kept):
        if index:
            joined.append(Span(" " * gap))
        joined.extend(piece)
    return tuple(joined)


def chosen(spans: Iterable[Span]) -> Line:
    """Mark a line as the selected row."""
    return tuple(span._replace(chosen=True) for span in spans)


def framed(
    body: Sequence[Sequence[Span]],
    cells: int,
    rows: int,
    glyphs: Glyphs,
    *,
    title: Sequence[Span] = (),
    note: Sequence[Span] = (),
    foot: Sequence[Span] = (),
    focused: bool = False,
) -> list[Line]:
    """Put a box around lines: `title` in its upper edge on the left, `note` on the right, `foot` below."""
    if rows < 3 or cells < 4:
        return [fit_line(spans, cells) for spans in list(body)[:rows]]
    role: Role = "frame-focus" if focused else "frame"
    inner = cells - 2
    top = _edge(title, note, inner, glyphs, role)
    corners = glyphs.corners
    lines = [(Span(corners[0], role), *top, Span(corners[1], role))]
    side = Span(glyphs.vertical, role)
    for index in range(rows - 2):
        content = fit_line(body[index] if index < len(body) else EMPTY, inner)
        lines.append((side, *content, side))
    below = _edge(foot, (), inner, glyphs, role)
    lines.append((Span(corners[2], role), *below, Span(corners[3], role)))
    return lines


def ruled(
    title: Sequence[Span],
    note: Sequence[Span],
    cells: int,
    glyphs: Glyphs,
    *,
    focused: bool = False,
) -> Line:
    """Make a title with a rule to its right: the frame of narrow terminals."""
    return _edge(title, note, cells, glyphs, "frame-focus" if focused else "frame")


def _edge(
    title: Sequence[Span], note: Sequence[Span], cells: int, glyphs: Glyphs, role: Role
) -> Line:
    rule = glyphs.horizontal
    left: list[Span] = [Span(rule, role)]
    if title:
        left += [Span(" "), *title, Span(" ")]
    right: list[Span] = [Span(" "), *note, Span(" "), Span(rule, role)] if note else []
    space = cells - line_width(left) - line_width(right)
    if space < 0:
        right, space = [], cells - line_width(left)
    if space < 0:
        return fit_line(left, cells)
    return (*left, Span(rule * space, role), *right)
