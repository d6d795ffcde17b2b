"""The dashboard feed: the server's view, kept up to date over one WebSocket at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import TracebackType
from typing import Self

from coffeert.cells import Totals
from coffeert.client.events import FeedEvent
from coffeert.client.placed import Placed
from coffeert.order import Draft
from coffeert.view import View
from coffeert.wire.health import Health
from coffeert.wire.orders import MenuBody


class DashboardFeed:
    """A dashboard's view that follows the server's, through lost connections and restarts.

    An async context manager; one reader iterates `events()`. The attributes are always the newest
    state, whatever the reader has taken so far.
    """

    view: View | None
    version: int
    epoch: str
    totals: Totals | None
    menu: MenuBody | None
    health: Health | None
    gaps: int

    def __init__(self, url: str, token: str | None = None, *, retry: bool = True) -> None:
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        raise NotImplementedError

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        raise NotImplementedError

    def events(self) -> AsyncIterator[FeedEvent]:
        """Iterate over what happens, in order; never ends by itself unless `retry` is off."""
        raise NotImplementedError

    async def place(self, draft: Draft, *, timeout: float = 10) -> Placed:  # noqa: ASYNC109 (contract)
        """Place an order over the same connection."""
        raise NotImplementedError

    def reconnect_now(self) -> None:
        """Connect at once instead of waiting for the next attempt."""
        raise NotImplementedError
