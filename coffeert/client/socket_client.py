"""What the clients over a WebSocket share: one task that keeps the connection, and orders through it."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

from coffeert.client.pending_orders import PendingOrders
from coffeert.client.placed import PlacedOrder
from coffeert.client.websocket import Socket
from coffeert.errors import ServerUnavailable
from coffeert.tasks import end


class WebSocketClient(ABC):
    """An async context manager that keeps a socket running; leaving raises what ended it before."""

    def __init__(self, socket: Socket) -> None:
        self._socket = socket
        self._outbox = PendingOrders(socket.send)
        self._reader: asyncio.Task[None] | None = None

    @abstractmethod
    async def _run(self) -> None:
        """Run the socket, and tell whoever waits when it has ended."""

    async def __aenter__(self) -> Self:
        self._reader = asyncio.create_task(self._run(), name=type(self).__name__)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._reader is not None:
            await end(self._reader)
            if error is None and not self._reader.cancelled():
                self._reader.result()

    async def _place(self, body: bytes, seconds: float) -> PlacedOrder:
        if self._socket.refused is not None:
            raise self._socket.refused
        if self._reader is None or self._reader.done():
            raise ServerUnavailable("The connection to the server is closed.")
        return await self._outbox.place(body, seconds)
