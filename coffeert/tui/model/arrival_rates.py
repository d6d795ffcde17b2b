"""When orders arrived here, in slots of a few seconds: what ranges of minutes are charted by."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from coffeert.domain.rollups import ZERO, Totals
from coffeert.tui.model.filter import Filter

SLOT_SECONDS: Final = 5
"""Short enough that a chart of one minute has a shape."""

_MAX_SLOTS = 2 * 300 // SLOT_SECONDS + 2  # five minutes, and the five before them


class Arrivals:
    """What was added to the totals of each store and drink, by slot; bounded in memory."""

    __slots__ = ("_pairs", "_slots", "_unknown", "counted_from")

    def __init__(self) -> None:
        self._slots: OrderedDict[int, dict[tuple[str, str], Totals]] = OrderedDict()
        self._pairs: dict[tuple[str, str], tuple[str, str]] = {}
        self._unknown: set[int] = set()
        self.counted_from: float | None = None

    def add(self, moment: float, store: str, drink: str, totals: Totals) -> None:
        """Count an increment that arrived at `moment`, in Unix seconds."""
        slot = _slot(moment)
        cells = self._slots.setdefault(slot, {})
        pair = store, drink
        cells[self._pairs.setdefault(pair, pair)] = cells.get(pair, ZERO).plus(totals)
        while len(self._slots) > _MAX_SLOTS:
            self._slots.popitem(last=False)

    def watch(self, moment: float) -> None:
        """Start counting; what arrived before is unknown rather than zero."""
        if self.counted_from is None:
            self.counted_from = moment

    def lose(self, start: float, end: float) -> None:
        """Mark [start, end), in Unix seconds, as unknown."""
        first = max(_slot(start), _slot(end) - _MAX_SLOTS * SLOT_SECONDS)
        self._unknown.update(range(first, _slot(end) + 1, SLOT_SECONDS))
        oldest = _slot(end) - _MAX_SLOTS * SLOT_SECONDS
        self._unknown = {slot for slot in self._unknown if slot >= oldest}

    def starts(self, seconds: int, now: float) -> range:
        """Return the starts of the slots of the last `seconds`, including the running one."""
        running = _slot(now)
        return range(running - seconds + SLOT_SECONDS, running + SLOT_SECONDS, SLOT_SECONDS)

    def totals(self, slot: int, wanted: Filter) -> Totals | None:
        """Return what the filter matches of one slot; `None` if unknown."""
        if self.counted_from is None or slot < _slot(self.counted_from) or slot in self._unknown:
            return None
        total = ZERO
        for (store, drink), totals in self._slots.get(slot, {}).items():
            if wanted.matches_cell(store, drink):
                total = total.plus(totals)
        return total

    def rate(self, now: float) -> float | None:
        """Return orders a second over the running slot and the one before; `None` if either is unknown.

        After a rewind the running slot is complete by now, and counts as a complete one.
        """
        running = _slot(now)
        slots = {running, running - SLOT_SECONDS}
        if self.counted_from is None or slots & self._unknown:
            return None
        count = sum(
            totals.orders for slot in slots for totals in self._slots.get(slot, {}).values()
        )
        start = max(running - SLOT_SECONDS, self.counted_from)
        past = any(slot > running for slot in self._slots)
        end = running + SLOT_SECONDS if past else now
        return count / max(end - start, 1.0)


def _slot(moment: float) -> int:
    return int(moment // SLOT_SECONDS) * SLOT_SECONDS
