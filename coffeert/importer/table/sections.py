"""Noticing that a file holds several tables, which must not be half loaded."""

from __future__ import annotations

from coffeert.errors import ConfigError
from coffeert.importer.table.grid import Cells, filled, is_value, width
from coffeert.importer.table.heading import Heading, is_heading, several_tables


class SectionWatch:
    """Sees the rows below a heading in their order; runs of plain ones need not be shown but the first.

    Another table begins with another heading after an empty row or one of another width, or with the same
    heading under a title of its own. The same heading alone, or under the same title, is a new page.
    """

    def __init__(self, name: str, heading: Heading, place: str) -> None:
        self._name = name
        self._heading = heading
        self._place = place
        self._apart = False
        """Whether the row before was empty or of another width."""
        self._new_title = False
        self._candidate: tuple[int, Cells] | None = None

    def plain(self) -> None:
        """The rows up to here belong to the table."""
        self._apart = self._new_title = False
        self._candidate = None

    def see(self, line: int, cells: Cells) -> None:
        """Raise `ConfigError` if another table begins here, or began in the row before."""
        count = width(cells)
        if len(self._heading.cells) == 1:
            return
        if not count:
            self._apart = True
            return
        if cells == self._heading.cells:
            if self._new_title:
                raise self._several(line)
            return
        if self._candidate is not None:
            start, names = self._candidate
            alike = count == width(names) or len(cells) == len(names) != len(self._heading.cells)
            if alike and any(map(is_value, filled(cells))):
                raise self._several(start)
        fits = len(cells) == len(self._heading.cells)
        begins = (self._apart or not fits) and len(filled(cells)) == count and is_heading(cells, [])
        self._candidate = (line, cells) if begins else None
        self._apart = not fits
        self._new_title = not fits and cells not in self._heading.above

    def _several(self, line: int) -> ConfigError:
        return several_tables(self._name, self._place, self._heading.line, line)
