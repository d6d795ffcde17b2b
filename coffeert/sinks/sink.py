"""What a target of the feed does, and how one is filled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from coffeert.client.change_feed import Feed
from coffeert.errors import ConfigError
from coffeert.wire.feed import OrderEvent


class Sink(Protocol):
    """A target that keeps its own cursor.

    Methods raise `ConfigError` for a target that cannot be used, `SinkBusy` if another process writes
    there, `SinkRefused` if it wants nothing more, and `SinkUnavailable` or `DatabaseUnavailable` for what
    may pass: then the sink is closed and another one opened, which goes on at the cursor it finds.
    """

    async def open(self) -> None:
        """Connect, make what is missing, and undo what a killed process left half done."""

    async def cursor(self) -> str | None:
        """Return the cursor behind what the target has, `None` if it has nothing yet."""

    async def write(self, events: Sequence[OrderEvent], cursor: str) -> None:
        """Store events and the cursor behind them; returns when both are durable."""

    async def close(self) -> None:
        """Let go of the target; never raises."""


async def fill(sink: Sink, feed_after: Callable[[str], Feed], after: str | None) -> None:
    """Write a feed to a sink, from the sink's own cursor on, or from `after` if it has none.

    Returns at the end of the feed. Raises `ConfigError` if `after` is given and the sink has a cursor.
    """
    try:
        await sink.open()
        cursor = await sink.cursor()
        if cursor is not None and after is not None:
            raise ConfigError(
                "The target has a cursor already, and goes on there: leave --after out."
            )
        async for batch in feed_after(cursor or after or "beginning"):
            await sink.write(batch.events, batch.cursor)
    finally:
        await sink.close()
