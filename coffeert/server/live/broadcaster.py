"""The hub: one frame a change, encoded once, to every dashboard.

A dashboard shows last values, so a client that does not keep up is not queued for: it misses versions
and gets one merged delta when it can take it. Memory per client is constant, and one that stays behind
for too long is closed.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from itertools import islice
from typing import Protocol

from coffeert.server.live.change_log import ChangeLog, Position
from coffeert.wire import frames
from coffeert.wire.health import SocketsHealth
from coffeert.wire.websocket import text_frame

_CLIENTS_A_SLICE = 512  # some 3 ms; then the loop may serve others
_CATCH_UP_INTERVAL = 0.05
_RARER = 5  # times the interval while orders are refused: 100 ms instead of 20


_NOWHERE = Position("", -1)


class FrameSink(Protocol):
    """A way to one client that takes whole frames at once."""

    @property
    def busy(self) -> bool:
        """Whether bytes sent earlier still wait for the client to take them."""

    def offer(self, frame: bytes) -> bool:
        """Write a whole frame if nothing waits; tell whether it was."""

    def send(self, payload: bytes) -> int:
        """Send one text frame, whatever waits; return the bytes on the wire, 0 where it is closing."""

    def close(self, code: int, reason: str) -> None:
        """Say goodbye and cut the link, even where the client takes nothing any more."""


class Client:
    """One dashboard: how to reach it and where in the journal it is."""

    __slots__ = ("link", "position")

    def __init__(self, link: FrameSink, position: Position) -> None:
        self.link = link
        self.position = position


class Broadcaster:
    """Keeps every client at the journal's newest version, no more often than `frame_interval` (s).

    While `refusing` says that orders are refused, frames come five times as rarely: a frame costs the same
    whatever is in it, and then that is missing elsewhere.
    """

    def __init__(
        self,
        journal: ChangeLog,
        *,
        frame_interval: float,
        slow_client_timeout: float,
        clients_limit: int,
        refusing: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.clients: dict[Client, None] = {}  # in the order of joining
        self.clients_limit = clients_limit
        self.frames = self.bytes = self.conflated = self.dropped = self.frame_bytes = 0
        self._journal = journal
        self._frame_interval = frame_interval
        self._refusing = refusing
        self._slow_client_timeout = slow_client_timeout
        self._clock = clock
        self._wake = asyncio.Event()
        self._shown = journal.position
        self._behind: dict[Client, float] = {}  # since when

    @property
    def full(self) -> bool:
        """Whether no further client fits."""
        return len(self.clients) >= self.clients_limit

    @property
    def pace(self) -> float:
        """The least number of seconds between two frames, at present."""
        return self._frame_interval * (_RARER if self._refusing() else 1)

    def notify(self) -> None:
        """Say that the live view may have changed."""
        self._wake.set()

    def join(self, link: FrameSink, epoch: str = "", version: int = -1) -> Client:
        """Add a client; bring it forward from the version that it names, or give it a snapshot."""
        client = Client(link, Position(epoch, version))
        self._bring_forward(client)
        self.clients[client] = None
        return client

    def resync(self, client: Client) -> None:
        """Give a client a whole snapshot with the next round, however often it has asked for one."""
        client.position = _NOWHERE
        self.notify()

    def leave(self, client: Client) -> None:
        """Forget a client."""
        self.clients.pop(client, None)
        self._behind.pop(client, None)
        client.position = _NOWHERE

    async def run(self, refresh: Callable[[], None]) -> None:
        """Send changes as they come, until cancelled; `refresh` completes the view for each frame."""
        while True:
            try:
                async with asyncio.timeout(_CATCH_UP_INTERVAL if self._behind else None):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            refresh()
            self._journal.advance()
            await self._broadcast()
            await asyncio.sleep(self.pace)

    async def beat(self, heartbeat: frames.Heartbeat | frames.MenuChanged) -> None:
        """Send one frame that is not part of the view to everyone who can take it now."""
        frame = text_frame(frames.encode(heartbeat))
        async for clients in self._in_slices():
            taken = 0
            for client in clients:
                if client.link.offer(frame):
                    taken += 1
                    if self._behind:
                        self._behind.pop(client, None)
                else:
                    self._is_behind(client)
            self._count(taken, frame)

    def close(self, reason: str) -> None:
        """Send everyone away with a hint, different for each, when to come back."""
        for client in list(self.clients):
            goodbye = frames.Goodbye(reason=reason, retry_after=round(random.uniform(0.1, 2), 3))
            self._send(client, frames.encode(goodbye))
            client.link.close(frames.SERVICE_RESTART, reason)

    def health(self) -> SocketsHealth:
        """Return the figures of this hub."""
        return SocketsHealth(
            clients=len(self.clients),
            clients_limit=self.clients_limit,
            frames=self.frames,
            bytes=self.bytes,
            conflated=self.conflated,
            dropped=self.dropped,
            frame_bytes=self.frame_bytes,
        )

    async def _broadcast(self) -> None:
        before, now = self._shown, self._journal.position
        self._shown = now
        # Nearly everyone is where the last round left them: those get one frame, prepared once.
        frame = self._frame_from(before)
        async for clients in self._in_slices():
            taken = 0
            for client in clients:
                if client.position is now:
                    continue
                if client.position is before and frame and client.link.offer(frame):
                    client.position = now
                    taken += 1
                    if self._behind:
                        self._behind.pop(client, None)
                elif self._is_behind(client):
                    self.conflated += now is not before
                elif client in self.clients:
                    self._bring_forward(client)
            self._count(taken, frame)
        for client in list(self._behind):
            self._is_behind(client)

    async def _in_slices(self) -> AsyncIterator[list[Client]]:
        """Give the clients a slice at a time, and other tasks a turn after each."""
        clients = iter(list(self.clients))
        while some := list(islice(clients, _CLIENTS_A_SLICE)):
            yield some
            await asyncio.sleep(0)

    def _is_behind(self, client: Client) -> bool:
        """Tell whether the client cannot take a frame now; drop one that could not for too long."""
        if not client.link.busy or client not in self.clients:
            self._behind.pop(client, None)
            return False
        now = self._clock()
        if now - self._behind.setdefault(client, now) > self._slow_client_timeout:
            self.dropped += 1
            self.leave(client)
            client.link.close(frames.SLOW_CLIENT, "too slow")
        return True

    def _frame_from(self, position: Position) -> bytes:
        journal = self._journal
        if not self.clients or position is journal.position or not journal.reaches(position):
            return b""
        payload = journal.delta(position.version)
        self.frame_bytes = len(payload)
        return text_frame(payload)

    def _bring_forward(self, client: Client) -> None:
        journal = self._journal
        if not journal.reaches(client.position):
            client.position, payload = journal.snapshot()
            self._send(client, payload)
        if client.position.version < journal.version:
            payload = journal.delta(client.position.version)
            self.frame_bytes = len(payload)
            self._send(client, payload)
        client.position = journal.position

    def _send(self, client: Client, payload: bytes) -> None:
        self.frames += 1
        self.bytes += client.link.send(payload)

    def _count(self, taken: int, frame: bytes) -> None:
        self.frames += taken
        self.bytes += taken * len(frame)
