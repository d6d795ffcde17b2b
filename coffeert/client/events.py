"""What the clients report: orders that were placed, and the events of a dashboard feed.

Nothing here connects, so that importing it does not load aiohttp.
"""

from __future__ import annotations

import asyncio

import msgspec

from coffeert.domain.orders import Order
from coffeert.domain.rollup_cube import WindowTotals
from coffeert.domain.view import Change
from coffeert.wire.frames import Heartbeat, Hello
from coffeert.wire.orders import MenuBody


class PlacedOrder(msgspec.Struct, frozen=True):
    """An order that is committed.

    `replayed`: the server had it already, perhaps from an earlier attempt of this call. `submitted` and
    `committed` are when it was first sent and when the answer came, in seconds of `time.monotonic()`.
    """

    order: Order
    replayed: bool
    attempts: int
    submitted: float
    committed: float


class Connecting(msgspec.Struct, frozen=True):
    """A connection is being opened; `attempt` counts from 1 since the last one that worked."""

    attempt: int


class Connected(msgspec.Struct, frozen=True):
    """The server has said hello.

    `resumed`: it is in the epoch of the view that the feed has, which therefore stays; if the server no
    longer has the changes in between, a `ViewReset` follows.
    """

    hello: Hello
    resumed: bool


class ViewReset(msgspec.Struct, frozen=True):
    """A whole new view. `change` leads from an empty view to it; `totals` are the server's sums."""

    change: Change
    epoch: str
    version: int
    totals: WindowTotals


class ViewChanged(msgspec.Struct, frozen=True):
    """The view moved on to `version`; `totals` are the server's sums over it.

    Changes that a reader was too slow to take are merged into one; `received` is when the first of them
    arrived, in seconds of `time.monotonic()`.
    """

    change: Change
    version: int
    received: float
    totals: WindowTotals


class Beat(msgspec.Struct, frozen=True):
    """The server is alive; its figures are in the heartbeat."""

    heartbeat: Heartbeat


class MenuUpdated(msgspec.Struct, frozen=True):
    """The menu has changed; also reported once after the first connection."""

    menu: MenuBody


class GapFound(msgspec.Struct, frozen=True):
    """A change was missing: the view was at version `expected`, the next change began at `got`.

    The feed has already asked for the whole view; a `ViewReset` follows, or a change across the gap.
    """

    expected: int
    got: int


class Disconnected(msgspec.Struct, frozen=True):
    """The connection is gone, or could not be opened; `reason` is a plain phrase.

    `retry_in` is in seconds; `None` if the feed does not try again, because of `retry=False`.
    """

    reason: str
    retry_in: float | None


FeedEvent = (
    Connecting | Connected | ViewReset | ViewChanged | Beat | MenuUpdated | GapFound | Disconnected
)


class EventBuffer:
    """Holds at most one pending event of each kind, so a slow reader costs bounded memory.

    A newer event replaces the pending one of its kind and moves to the end, except that changes are
    merged, so that the reader still learns of every cell that changed.
    """

    def __init__(self) -> None:
        self._pending: dict[type[FeedEvent], FeedEvent] = {}
        self._changed = asyncio.Event()
        self._closed = False
        self._failure: Exception | None = None

    def put(self, event: FeedEvent) -> None:
        """Add an event; never waits."""
        kind = type(event)
        before = self._pending.pop(kind, None)
        if isinstance(event, ViewReset):
            self._pending.pop(ViewChanged, None)
        elif isinstance(event, ViewChanged) and isinstance(before, ViewChanged):
            event = msgspec.structs.replace(
                event, change=before.change.then(event.change), received=before.received
            )
        self._pending[kind] = event
        self._changed.set()

    def close(self, failure: Exception | None = None) -> None:
        """Let the reader end once it has taken what is pending, by raising `failure` if there is one."""
        self._closed = True
        self._failure = self._failure or failure
        self._changed.set()

    async def get(self) -> FeedEvent | None:
        """Wait for the oldest pending event; `None` when the buffer is closed and empty."""
        while not self._pending:
            if self._failure is not None:
                raise self._failure
            if self._closed:
                return None
            self._changed.clear()
            await self._changed.wait()
        return self._pending.pop(next(iter(self._pending)))
