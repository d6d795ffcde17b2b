"""The order of the change feed, and the cursors by which a reader says how far it has come.

Ticks cut the orders into parts (sql/migrations, feed_tick). A cursor stands behind a whole part, or behind
one order of a part. It holds a check over the ticks that it depends on, so that one of another history,
or one whose ticks were deleted, is noticed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

import msgspec

_CURSOR: Final = re.compile(
    r"([0-9a-f]{12})\.([1-9][0-9]{0,17})(?:\.([A-Za-z0-9_-]{22}))?\.([0-9a-f]{8})", re.ASCII
)
NOTHING_SEEN: Final = "1:1:"
"""The snapshot before the first tick."""


class FeedTick(msgspec.Struct, frozen=True):
    """A tick: everything that `snapshot` sees is in its part or in an earlier one."""

    lineage: str
    number: int
    snapshot: str
    time: datetime

    @property
    def identity(self) -> str:
        """A text that two ticks never share; `time` differs even where number and snapshot agree."""
        return f"{self.lineage}/{self.number}/{self.snapshot}/{self.time.isoformat()}"


class FeedPlace(msgspec.Struct, frozen=True, gc=False):
    """The place of an order within its part: voids come last, then transactions in their order."""

    is_void: bool
    xid: int
    order_id: UUID


class FeedPosition(msgspec.Struct, frozen=True):
    """How far a reader has come: behind the part of `after`, `None` for nothing read.

    If it stands in the middle of the next part: `part` is that part's tick and `place` the last order read.
    """

    after: FeedTick | None = None
    part: FeedTick | None = None
    place: FeedPlace | None = None

    def cursor(self) -> str:
        """Return the text by which a reader comes back here."""
        if self.part is not None and self.place is not None:
            prefix, check = partial_cursor(self.after, self.part)
            return f"{prefix}{order_text(self.place.order_id)}{check}"
        return BEGINNING if self.after is None else whole_cursor(self.after)


BEGINNING: Final = "beginning"
"""The cursor of a reader that has read nothing."""


class FeedCursor(msgspec.Struct, frozen=True):
    """A cursor as a reader gives it back; `order_id` is `None` behind a whole part.

    Nothing is known yet of whether its ticks are there.
    """

    lineage: str
    number: int
    order_id: UUID | None
    check: str

    @classmethod
    def parse(cls, text: str) -> FeedCursor:
        """Read what `FeedPosition.cursor` wrote; raises `ValueError`."""
        match = _CURSOR.fullmatch(text)
        if match is None:
            raise ValueError("is no cursor of a feed")
        lineage, number, order, check = match.groups()
        return cls(lineage, int(number), None if order is None else _order_id(order), check)


FeedStart = FeedCursor | datetime | Literal["beginning", "now"]
"""Where a reader begins: behind a cursor, or where what was committed at a moment begins."""


def whole_cursor(tick: FeedTick) -> str:
    """Return the cursor behind the part of a tick."""
    return f"{tick.lineage}.{tick.number}.{_digest(tick.identity)}"


def partial_cursor(after: FeedTick | None, part: FeedTick) -> tuple[str, str]:
    """Return what stands before and behind the order in the cursors within a part.

    Both of its ends count: when ticks before it are deleted, the oldest part begins earlier.
    """
    begin = "" if after is None else after.identity
    return f"{part.lineage}.{part.number}.", f".{_digest(f'{begin} {part.identity}')}"


def order_text(order_id: UUID) -> str:
    """Write an order id as in a cursor."""
    return binascii.b2a_base64(order_id.bytes, newline=False)[:22].translate(_URL_SAFE).decode()


def cursor_check(cursor: str) -> str:
    """Return the check at the end of a cursor."""
    return cursor.rpartition(".")[2]


_URL_SAFE: Final = bytes.maketrans(b"+/", b"-_")


def _order_id(text: str) -> UUID:
    return UUID(bytes=base64.urlsafe_b64decode(text + "=="))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
