"""A recording as a feed."""

from __future__ import annotations

import asyncio
import gzip
import time
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

import msgspec

from coffeert.client import PlacedOrder
from coffeert.client.events import Disconnected, FeedEvent
from coffeert.domain.orders import Draft
from coffeert.errors import Forbidden
from coffeert.tui.history.event_lines import FORMAT, EventLine, StartLine, decode, event_of
from coffeert.tui.history.recorder import RecordingError
from coffeert.tui.model.past import StoppedClock
from coffeert.tui.model.session import Session
from coffeert.wire.frames import Snapshot, columns

_EVENT_PREFIX = b'{"coffeert":'


class ReplayClock:
    """A clock that starts at a recording's first moment and runs `speed` times as fast."""

    def __init__(
        self, start: float, speed: float, timer: Callable[[], float] = time.monotonic
    ) -> None:
        self._start = start
        self.speed = speed
        self._timer = timer
        self._began = timer()
        self._stopped: float | None = None

    def now(self) -> datetime:
        """Return the recording's moment."""
        return datetime.fromtimestamp(self.monotonic(), UTC)

    def monotonic(self) -> float:
        """Return the recording's moment in seconds."""
        if self._stopped is not None:
            return self._stopped
        return self._start + (self._timer() - self._began) * self.speed

    def stop(self) -> None:
        """Stop at this moment: the recording knows nothing later."""
        self._stopped = self.monotonic()

    def until(self, moment: float) -> float:
        """Return how many real seconds are left until a moment of the recording."""
        return (moment - self.monotonic()) / self.speed


class Replayer:
    """Yields recorded events with their original timing; raises `RecordingError` for other files."""

    def __init__(self, path: Path, speed: float = 1.0) -> None:
        self._path = path
        first = next(read(path), None)
        if not isinstance(first, StartLine):
            raise RecordingError(f"{path} is no recording of coffeert-tui.")
        if first.format != FORMAT:
            raise RecordingError(f"{path} has format {first.format}; this version reads {FORMAT}.")
        self.server = first.server
        self.clock = ReplayClock(first.at, speed)

    async def events(self) -> AsyncIterator[FeedEvent]:
        """Yield the recorded events at their time, and then a `Disconnected`."""
        for line in read(self._path):
            wait = self.clock.until(line.at)
            await asyncio.sleep(max(0.0, wait))
            try:
                event = event_of(line, self.clock.monotonic())
            except (LookupError, ValueError):
                raise RecordingError(f"{self._path} contradicts itself.") from None
            if event is not None:
                yield event
        self.clock.stop()
        yield Disconnected("The recording is over.", None)

    async def dashboard(self, at: datetime | None = None) -> Snapshot:
        """Return the view as it was at a moment of the recording; raises `RecordingError`."""
        moment = self.clock.monotonic() if at is None else at.timestamp()
        return await asyncio.to_thread(self._snapshot, moment)

    def _snapshot(self, moment: float) -> Snapshot:
        clock = StoppedClock(moment)
        session = Session(clock)
        for line in read(self._path):
            if line.at > moment:
                break
            clock.moment = line.at
            event = event_of(line, line.at)
            if event is not None:
                session.apply(event)
        view = session.view
        if view is None:
            raise RecordingError("The recording begins later.")
        shown = columns(
            view.as_change(), view.cube.totals(), view.cube.top_drinks(), session.places
        )
        return Snapshot(epoch=session.epoch, version=session.version, view=shown)

    async def place(self, draft: Draft, *, timeout: float = 10) -> PlacedOrder:  # noqa: ASYNC109 (the contract's name)
        """Raise `Forbidden`: a recording takes no orders."""
        _refuse()

    def reconnect_now(self) -> None:
        """Do nothing: there is no connection."""


def read(path: Path) -> Iterator[EventLine]:
    """Read the lines of a recording; a name that ends in `.gz` means gzip.

    Raises `RecordingError` if it cannot be read.
    """
    number = 0
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            for text in file:
                number += 1
                if text.startswith(_EVENT_PREFIX):
                    yield decode(text)
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise RecordingError(f"{path} is no whole gzip file.") from None
    except OSError as error:
        raise RecordingError(f"{path} cannot be read: {error.strerror}.") from None
    except (msgspec.DecodeError, ValueError):
        raise RecordingError(f"{path} cannot be read at line {number}.") from None


def _refuse() -> NoReturn:
    raise Forbidden("A recording takes no orders.")
