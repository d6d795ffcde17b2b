"""Where the dashboard's data comes from: `coffeert.client` when live, a recording, or a test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Protocol
from uuid import UUID

from coffeert.client import PlacedOrder
from coffeert.client.events import FeedEvent
from coffeert.domain.orders import Draft
from coffeert.wire.frames import Snapshot


class Feed(Protocol):
    """The live half: what happens, and orders the other way."""

    def events(self) -> AsyncIterator[FeedEvent]:
        """Iterate over what happens, in order."""
        ...

    async def place(self, draft: Draft, *, timeout: float = 10) -> PlacedOrder:  # noqa: ASYNC109 (the client's contract)
        """Place an order."""
        ...

    def reconnect_now(self) -> None:
        """Stop waiting for the next attempt."""
        ...


class Archive(Protocol):
    """The asking half: the view at another time, and corrections."""

    async def dashboard(self, at: datetime | None = None) -> Snapshot:
        """Return the view as it was at a moment."""
        ...

    async def void(self, order_id: UUID) -> PlacedOrder:
        """Append the correction of an order."""
        ...
