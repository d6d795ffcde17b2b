"""Orders over a WebSocket, for a client that does not look at the dashboard."""

from __future__ import annotations

from coffeert.client.events import Connecting, Disconnected
from coffeert.client.http import with_order_id
from coffeert.client.placed import PlacedOrder
from coffeert.client.socket_client import WebSocketClient
from coffeert.client.url import server_address, socket_url
from coffeert.client.websocket import Socket
from coffeert.domain.orders import Draft
from coffeert.errors import ServerUnavailable
from coffeert.wire.frames import Ack, Hello, Refusal, ServerFrame, decode_server_frame, encode
from coffeert.wire.orders import draft_body

_VIEW_FRAMES = ('{"type":"delta"', '{"type":"snapshot"')


class OrderSocket(WebSocketClient):
    """Places any number of orders at once over one connection; an async context manager.

    Like `DashboardFeed.place`, without the cost of following the view.
    """

    def __init__(self, url: str, token: str | None = None) -> None:
        server = server_address(url)
        super().__init__(
            Socket(
                lambda: socket_url(server),
                token,
                decode=_decode_answer,
                receive=self._receive,
                tell=self._tell,
            )
        )

    @property
    def retries(self) -> int:
        """How many times an order was sent again."""
        return self._outbox.retries

    async def place(self, draft: Draft, *, timeout: float = 30) -> PlacedOrder:  # noqa: ASYNC109 (as DashboardFeed)
        """Place an order; raises as `DashboardFeed.place` does."""
        return await self.place_body(encode(draft_body(with_order_id(draft))), timeout)

    async def place_body(self, body: bytes, seconds: float) -> PlacedOrder:
        """Place an order that is already JSON and holds its `order_id`, within `seconds`."""
        return await self._place(body, seconds)

    async def _run(self) -> None:
        try:
            await self._socket.run()
        finally:
            self._outbox.fail(ServerUnavailable("The connection to the server is closed."))

    def _tell(self, event: Connecting | Disconnected) -> None:
        if self._socket.refused is not None:
            self._outbox.fail(self._socket.refused)

    def _receive(self, frame: ServerFrame) -> None:
        match frame:
            case Ack():
                self._outbox.acknowledge(frame)
            case Refusal():
                self._outbox.refuse(frame)
            case Hello():
                self._outbox.resend()
            case _:
                pass


def _decode_answer(text: str) -> ServerFrame | None:
    # The server tells every socket the view; reading that would cost more than placing orders.
    return None if text.startswith(_VIEW_FRAMES) else decode_server_frame(text)
