"""Records the session all the time, so that it can be rewound; see docs/decisions/0019.

A segment begins with a whole view, so that any moment is at most a segment's changes away. Changes within
a second are merged: rewinding shows sums, not timing. All but the newest segment lie on disk.
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
from coffeert.tui.history.segment import (
    BucketKey,
    CubeEncoder,
    EncodedCube,
    Segment,
    apply_difference,
    difference,
)
from coffeert.tui.history.spill_file import SpillFile
from coffeert.tui.model.session import Session

MAX_BUFFER_BYTES: Final = 64 * 1024 * 1024
"""With four stores, a day at an order a second, nine hours at 25."""

SEGMENT_SECONDS: Final = 60.0
MAX_ORDERS_LISTED: Final = 200
"""How many recent orders a segment begins with."""


class RewindBuffer:
    """Keeps what a session has received, in at most `max_bytes`; the oldest segments are dropped first."""

    def __init__(self, session: Session, max_bytes: int = MAX_BUFFER_BYTES) -> None:
        self._session = session
        self._max_bytes = max_bytes
        self._segments: deque[Segment] = deque()
        self._spill_file = SpillFile()
        self._pending: _MergedChanges | None = None
        self._encoder = CubeEncoder()
        self._opening: EncodedCube = {}

    @property
    def span(self) -> tuple[float, float] | None:
        """The first and the last moment that can be shown, in Unix seconds."""
        if not self._segments:
            return None
        end = self._pending.at if self._pending else self._segments[-1].end
        return self._segments[0].start, end

    @property
    def size(self) -> int:
        """The bytes kept, in memory and on disk, without the newest segment's opening cube."""
        return sum(segment.size for segment in self._segments)

    def record(self, event: FeedEvent) -> None:
        """Record an event that the session has just applied."""
        at = self._session.now().timestamp()
        if isinstance(event, ViewReset) or not self._segments:
            self._flush()
            self._encoder.reset()
            self._begin(at)
            return
        if isinstance(event, ViewChanged):
            self._merge(at, event)
        else:
            self._flush()
            self._add(at, event)
        if at - self._segments[-1].start >= SEGMENT_SECONDS:
            self._flush()
            self._begin(at)

    def session_at(self, moment: float) -> Session | None:
        """Return the session as it was at a moment in Unix seconds; `None` if that is not known any more.

        The same if the disk does not return what was spilled.
        """
        try:
            return self._session_at(moment)
        except OSError:
            return None

    def _session_at(self, moment: float) -> Session | None:
        segment = next((s for s in reversed(self._segments) if s.start <= moment), None)
        if segment is None or self._session.view is None:
            return None
        clock = StoppedClock(segment.start)
        past = Session(clock)
        for at, event in self._events(segment, until=moment):
            clock.moment = at
            past.apply(event)
            if isinstance(event, ViewReset) and past.view is not None:
                opening = self._opening_of(segment)
                self._encoder.restore(opening, past.view.cube, self._session.view.cube)
        clock.moment = moment
        # Only now: what is applied again here must not be counted again there.
        past.arrivals = self._session.arrivals
        past.own = self._session.own
        past.outages.clear()
        past.outages.extend(replace(o) for o in self._session.outages if o.start <= moment)
        return past

    def _events(self, segment: Segment, until: float) -> Iterator[tuple[float, FeedEvent]]:
        """Yield the events of a segment; pending changes are read, not written, so nothing is dropped."""
        for at, line in segment.read(until):
            event = event_of(decode(line), at)
            if event is not None:
                yield at, event
        pending = self._pending
        if pending is not None and segment is self._segments[-1] and pending.at <= until:
            line_now = line_of(pending.event(), pending.at, self._session.clock.monotonic())
            event = event_of(line_now, pending.at)
            if event is not None:
                yield pending.at, event

    def _opening_of(self, segment: Segment) -> EncodedCube:
        cube: dict[BucketKey, bytes] = dict(self._opening)
        for each in reversed(self._segments):
            apply_difference(each.undo(), cube)
            if each is segment:
                break
        return cube

    def _begin(self, at: float) -> None:
        session = self._session
        if session.view is None or session.hello is None or session.totals is None:
            return
        if session.heartbeat is None:  # the server's time is not known yet
            return
        view = session.view
        opening = self._encoder.encode(view.cube)
        if self._segments:
            self._segments[-1].close(difference(opening, self._opening), self._spill_file)
        self._opening = opening
        self._segments.append(Segment(at))
        listed = session.log.newest()[:MAX_ORDERS_LISTED]
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
            self._pending = _MergedChanges(at, event)
        self._pending.add(at, event)
        self._encoder.invalidate({(key.grain, key.bucket) for key in event.change.cells})

    def _flush(self) -> None:
        if self._pending is not None:
            pending, self._pending = self._pending, None
            self._add(pending.at, pending.event())

    def _add(self, at: float, event: FeedEvent) -> None:
        if self._segments:
            self._write(at, encode(line_of(event, at, self._session.clock.monotonic())))

    def _write(self, at: float, line: bytes) -> None:
        self._segments[-1].write(at, line)
        while len(self._segments) > 1 and self.size > self._max_bytes:
            self._segments.popleft()


class _MergedChanges:
    """The changes of one second, collected cheaply and merged once."""

    __slots__ = ("_cells", "_last", "_recent", "at")

    def __init__(self, at: float, first: ViewChanged) -> None:
        self.at = at
        self._last = first
        self._cells: Cells = {}
        self._recent: list[Order] = []

    def add(self, at: float, event: ViewChanged) -> None:
        self.at = at
        self._last = event
        self._cells.update(event.change.cells)
        self._recent.extend(event.change.recent)

    def event(self) -> ViewChanged:
        last = self._last
        change = msgspec.structs.replace(
            last.change, cells=self._cells, recent=newest(self._recent)
        )
        return ViewChanged(change, last.version, last.received, last.totals)


class StoppedClock:
    """A clock that stands at a moment, in Unix seconds, until it is moved."""

    def __init__(self, moment: float) -> None:
        self.moment = moment

    def now(self) -> datetime:
        """Return the moment, in UTC."""
        return datetime.fromtimestamp(self.moment, UTC)

    def monotonic(self) -> float:
        """Return the moment in seconds."""
        return self.moment
