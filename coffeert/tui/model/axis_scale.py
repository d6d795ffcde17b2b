"""The top of a value axis: it grows at once and shrinks slowly, so that a curve does not jump."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final

SHRINK_AFTER_SECONDS: Final = 120.0


def nice_ceiling(value: float) -> float:
    """Return the smallest round number (1 to 8 times a power of ten) that is not below `value`."""
    if value <= 0:
        return 1.0
    power = 1.0
    while power * 10 <= value:
        power *= 10
    while power > value:
        power /= 10
    for factor in (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8):
        if factor * power >= value * (1 - 1e-12):
            return factor * power
    return 10 * power


class AxisScale:
    """The top of the axis of one chart."""

    __slots__ = ("_of", "_smaller_since", "_top", "_wanted")

    def __init__(self) -> None:
        self._of: Hashable = None
        self._top = 0.0
        self._wanted = 0.0
        self._smaller_since: float | None = None

    def top(self, of: Hashable, greatest: float, now: float) -> float:
        """Return the top for the greatest value shown; `now` is in monotonic seconds.

        `of` names what is shown: for something else the axis begins again.
        """
        needed = nice_ceiling(greatest)
        if of != self._of or needed >= self._top:
            self._of, self._top, self._smaller_since = of, needed, None
            return needed
        if self._smaller_since is None:
            self._smaller_since, self._wanted = now, needed
        self._wanted = max(self._wanted, needed)
        if now - self._smaller_since >= SHRINK_AFTER_SECONDS:
            self._top, self._smaller_since = self._wanted, None
        return self._top
