"""The tape: always on, so that the session can be rewound.

Chapters each begin with a whole view, so that any moment is at most one chapter's changes away; the
pages of its picture are shared with the chapter before where nothing has changed. Changes within a
second are merged: a tape is for looking back, not for timing.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

import msgspec

from coffeert.cells import Cells
from coffeert.client.events import Disconnected, FeedEvent, ViewChanged, ViewReset
from coffeert.order import Order
from coffeert.tui.memory.lines import decode, encode, event_of, line_of, opening_of
from coffeert.tui.memory.pages import Pages, PageSet
from coffeert.tui.session import Session
from coffeert.view import Change, newest

TAPE_BYTES: Final = 32 * 1024 * 1024
"""Four stores: four hours at an order a second, over one at twenty. Older chapters go first."""

CHAPTER_SECONDS: Final = 60.0
ORDERS_LISTED: Final = 200
"""How many orders a chapter begins with."""


@dataclass(slots=True)
class Chapter:
    """A stretch of the session: the picture it begins with, and lines with their moments in Unix seconds.

    `size` is that of the lines, in bytes.
    """

    start: float
    pages: PageSet
    lines: list[tuple[float, bytes]] = field(default_factory=list)
    size: int = 0

    def own_pages(self, neighbour: Chapter | None) -> int:
        """Return the bytes of the pages that the chapter beside it does not share."""
        shared = {} if neighbour is None else neighbour.pages
        return sum(len(page) for name, page in self.pages.items() if shared.get(name) is not page)


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


class Tape:
    """Remembers what a session has heard; memory is bounded."""

    def __init__(self, session: Session, limit: int = TAPE_BYTES) -> None:
        self._session = session
        self._limit = limit
        self._chapters: deque[Chapter] = deque()
        self._pending: _Second | None = None
        self._pages = Pages()
        self._size = 0

    @property
    def span(self) -> tuple[float, float] | None:
        """The first and the last moment that can be shown, in Unix seconds."""
        if not self._chapters:
            return None
        last = self._chapters[-1]
        end = self._pending.at if self._pending else last.lines[-1][0] if last.lines else last.start
        return self._chapters[0].start, end

    @property
    def size(self) -> int:
        """How many bytes are kept."""
        return self._size

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
        """Return the session as it was at a moment; `None` where the tape does not reach."""
        chapter = next((c for c in reversed(self._chapters) if c.start <= moment), None)
        if chapter is None or self._session.view is None:
            return None
        self._flush()
        clock = StillClock(chapter.start)
        past = Session(clock)
        for at, line in chapter.lines:
            if at > moment:
                break
            clock.moment = at
            event = event_of(decode(line), at)
            if event is not None:
                past.take(event)
            if isinstance(event, ViewReset) and past.view is not None:
                self._pages.restore(chapter.pages, past.view.picture, self._session.view.picture)
        clock.moment = moment
        # Only now: what is heard again must not count again.
        past.arrivals = self._session.arrivals
        past.own = self._session.own
        past.outages.clear()
        past.outages.extend(replace(o) for o in self._session.outages if o.start <= moment)
        return past

    def _begin(self, at: float) -> None:
        session = self._session
        if session.view is None or session.hello is None or session.totals is None:
            return
        if session.heartbeat is None:  # the server's time is not known yet
            return
        view = session.view
        chapter = Chapter(at, self._pages.of(view.picture))
        self._size += chapter.own_pages(self._chapters[-1] if self._chapters else None)
        self._chapters.append(chapter)
        listed = session.log.newest()[:ORDERS_LISTED]
        change = Change(view.picture.horizon, view.data_time, {}, listed)
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

    def _flush(self) -> None:
        if self._pending is not None:
            second, self._pending = self._pending, None
            event = second.event()
            self._pages.change({(key.grain, key.bucket) for key in event.change.cells})
            self._add(second.at, event)

    def _add(self, at: float, event: FeedEvent) -> None:
        if self._chapters:
            self._write(at, encode(line_of(event, at, self._session.clock.monotonic())))

    def _write(self, at: float, line: bytes) -> None:
        chapter = self._chapters[-1]
        chapter.lines.append((at, line))
        chapter.size += len(line)
        self._size += len(line)
        while self._size > self._limit and len(self._chapters) > 1:
            oldest = self._chapters.popleft()
            self._size -= oldest.size + oldest.own_pages(self._chapters[0])
