"""Events on their way to a reader, bounded however slow it is."""

from __future__ import annotations

import asyncio

import msgspec

from coffeert.client.events import FeedEvent, ViewChanged, ViewReset


class EventBuffer:
    """Holds at most one pending event of each kind; the dashboard is last-value state.

    A newer event replaces the pending one of its kind and takes its place in time, except that
    changes are merged, so that the reader still hears of every cell that changed.
    """

    def __init__(self) -> None:
        self._pending: dict[type[FeedEvent], FeedEvent] = {}
        self._something = asyncio.Event()
        self._closed = False
        self._failure: BaseException | None = None

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
        self._something.set()

    def close(self, failure: BaseException | None = None) -> None:
        """Let the reader end once it has taken what is pending, by raising `failure` if there is one."""
        self._closed = True
        self._failure = self._failure or failure
        self._something.set()

    async def take(self) -> FeedEvent | None:
        """Wait for the oldest pending event; `None` when the mailbox is closed and empty."""
        while not self._pending:
            if self._failure is not None:
                raise self._failure
            if self._closed:
                return None
            self._something.clear()
            await self._something.wait()
        return self._pending.pop(next(iter(self._pending)))
