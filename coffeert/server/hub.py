"""The hub: one frame a change, encoded once, to every dashboard.

A dashboard shows last values, so a client that does not keep up is not queued for: it misses versions
and gets one merged delta when it can take it. Memory per client is constant, and one that stays behind
for too long is closed.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from typing import Protocol

from coffeert.server.journal import Journal
from coffeert.wire import frames
from coffeert.wire.health import SocketsHealth

_CLIENTS_A_SLICE = 256  # then the loop may serve others
_CATCH_UP_INTERVAL = 0.05


class Link(Protocol):
    """A way to one client that takes whole frames at once."""

    @property
    def busy(self) -> bool:
        """Whether bytes sent earlier still wait for the client to take them."""

    def send(self, payload: bytes) -> int:
        """Send one text frame; return the bytes on the wire."""

    def close(self, code: int, reason: str) -> None:
        """Say goodbye and cut the link, even where the client takes nothing any more."""


class Client:
    """One dashboard: how to reach it and which version it is at."""

    __slots__ = ("behind_since", "epoch", "link", "version")

    def __init__(self, link: Link) -> None:
        self.link = link
        self.epoch = ""
        self.version = -1
        self.behind_since: float | None = None


class Hub:
    """Keeps every client at the journal's newest version, no more often than `frame_interval` (s)."""

    def __init__(
        self,
        journal: Journal,
        *,
        frame_interval: float,
        slow_client_timeout: float,
        clients_limit: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.clients: set[Client] = set()
        self.clients_limit = clients_limit
        self.frames = self.bytes = self.conflated = self.dropped = self.frame_bytes = 0
        self._journal = journal
        self._frame_interval = frame_interval
        self._slow_client_timeout = slow_client_timeout
        self._clock = clock
        self._wake = asyncio.Event()

    @property
    def full(self) -> bool:
        """Whether no further client fits."""
        return len(self.clients) >= self.clients_limit

    def notify(self) -> None:
        """Say that the live view may have changed."""
        self._wake.set()

    def join(self, link: Link, epoch: str = "", version: int = -1) -> Client:
        """Add a client; bring it forward from the version that it names, or give it a snapshot."""
        client = Client(link)
        client.epoch, client.version = epoch, version
        self._bring_forward(client)
        self.clients.add(client)
        return client

    def resync(self, client: Client) -> None:
        """Give a client a whole snapshot with the next round, however often it has asked for one."""
        client.version = -1
        self.notify()

    def leave(self, client: Client) -> None:
        """Forget a client."""
        self.clients.discard(client)

    async def run(self, refresh: Callable[[], None]) -> None:
        """Send changes as they come, until cancelled; `refresh` completes the view for each frame."""
        while True:
            behind = any(client.behind_since is not None for client in self.clients)
            try:
                async with asyncio.timeout(_CATCH_UP_INTERVAL if behind else None):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            refresh()
            self._journal.advance()
            await self._broadcast()
            await asyncio.sleep(self._frame_interval)

    async def beat(self, heartbeat: frames.Heartbeat | frames.MenuChanged) -> None:
        """Send one frame that is not part of the view to everyone who can take it now."""
        payload = frames.encode(heartbeat)
        for index, client in enumerate(list(self.clients), 1):
            if not self._is_behind(client):
                self._send(client, payload)
            if index % _CLIENTS_A_SLICE == 0:
                await asyncio.sleep(0)

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
        for index, client in enumerate(list(self.clients), 1):
            if client in self.clients and self._outdated(client):
                if self._is_behind(client):
                    self.conflated += 1
                else:
                    self._bring_forward(client)
            if index % _CLIENTS_A_SLICE == 0:
                await asyncio.sleep(0)

    def _outdated(self, client: Client) -> bool:
        return (
            client.version != self._journal.version
            or client.epoch != self._journal.epoch
            or client.behind_since is not None
        )

    def _is_behind(self, client: Client) -> bool:
        """Tell whether the client cannot take a frame now; drop one that could not for too long."""
        if not client.link.busy:
            client.behind_since = None
            return False
        now = self._clock()
        if client.behind_since is None:
            client.behind_since = now
        elif now - client.behind_since > self._slow_client_timeout and client in self.clients:
            self.dropped += 1
            self.leave(client)
            client.link.close(frames.SLOW_CLIENT, "too slow")
        return True

    def _bring_forward(self, client: Client) -> None:
        journal = self._journal
        if not journal.reaches(client.epoch, client.version):
            client.version, payload = journal.snapshot()
            client.epoch = journal.epoch
            self._send(client, payload)
        if client.version < journal.version:
            payload = journal.delta(client.version)
            self.frame_bytes = len(payload)
            client.version = journal.version
            self._send(client, payload)

    def _send(self, client: Client, payload: bytes) -> None:
        self.frames += 1
        self.bytes += client.link.send(payload)
