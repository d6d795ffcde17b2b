"""The tape: always on, so that the session can be rewound.

Chapters each begin with a whole view, so that any moment is at most one chapter's changes away.
Changes within a second are merged: a tape is for looking back, not for timing.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import msgspec

from coffeert.client.events import Disconnected, FeedEvent, ViewChanged, ViewReset
from coffeert.tui.memory.lines import decode, encode, event_of, line_of, opening_of
from coffeert.tui.session import Session

TAPE_BYTES: Final = 32 * 1024 * 1024
"""About two hours of four stores; older chapters go first."""

CHAPTER_SECONDS: Final = 60.0
LONG_CHAPTER_SECONDS: Final = 600.0
ORDERS_LISTED: Final = 200
"""How many orders a chapter begins with."""

MANY_CELLS: Final = 20_000
"""From so many cells on a whole view is costly to write, and chapters are long."""


@dataclass(slots=True)
class Chapter:
    """A stretch of the session: moments in Unix seconds, and lines."""

    start: float
    lines: list[tuple[float, bytes]] = field(default_factory=list)
    size: int = 0


class StillClock:
    """Stands at a moment of the past."""

    def __init__(self, moment: float) -> None:
        self.moment = moment

    def now(self) -> datetime:
        """Return the moment."""
        return datetime.fromtimestamp(self.moment, UTC)

    def monotonic(self) -> float:
        """Return the moment in seconds."""
        return self.moment


class Tape:
    """Remembers what a session has heard; memory is bounded."""

    def __init__(self, session: Session, limit: int = TAPE_BYTES) -> None:
        self._session = session
        self._limit = limit
        self._chapters: deque[Chapter] = deque()
        self._pending: tuple[float, ViewChanged] | None = None
        self._size = 0

    @property
    def span(self) -> tuple[float, float] | None:
        """The first and the last moment that can be shown, in Unix seconds."""
        if not self._chapters:
            return None
        last = self._chapters[-1]
        end = self._pending[0] if self._pending else last.lines[-1][0] if last.lines else last.start
        return self._chapters[0].start, end

    @property
    def size(self) -> int:
        """How many bytes are kept."""
        return self._size

    def hear(self, event: FeedEvent) -> None:
        """Take down an event that the session has just taken."""
        at = self._session.now().timestamp()
        if isinstance(event, ViewReset):
            self._flush()
            self._begin(at)
            return
        if not self._chapters:
            return
        if isinstance(event, ViewChanged):
            self._merge(at, event)
        else:
            self._flush()
            self._add(at, event)
        if at - self._chapters[-1].start >= self._chapter_seconds():
            self._flush()
            self._begin(at)

    def session_at(self, moment: float) -> Session | None:
        """Return the session as it was at a moment; `None` where the tape does not reach."""
        chapter = next((c for c in reversed(self._chapters) if c.start <= moment), None)
        if chapter is None:
            return None
        self._flush()
        clock = StillClock(chapter.start)
        past = Session(clock)
        past.arrivals = self._session.arrivals
        past.own = self._session.own
        past.outages.extend(o for o in self._session.outages if o.start <= moment)
        for at, line in chapter.lines:
            if at > moment:
                break
            clock.moment = at
            event = event_of(decode(line), at)
            if event is not None:
                past.take(event)
        clock.moment = moment
        return past

    def _chapter_seconds(self) -> float:
        view = self._session.view
        many = view is not None and sum(1 for _ in view.picture.cells()) > MANY_CELLS
        return LONG_CHAPTER_SECONDS if many else CHAPTER_SECONDS

    def _begin(self, at: float) -> None:
        session = self._session
        if session.view is None or session.hello is None or session.totals is None:
            return
        chapter = Chapter(at)
        self._chapters.append(chapter)
        listed = session.log.newest()[:ORDERS_LISTED]
        change = msgspec.structs.replace(session.view.as_change(), recent=listed)
        reset = ViewReset(change, session.epoch, session.version, session.totals)
        moment = session.clock.monotonic()
        for line in opening_of(session.hello, reset, session.heartbeat, at, moment):
            self._write(at, encode(line))
        if session.link.state != "up":
            self._add(at, Disconnected(session.link.reason, None))

    def _merge(self, at: float, event: ViewChanged) -> None:
        if self._pending is not None and int(self._pending[0]) != int(at):
            self._flush()
        if self._pending is None:
            self._pending = at, event
        else:
            merged = self._pending[1].change.then(event.change)
            self._pending = at, ViewChanged(merged, event.version, event.received, event.totals)

    def _flush(self) -> None:
        if self._pending is not None:
            at, event = self._pending
            self._pending = None
            self._add(at, event)

    def _add(self, at: float, event: FeedEvent) -> None:
        if self._chapters:
            self._write(at, encode(line_of(event, at, self._session.clock.monotonic())))

    def _write(self, at: float, line: bytes) -> None:
        chapter = self._chapters[-1]
        chapter.lines.append((at, line))
        chapter.size += len(line)
        self._size += len(line)
        while self._size > self._limit and len(self._chapters) > 1:
            self._size -= self._chapters.popleft().size
