"""Orders over a WebSocket, for a client that does not follow the dashboard."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from coffeert.client.events import PlacedOrder
from coffeert.client.tls import tls_for
from coffeert.client.url import parse_server_url, socket_url
from coffeert.client.websocket import ServerConnection
from coffeert.domain.orders import Draft
from coffeert.wire.frames import ServerFrame, decode_server_frame

_VIEW_FRAMES = ('{"type":"delta"', '{"type":"snapshot"')


class OrderSocket:
    """Places any number of orders at once over one connection; an async context manager.

    Like `DashboardFeed.place`, without the cost of following the view.
    """

    def __init__(self, url: str, token: str | None = None, *, ca_file: Path | None = None) -> None:
        server = parse_server_url(url)
        self._connection = ServerConnection(
            server,
            token,
            address=lambda: socket_url(server),
            tls=tls_for(server, ca_file),
            decode=_decode_answer,
        )

    async def __aenter__(self) -> Self:
        await self._connection.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._connection.__aexit__(kind, error, trace)

    @property
    def retries(self) -> int:
        """How many times an order was sent again."""
        return self._connection.retries

    async def place(self, draft: Draft, *, timeout: float = 30) -> PlacedOrder:  # noqa: ASYNC109 (as DashboardFeed)
        """Place an order; raises as `DashboardFeed.place` does."""
        return await self._connection.place_draft(draft, timeout)

    async def place_body(self, body: bytes, seconds: float) -> PlacedOrder:
        """Place an order that is already JSON and holds its `order_id`, within `seconds`."""
        return await self._connection.place(body, seconds)


def _decode_answer(text: str) -> ServerFrame | None:
    # The server sends every socket the view; decoding that would cost more than placing orders.
    return None if text.startswith(_VIEW_FRAMES) else decode_server_frame(text)
