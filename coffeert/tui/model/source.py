"""What the dashboard needs of a server; `coffeert.client`, a recording and the tests provide it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from coffeert.client import PlacedOrder
from coffeert.client.events import FeedEvent
from coffeert.domain.order_query import OrderQuery
from coffeert.domain.orders import Draft
from coffeert.wire.frames import Snapshot
from coffeert.wire.login import LoginLink
from coffeert.wire.order_pages import OrderList
from coffeert.wire.reports import Activity, Comparison, Grouping, Report


class LiveFeed(Protocol):
    """The live connection: events one way, orders the other."""

    def events(self) -> AsyncIterator[FeedEvent]:
        """Iterate over the events, in order."""
        ...

    async def place(self, draft: Draft, *, timeout: float = 10) -> PlacedOrder:  # noqa: ASYNC109 (the client's contract)
        """Place an order; raises `CoffeertError`."""
        ...

    def reconnect_now(self) -> None:
        """Try to connect at once instead of waiting for the next attempt."""
        ...


class PastSource(Protocol):
    """Knows the past; a server or a recording."""

    async def dashboard(self, at: datetime | None = None) -> Snapshot:
        """Return the view as it was at a moment; raises `CoffeertError`."""
        ...


class Archive(PastSource, Protocol):
    """What a server is asked for: the past, orders, and corrections."""

    async def report(
        self,
        period: str = "today",
        *,
        compare: Comparison | None = None,
        by: Sequence[Grouping] = (),
        stores: Sequence[str] = (),
        drinks: Sequence[str] = (),
        min_price: str | None = None,
        max_price: str | None = None,
        details: bool = False,
    ) -> Report:
        """Return the sums of a period and of its parts; raises `CoffeertError`."""
        ...

    async def activity(self) -> Activity:
        """Return when each store sold last; raises `CoffeertError`."""
        ...

    async def orders(
        self,
        wanted: OrderQuery,
        *,
        before: str | None = None,
        limit: int = 50,
        counted: bool = True,
    ) -> OrderList:
        """Return a page of orders, newest first; raises `CoffeertError`."""
        ...

    def orders_csv(self, wanted: OrderQuery) -> AsyncIterator[bytes]:
        """Iterate over a CSV file of all orders that match; raises `CoffeertError`."""
        ...

    async def void(self, order_id: UUID) -> PlacedOrder:
        """Append the correction of an order; raises `CoffeertError`."""
        ...

    async def login_link(self) -> LoginLink:
        """Make a link to the page; raises `CoffeertError`."""
        ...
