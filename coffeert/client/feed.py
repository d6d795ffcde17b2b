"""The dashboard feed: the server's view, kept up to date over one WebSocket at a time."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

from yarl import URL

from coffeert.client.event_buffer import EventBuffer
from coffeert.client.events import Connecting, Disconnected, FeedEvent, GapFound
from coffeert.client.http import with_order_id
from coffeert.client.placed import PlacedOrder
from coffeert.client.replica import Replica, StateFrame
from coffeert.client.socket_client import WebSocketClient
from coffeert.client.url import server_address, socket_url
from coffeert.client.websocket import Socket
from coffeert.domain.orders import Draft
from coffeert.domain.rollups import WindowTotals
from coffeert.domain.view import View
from coffeert.errors import ServerUnavailable
from coffeert.wire.frames import (
    Ack,
    Goodbye,
    Hello,
    Refusal,
    Resync,
    ServerFrame,
    decode_server_frame,
    encode,
)
from coffeert.wire.health import Health
from coffeert.wire.orders import MenuBody, draft_body


class DashboardFeed(WebSocketClient):
    """A dashboard's view that follows the server's, through lost connections and restarts.

    An async context manager; one reader iterates `events()`. The properties always hold the newest
    state, whatever the reader has taken so far: after a change, `view` may be ahead of the event.
    Reconnects by itself with jittered and growing delays, or after the delay that the server asked
    for, and goes on from where it was; with `retry=False` the first loss ends the events.

    Raises `ConfigError` where `url` is not `http(s)://host:port`. The token travels in a header only.
    """

    def __init__(self, url: str, token: str | None = None, *, retry: bool = True) -> None:
        self._server = server_address(url)
        self._replica = Replica()
        self._mailbox = EventBuffer()
        super().__init__(
            Socket(
                self._address,
                token,
                decode=decode_server_frame,
                receive=self._receive,
                tell=self._tell,
                retry=retry,
            )
        )

    @property
    def view(self) -> View | None:
        """The view, `None` before the first snapshot; not to be changed by the caller."""
        return self._replica.view

    @property
    def version(self) -> int:
        """The view's version within its epoch."""
        return self._replica.version

    @property
    def epoch(self) -> str:
        """The server's epoch; another one means that versions began anew."""
        return self._replica.epoch

    @property
    def totals(self) -> WindowTotals | None:
        """The server's sums at `version`, to compare with `view.cube.totals()`."""
        return self._replica.totals

    @property
    def menu(self) -> MenuBody | None:
        """The stores and drinks that take orders, `None` before the first hello."""
        return self._replica.menu

    @property
    def health(self) -> Health | None:
        """How the server's parts were at the last heartbeat."""
        return self._replica.health

    @property
    def gaps(self) -> int:
        """How often a change was missing since the feed was made."""
        return self._replica.gaps

    async def events(self) -> AsyncIterator[FeedEvent]:
        """Iterate over what happens, in order; ends only when the feed is closed or may not retry.

        A reader that is too slow gets events merged, never a growing backlog: see `ViewChanged`.
        """
        while (event := await self._mailbox.take()) is not None:
            yield event

    async def place(self, draft: Draft, *, timeout: float = 10) -> PlacedOrder:  # noqa: ASYNC109 (contract)
        """Place an order over the same connection, or over the next one, within `timeout` seconds.

        Raises the matching `ApiError` where the server refuses it, with `errors` naming fields;
        when the time is up, `OutcomeUnknown` where it was sent and `ServerUnavailable` where not.
        """
        return await self._place(encode(draft_body(with_order_id(draft))), timeout)

    def reconnect_now(self) -> None:
        """Connect at once instead of waiting for the next attempt."""
        self._socket.reconnect_now()

    def _address(self) -> URL:
        known = self._replica.view is not None
        epoch = self._replica.epoch if known else ""
        return socket_url(self._server, epoch=epoch, version=self._replica.version)

    async def _run(self) -> None:
        try:
            await self._socket.run()
        except Exception as error:
            self._mailbox.close(error)
            raise
        finally:
            self._mailbox.close()
            self._outbox.fail(ServerUnavailable("The connection to the server is closed."))

    def _tell(self, event: Connecting | Disconnected) -> None:
        self._mailbox.put(event)
        if self._socket.refused is not None:
            self._outbox.fail(self._socket.refused)

    def _follow(self, frame: StateFrame) -> None:
        for event in self._replica.apply(frame, time.monotonic()):
            self._mailbox.put(event)
            if isinstance(event, GapFound):
                self._socket.send(encode(Resync()))

    def _receive(self, frame: ServerFrame) -> None:
        match frame:
            case Ack():
                self._outbox.acknowledge(frame)
            case Refusal():
                self._outbox.refuse(frame)
            case Goodbye():
                pass
            case _:
                self._follow(frame)
                if isinstance(frame, Hello):
                    self._outbox.resend()
