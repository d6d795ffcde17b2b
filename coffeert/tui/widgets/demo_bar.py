"""The line at the foot of the demo: that something can be broken, and what becomes of it."""

from __future__ import annotations

from typing import Final

from coffeert.tui.render.spans import Line, Role, Span, line, line_width
from coffeert.tui.widgets.panel import Panel
from coffeert.wire.demo import DemoPhase, DemoState

_ROLES: Final[dict[DemoPhase, Role]] = {
    "broken": "bad",
    "healing": "warn",
    "proved": "good",
    "failed": "bad",
}
_INVITATION: Final = line(" press ", Span("!", "key"), " to break something")
_PROMISE: Final = line(": no order will be lost")


class DemoBar(Panel[tuple[DemoState | None]]):
    """One line; until something is broken it invites to do so."""

    def draw(self, model: tuple[DemoState | None], cells: int, rows: int) -> list[Line]:
        (state,) = model
        tag = Span(" demo ", "badge-warn")
        if state is None:
            invitation = line(tag, *_INVITATION)
            whole = (*invitation, *_PROMISE)
            return [whole if line_width(whole) <= cells else invitation]
        return [line(tag, " ", Span(state.text, _ROLES[state.phase]))]
