"""The watermark: which transactions the rollups have counted.

PostgreSQL's own `pg_snapshot` (`xmin:xmax:xip,...`), not an id or a time: under concurrent commits
those lose rows, and this does not. The idea is that of PgQ's ticks (Skype, 2007).
"""

from __future__ import annotations

from typing import NewType

import msgspec

Xid = NewType("Xid", int)
"""A 64-bit transaction id (`xid8`); never wraps, unlike the 32-bit ones."""


class Watermark(msgspec.Struct, frozen=True):
    """A `pg_snapshot`: transactions below `xmin` are in it, from `xmax` on not, nor those in `xip`."""

    xmin: int
    xmax: int
    xip: frozenset[int] = frozenset()

    @classmethod
    def parse(cls, text: str) -> Watermark:
        """Read PostgreSQL's text form; raises `ValueError` where it is no such text."""
        xmin, xmax, xip = text.split(":")
        return cls(
            int(xmin), int(xmax), frozenset(map(int, xip.split(","))) if xip else frozenset()
        )

    def __str__(self) -> str:
        return f"{self.xmin}:{self.xmax}:{','.join(map(str, sorted(self.xip)))}"

    def sees(self, xid: int) -> bool:
        """Tell whether a committed transaction has been counted."""
        return xid < self.xmin or (xid < self.xmax and xid not in self.xip)
