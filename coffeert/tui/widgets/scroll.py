"""A cursor over rows of which only some fit on the screen."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Cursor:
    """Which row is chosen, and which is the first on the screen."""

    at: int = 0
    top: int = 0

    def move(self, step: int, count: int) -> None:
        """Move by some rows, staying on one that exists."""
        self.at = max(0, min(count - 1, self.at + step))

    def settle(self, count: int, room: int) -> None:
        """Scroll so that the chosen row is on the screen."""
        self.at = max(0, min(count - 1, self.at))
        self.top = max(0, min(self.top, max(0, count - room)))
        if self.at < self.top:
            self.top = self.at
        elif self.at >= self.top + room:
            self.top = self.at - room + 1


STEPS = {"up": -1, "k": -1, "down": 1, "j": 1}


def step_of(key: str, page: int, count: int) -> int | None:
    """Return the rows that a key moves by; `None` if it is no such key."""
    if key in STEPS:
        return STEPS[key]
    pages = {"pageup": -page, "ctrl+u": -page, "pagedown": page, "ctrl+d": page}
    if key in pages:
        return pages[key]
    ends = {"home": -count, "g": -count, "G": count}
    return ends.get(key)
