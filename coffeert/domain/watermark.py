"""The watermark: which transactions the rollups have counted.

It is PostgreSQL's own `pg_snapshot` (`xmin:xmax:xip,...`) and not an id or a time, which lose rows under
concurrent commits. The idea is that of PgQ's ticks (Skype, 2007).
"""

from __future__ import annotations

from typing import NewType

import msgspec

Xid = NewType("Xid", int)
"""A 64-bit transaction id (`xid8`), which never wraps around, unlike the 32-bit ones."""


class Watermark(msgspec.Struct, frozen=True):
    """A `pg_snapshot`: it sees transactions below `xmax`, but not those in `xip`, all at least `xmin`."""

    xmin: int
    xmax: int
    xip: frozenset[int] = frozenset()

    @classmethod
    def parse(cls, text: str) -> Watermark:
        """Read PostgreSQL's text form; raises `ValueError` for any other text."""
        xmin, xmax, xip = text.split(":")
        return cls(
            int(xmin), int(xmax), frozenset(map(int, xip.split(","))) if xip else frozenset()
        )

    def __str__(self) -> str:
        return f"{self.xmin}:{self.xmax}:{','.join(map(str, sorted(self.xip)))}"

    def sees(self, xid: int) -> bool:
        """Return True if a committed transaction has been counted."""
        return xid < self.xmin or (xid < self.xmax and xid not in self.xip)
