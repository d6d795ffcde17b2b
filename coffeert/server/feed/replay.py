"""What dashboards showed between two moments, from the feed: the frames of a WebSocket, event by event."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from coffeert import __version__
from coffeert.domain.calendar import Calendars
from coffeert.domain.feed import FeedPosition
from coffeert.domain.orders import Order
from coffeert.domain.retention_window import RetentionWindow
from coffeert.domain.rollups import SECONDS, CellKey, at_all_grains, floor, tally_orders
from coffeert.domain.view import Change, View
from coffeert.errors import FieldError, Invalid
from coffeert.postgres.known_view import KnownView
from coffeert.server.feed.source import FeedSource
from coffeert.wire import frames
from coffeert.wire.frames import Columns
from coffeert.wire.orders import MenuBody

FRAME: Final = timedelta(milliseconds=20)
"""Orders that were received within so short a time are one frame, as they were for dashboards."""

_COMMITTED_WITHIN: Final = timedelta(seconds=10)
"""The feed is in the order of transactions: an order that was received earlier may come so much later."""
_EPOCH: Final = "replay"
_HEARTBEAT_SECONDS: Final = 1.0

LoadView = Callable[[FeedPosition, datetime], Awaitable[KnownView]]


class Replay:
    """Makes the frames of a time that is over; `load` reads the view that was known where it begins."""

    def __init__(
        self,
        source: FeedSource,
        load: LoadView,
        *,
        menu: Callable[[], MenuBody],
        zone: Callable[[], str],
        places: Callable[[], int],
    ) -> None:
        self._source = source
        self._load = load
        self._menu = menu
        self._zone = zone
        self._places = places

    async def frames(self, first: datetime, last: datetime) -> AsyncIterator[bytes]:
        """Yield a hello, the view at the first moment, and what changed until the last one.

        Raises `Invalid` if the feed does not reach back so far, `Gone`, `DatabaseUnavailable`.
        """
        position = await self._source.position(first)
        if position.after is None and await self._source.has_forgotten():
            message = "lies before the oldest tick of the feed that is kept (feed_retention)"
            raise Invalid(f"from {message}.", errors=(FieldError("from", message),))
        state = _ReplayState(await self._load(position, first), self._places())
        begun = False
        async for batch in self._batches(position, first, last):
            if not begun and batch[0].received_at >= first:
                begun = True
                for frame in self._opening(state):
                    yield frame
            if not begun:
                state.apply(batch, first)
                continue
            for frame in state.minutes(batch[0].received_at):
                yield frame
            yield state.delta(batch)
        if not begun:
            for frame in self._opening(state):
                yield frame
        for frame in state.minutes(last):
            yield frame

    async def _batches(
        self, position: FeedPosition, first: datetime, last: datetime
    ) -> AsyncIterator[list[Order]]:
        """Yield the orders up to the last moment, those of one frame together.

        Those that were received before the first moment, and committed after it, are by themselves.
        """
        batch: list[Order] = []
        async for order in self._orders(position):
            if order.received_at > last + _COMMITTED_WITHIN:
                break
            if order.received_at > last:
                continue
            if batch and (
                order.received_at - batch[0].received_at > FRAME
                or (order.received_at >= first) != (batch[0].received_at >= first)
            ):
                yield batch
                batch = []
            batch.append(order)
        if batch:
            yield batch

    async def _orders(self, position: FeedPosition) -> AsyncIterator[Order]:
        while (found := await self._source.following(position)) is not None:
            chunk, begin = found
            for order in chunk.orders(begin):
                yield order
            position = chunk.end

    def _opening(self, state: _ReplayState) -> Iterable[bytes]:
        hello = frames.Hello(
            protocol=frames.PROTOCOL,
            server=f"coffeert {__version__}",
            epoch=_EPOCH,
            version=0,
            heartbeat=_HEARTBEAT_SECONDS,
            timezone=self._zone(),
            menu=self._menu(),
        )
        return frames.encode(hello), state.snapshot()


class _ReplayState:
    """The view at a moment of the replay."""

    def __init__(self, known: KnownView, places: int) -> None:
        self._view = View(known.change)
        self._calendars: Calendars = known.calendars
        self._now = known.change.data_time
        self._places = places
        self._version = 0

    def snapshot(self) -> bytes:
        """Encode the whole view."""
        frame = frames.Snapshot(
            epoch=_EPOCH, version=self._version, view=self._columns(self._view.as_change())
        )
        return frames.encode(frame)

    def minutes(self, moment: datetime) -> Iterable[bytes]:
        """Encode the beginning of each minute until a moment, with which windows move."""
        while (minute := self._next_minute()) <= moment:
            yield self._delta(self.apply([], minute))

    def delta(self, orders: list[Order]) -> bytes:
        """Encode what orders change when the first of them is received."""
        return self._delta(self.apply(orders, max(self._now, orders[0].received_at)))

    def apply(self, orders: list[Order], moment: datetime) -> Change:
        """Add orders to the view at a moment; return what that changes."""
        view, self._now = self._view, moment
        retention = RetentionWindow.at(moment, self._calendars)
        view.cube.move_to(retention)
        changed: list[CellKey] = []
        for key, totals in at_all_grains(tally_orders(orders), self._calendars).items():
            if view.cube.add(key, totals):
                changed.append(key)
        recent = view.add_recent(orders)
        view.data_time = moment
        return Change(retention, moment, {key: view.cube.get(key) for key in changed}, recent)

    def _next_minute(self) -> datetime:
        minute = floor(int(self._now.timestamp()), "minute") + SECONDS["minute"]
        return datetime.fromtimestamp(minute, UTC)

    def _delta(self, change: Change) -> bytes:
        before, self._version = self._version, self._version + 1
        frame = frames.Delta(
            epoch=_EPOCH, from_=before, to=self._version, view=self._columns(change)
        )
        return frames.encode(frame)

    def _columns(self, change: Change) -> Columns:
        cube = self._view.cube
        return frames.columns(change, cube.totals(), cube.top_drinks(), self._places)
