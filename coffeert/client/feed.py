"""The dashboard feed: the server's view, kept up to date over one WebSocket at a time."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path
from types import TracebackType
from typing import Self

from yarl import URL

from coffeert.client.events import EventBuffer, FeedEvent, GapFound, PlacedOrder
from coffeert.client.replica import Replica, StateFrame
from coffeert.client.tls import tls_for
from coffeert.client.url import parse_server_url, socket_url
from coffeert.client.websocket import ServerConnection
from coffeert.domain.orders import Draft
from coffeert.domain.rollup_cube import WindowTotals
from coffeert.domain.view import View
from coffeert.wire.frames import Resync, decode_server_frame, encode
from coffeert.wire.health import Health
from coffeert.wire.orders import MenuBody


class DashboardFeed:
    """A dashboard's view that follows the server's, through lost connections and restarts.

    An async context manager; one reader iterates `events()`. The properties always hold the newest
    state, so `view` may be ahead of the event that the reader has taken. Reconnects by itself with
    jittered and growing delays, or after the delay that the server asked for, and resumes from the
    version it has; with `retry=False` the first loss ends the events.

    What refuses it may be a proxy that exchanges the server, so it goes on then, too: slowly if it has
    never been connected.

    Raises `ConfigError` if `url` is not `http(s)://host[:port][/path]`, or `ca_file` holds no certificate.
    The token travels in a header only.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        retry: bool = True,
        ca_file: Path | None = None,
    ) -> None:
        self._server = parse_server_url(url)
        self._replica = Replica()
        self._events = EventBuffer()
        self._connection = ServerConnection(
            self._server,
            token,
            address=self._address,
            tls=tls_for(self._server, ca_file),
            decode=decode_server_frame,
            on_frame=self._apply,
            on_status=self._events.put,
            on_end=self._events.close,
            retry=retry,
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
    def view(self) -> View | None:
        """The view, `None` before the first snapshot; not to be changed by the caller."""
        return self._replica.view

    @property
    def version(self) -> int:
        """The view's version within its epoch."""
        return self._replica.version

    @property
    def epoch(self) -> str:
        """The server's epoch; in a new one, versions start over."""
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
        """How many times a change was missing since the feed was created."""
        return self._replica.gaps

    async def events(self) -> AsyncIterator[FeedEvent]:
        """Iterate over what happens, in order; ends only when the feed is closed or may not retry.

        A reader that is too slow gets events merged, never a growing backlog: see `ViewChanged`.
        """
        while (event := await self._events.get()) is not None:
            yield event

    async def place(self, draft: Draft, *, timeout: float = 10) -> PlacedOrder:  # noqa: ASYNC109 (contract)
        """Place an order over the same connection, or over the next one, within `timeout` seconds.

        Raises the matching `ApiError` if the server refuses it, with `errors` naming fields; when the
        time is up, `OutcomeUnknown` if it was sent and `ServerUnavailable` if it was not.
        """
        return await self._connection.place_draft(draft, timeout)

    def reconnect_now(self) -> None:
        """Connect at once instead of waiting for the next attempt."""
        self._connection.reconnect_now()

    def _address(self) -> URL:
        known = self._replica.view is not None
        epoch = self._replica.epoch if known else ""
        return socket_url(self._server, epoch=epoch, version=self._replica.version)

    def _apply(self, frame: StateFrame) -> None:
        for event in self._replica.apply(frame, time.monotonic()):
            self._events.put(event)
            if isinstance(event, GapFound):
                self._connection.send(encode(Resync()))
