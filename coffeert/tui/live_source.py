"""Feed and archive of a server, connected only after the first screen has been painted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from uuid import UUID

from coffeert.client import PlacedOrder
from coffeert.client.events import Connected, Disconnected, FeedEvent
from coffeert.domain.order_query import OrderQuery
from coffeert.domain.orders import Draft
from coffeert.errors import ServerUnavailable
from coffeert.tui.model.server_address import ServerAddress
from coffeert.wire.frames import Snapshot
from coffeert.wire.login import LoginLink
from coffeert.wire.order_pages import OrderList
from coffeert.wire.reports import Activity, Comparison, Grouping, Report

if TYPE_CHECKING:
    from coffeert.client import DashboardFeed, OrderClient

Connection = TypeVar("Connection")

_MAX_CONNECTIONS = 4


class LiveSource:
    """One server; `events` opens the connections and closes them when it ends.

    `find` returns the URL of the server to be shown, and may block. It is asked at first, and after each
    attempt as long as no server has answered, so that one that is started later is found wherever it is.
    """

    def __init__(
        self,
        address: ServerAddress,
        token: str | None,
        ca_file: Path | None = None,
        *,
        find: Callable[[], str] | None = None,
    ) -> None:
        self._address = address
        self._token = token
        self._ca_file = ca_file
        self._find = find
        self._feed: DashboardFeed | None = None
        self._client: OrderClient | None = None

    async def events(self) -> AsyncIterator[FeedEvent]:
        """Connect, and iterate over the events."""
        await self._find_elsewhere()
        answered = False
        while True:
            feed, client = await asyncio.to_thread(self._load)
            async with feed, client:
                self._feed, self._client = feed, client
                try:
                    async for event in feed.events():
                        yield event
                        answered = answered or isinstance(event, Connected)
                        lost = not answered and isinstance(event, Disconnected)
                        if lost and await self._find_elsewhere():
                            break
                    else:
                        return
                finally:
                    self._feed = self._client = None

    async def place(self, draft: Draft, *, timeout: float = 10) -> PlacedOrder:  # noqa: ASYNC109 (the contract's name)
        return await self._open(self._feed).place(draft, timeout=timeout)

    def reconnect_now(self) -> None:
        if self._feed is not None:
            self._feed.reconnect_now()

    async def dashboard(self, at: datetime | None = None) -> Snapshot:
        return await self._open(self._client).dashboard(at)

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
        return await self._open(self._client).report(
            period,
            compare=compare,
            by=by,
            stores=stores,
            drinks=drinks,
            min_price=min_price,
            max_price=max_price,
            details=details,
        )

    async def activity(self) -> Activity:
        return await self._open(self._client).activity()

    async def orders(
        self,
        wanted: OrderQuery,
        *,
        before: str | None = None,
        limit: int = 50,
        counted: bool = True,
    ) -> OrderList:
        return await self._open(self._client).orders(
            wanted, before=before, limit=limit, counted=counted
        )

    def orders_csv(self, wanted: OrderQuery) -> AsyncIterator[bytes]:
        return self._open(self._client).orders_csv(wanted)

    async def void(self, order_id: UUID) -> PlacedOrder:
        return await self._open(self._client).void(order_id)

    async def login_link(self) -> LoginLink:
        return await self._open(self._client).login_link()

    async def _find_elsewhere(self) -> bool:
        """Ask where the server is; return whether that is another place than before."""
        if self._find is None:
            return False
        before, self._address.url = self._address.url, await asyncio.to_thread(self._find)
        return self._address.url != before

    def _load(self) -> tuple[DashboardFeed, OrderClient]:
        # In a thread: importing the client takes long enough to be noticed on the screen.
        from coffeert.client import DashboardFeed, OrderClient

        url = self._address.url
        feed = DashboardFeed(url, self._token, ca_file=self._ca_file)
        client = OrderClient(url, self._token, connections=_MAX_CONNECTIONS, ca_file=self._ca_file)
        return feed, client

    def _open(self, connection: Connection | None) -> Connection:
        if connection is None:
            raise ServerUnavailable("There is no connection to a server yet.")
        return connection
