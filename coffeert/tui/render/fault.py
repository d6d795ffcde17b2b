"""The line of its own that a fault has, whatever else the screen shows."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import wrap
from typing import Final

from coffeert.tui.model.data_status import DataStatus
from coffeert.tui.render.badges import reason_text, trouble_texts
from coffeert.tui.render.glyphs import Glyphs
from coffeert.tui.render.spans import Line, Role, Span, fit_line, line
from coffeert.tui.render.text import width

MAX_ROWS: Final = 2
"""On narrow terminals a fault may take a second line."""


@dataclass(frozen=True, slots=True)
class FaultModel:
    """What is wrong, the cause first; `grave` if nothing new can be seen."""

    texts: tuple[str, ...] = ()
    grave: bool = False


def fault_of(data_status: DataStatus) -> FaultModel:
    """Return what is wrong, for which the panels cannot make up."""
    if data_status.status == "lost":
        reason = reason_text(data_status) or "There is no connection to the server."
        return FaultModel((reason, _retry(data_status)), grave=True)
    if data_status.status in ("rewind", "replay"):
        return FaultModel()
    return FaultModel(trouble_texts(data_status), grave=data_status.status == "stale")


def _retry(data_status: DataStatus) -> str:
    if data_status.connecting:
        return f"Trying now (attempt {data_status.attempt})"
    if data_status.retry_in is None:
        return "r: try again"
    return f"Trying again in {data_status.retry_in:.0f} s, r: now"


def fault_rows(model: FaultModel, cells: int) -> int:
    """Return how many lines the fault takes; 0 without one."""
    return len(_texts(model, cells))


def draw_fault(model: FaultModel, cells: int, glyphs: Glyphs) -> list[Line]:
    """Draw the fault; of several, as many as fit are named, and the others counted."""
    role: Role = "badge-bad" if model.grave else "badge-warn"
    lines = []
    for number, text in enumerate(_texts(model, cells)):
        mark = f" {glyphs.cross if model.grave else glyphs.up} " if number == 0 else "   "
        lines.append(fit_line(line(Span(mark, role), Span(text, role), Span(" ", role)), cells))
    return lines


def _texts(model: FaultModel, cells: int) -> list[str]:
    room = max(8, cells - 4)
    texts = [text for text in model.texts if text]
    for count in range(len(texts), 0, -1):
        more = len(texts) - count
        shown = "  ".join((*texts[:count], *((f"{more} more on 5",) if more else ())))
        if width(shown) <= room:
            return [shown]
    if not texts:
        return []
    return wrap("  ".join(texts), room, max_lines=MAX_ROWS, placeholder=" ...")
