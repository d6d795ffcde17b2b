"""The tape: always on, so that the session can be rewound.

Chapters each begin with a whole view, so that any moment is at most one chapter's changes away. Whole is
only the newest chapter's picture; an older one's is told by what has changed since. Changes within a
second are merged: a tape is for looking back, not for timing. All but the newest chapter lie on disk.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

import msgspec

from coffeert.client.events import Disconnected, FeedEvent, ViewChanged, ViewReset
from coffeert.domain.orders import Order
from coffeert.domain.rollups import Cells
from coffeert.domain.view import Change, newest
from coffeert.tui.history.event_lines import decode, encode, event_of, line_of, opening_of
from coffeert.tui.history.pages import BucketName, Pages, PageSet, apply, difference
from coffeert.tui.history.segment import Segment
from coffeert.tui.history.spill_file import SpillFile
from coffeert.tui.model.session import Session

TAPE_BYTES: Final = 64 * 1024 * 1024
"""Four stores: a day at an order a second, nine hours at 25. Older chapters go first."""

CHAPTER_SECONDS: Final = 60.0
ORDERS_LISTED: Final = 200
"""How many orders a chapter begins with."""


class _Second:
    """The changes of one second, collected cheaply and merged once."""

    __slots__ = ("_cells", "_last", "_recent", "at")

    def __init__(self, at: float, first: ViewChanged) -> None:
        self.at = at
        self._last = first
        self._cells: Cells = {}
        self._recent: list[Order] = []

    def add(self, at: float, event: ViewChanged) -> None:
        """Take in a further change."""
        self.at = at
        self._last = event
        self._cells.update(event.change.cells)
        self._recent.extend(event.change.recent)

    def event(self) -> ViewChanged:
        """Return all changes as one."""
        last = self._last
        change = msgspec.structs.replace(
            last.change, cells=self._cells, recent=newest(self._recent)
        )
        return ViewChanged(change, last.version, last.received, last.totals)


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


class RewindBuffer:
    """Remembers what a session has heard, in a bounded number of bytes."""

    def __init__(self, session: Session, limit: int = TAPE_BYTES) -> None:
        self._session = session
        self._limit = limit
        self._chapters: deque[Segment] = deque()
        self._shelf = SpillFile()
        self._pending: _Second | None = None
        self._pages = Pages()
        self._opening: PageSet = {}

    @property
    def span(self) -> tuple[float, float] | None:
        """The first and the last moment that can be shown, in Unix seconds."""
        if not self._chapters:
            return None
        end = self._pending.at if self._pending else self._chapters[-1].end
        return self._chapters[0].start, end

    @property
    def size(self) -> int:
        """How many bytes are kept, beside the newest chapter's picture."""
        return sum(chapter.size for chapter in self._chapters)

    def hear(self, event: FeedEvent) -> None:
        """Take down an event that the session has just taken."""
        at = self._session.now().timestamp()
        if isinstance(event, ViewReset) or not self._chapters:
            self._flush()
            self._pages.begin_anew()
            self._begin(at)
            return
        if isinstance(event, ViewChanged):
            self._merge(at, event)
        else:
            self._flush()
            self._add(at, event)
        if at - self._chapters[-1].start >= CHAPTER_SECONDS:
            self._flush()
            self._begin(at)

    def session_at(self, moment: float) -> Session | None:
        """Return the session as it was at a moment; `None` where the tape does not reach.

        It does not, either, where the disk does not give back what it took.
        """
        try:
            return self._session_at(moment)
        except OSError:
            return None

    def _session_at(self, moment: float) -> Session | None:
        chapter = next((c for c in reversed(self._chapters) if c.start <= moment), None)
        if chapter is None or self._session.view is None:
            return None
        clock = StillClock(chapter.start)
        past = Session(clock)
        for at, event in self._events(chapter, until=moment):
            clock.moment = at
            past.take(event)
            if isinstance(event, ViewReset) and past.view is not None:
                pages = self._pages_at(chapter)
                self._pages.restore(pages, past.view.cube, self._session.view.cube)
        clock.moment = moment
        # Only now: what is heard again must not count again.
        past.arrivals = self._session.arrivals
        past.own = self._session.own
        past.outages.clear()
        past.outages.extend(replace(o) for o in self._session.outages if o.start <= moment)
        return past

    def _events(self, chapter: Segment, until: float) -> Iterator[tuple[float, FeedEvent]]:
        """Yield what a chapter tells; looking back writes nothing, and so nothing has to go for it."""
        for at, line in chapter.read(until):
            event = event_of(decode(line), at)
            if event is not None:
                yield at, event
        pending = self._pending
        if pending is not None and chapter is self._chapters[-1] and pending.at <= until:
            line_now = line_of(pending.event(), pending.at, self._session.clock.monotonic())
            event = event_of(line_now, pending.at)
            if event is not None:
                yield pending.at, event

    def _pages_at(self, chapter: Segment) -> PageSet:
        pages: dict[BucketName, bytes] = dict(self._opening)
        for each in reversed(self._chapters):
            apply(each.undo(), pages)
            if each is chapter:
                break
        return pages

    def _begin(self, at: float) -> None:
        session = self._session
        if session.view is None or session.hello is None or session.totals is None:
            return
        if session.heartbeat is None:  # the server's time is not known yet
            return
        view = session.view
        opening = self._pages.of(view.cube)
        if self._chapters:
            self._chapters[-1].close(difference(opening, self._opening), self._shelf)
        self._opening = opening
        self._chapters.append(Segment(at))
        listed = session.log.newest()[:ORDERS_LISTED]
        change = Change(view.cube.retention, view.data_time, {}, listed)
        reset = ViewReset(change, session.epoch, session.version, session.totals)
        moment = session.clock.monotonic()
        for line in opening_of(session.hello, reset, session.heartbeat, at, moment):
            self._write(at, encode(line))
        if session.link.state != "up":
            self._add(at, Disconnected(session.link.reason, None))

    def _merge(self, at: float, event: ViewChanged) -> None:
        if self._pending is not None and int(self._pending.at) != int(at):
            self._flush()
        if self._pending is None:
            self._pending = _Second(at, event)
        self._pending.add(at, event)
        self._pages.change({(key.grain, key.bucket) for key in event.change.cells})

    def _flush(self) -> None:
        if self._pending is not None:
            second, self._pending = self._pending, None
            self._add(second.at, second.event())

    def _add(self, at: float, event: FeedEvent) -> None:
        if self._chapters:
            self._write(at, encode(line_of(event, at, self._session.clock.monotonic())))

    def _write(self, at: float, line: bytes) -> None:
        self._chapters[-1].write(at, line)
        while len(self._chapters) > 1 and self.size > self._limit:
            self._chapters.popleft()
