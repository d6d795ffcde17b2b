"""A canvas of characters, each with a role, that can be written over one another."""

from __future__ import annotations

from coffeert.tui.render.spans import Line, Role, Span


class Canvas:
    """Characters from the upper left; what lies outside is dropped."""

    __slots__ = ("_chars", "_roles", "columns", "rows")

    def __init__(self, columns: int, rows: int) -> None:
        self.columns = columns
        self.rows = rows
        self._chars = [[" "] * columns for _ in range(rows)]
        self._roles: list[list[Role]] = [["text"] * columns for _ in range(rows)]

    def write(self, x: int, y: int, text: str, role: Role, *, behind: bool = False) -> None:
        """Write text; `behind` fills only what is blank."""
        if not 0 <= y < self.rows:
            return
        for offset, char in enumerate(text):
            at = x + offset
            # A space of another role is a cell that is all background.
            if 0 <= at < self.columns and not (behind and self._roles[y][at] != "text"):
                self._chars[y][at] = char
                self._roles[y][at] = role

    def line(self, y: int) -> Line:
        """Return one row as spans."""
        spans: list[Span] = []
        chars, roles = self._chars[y], self._roles[y]
        start = 0
        for x in range(1, self.columns + 1):
            if x == self.columns or roles[x] != roles[start]:
                spans.append(Span("".join(chars[start:x]), roles[start]))
                start = x
        return tuple(spans)
