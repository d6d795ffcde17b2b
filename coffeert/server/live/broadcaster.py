"""The broadcaster: one frame a change, encoded once, to every dashboard.

A dashboard shows last values, so nothing is queued for a client that does not keep up (conflation): it
misses versions and gets one merged delta when its connection takes it. Memory per client is constant, and
a client that stays behind for too long is closed.
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

_CLIENTS_PER_SLICE = 512  # a few ms of writing; then the event loop serves others
_CATCH_UP_SECONDS = 0.05
_PAUSE_AN_ORDER = 0.004  # up to 250 orders a second, each is sent as soon as it is committed
_PAUSE_A_FRAME = 4  # times as long as the frame took: frames take at most a fifth of the time
_LONGEST_PAUSE = 0.02
_OVERLOAD_PAUSE = 0.1  # while orders are refused

_UNKNOWN_POSITION = Position("", -1)


class Source(Protocol):
    """What completes the live view before a frame is made of it; `LiveUpdater`."""

    def flush_to_view(self) -> int:
        """Put what was committed and received since the last call into the live view; return the orders."""


class FrameSink(Protocol):
    """The connection of one client; `coffeert.server.ws.writer.WebSocketWriter`."""

    @property
    def busy(self) -> bool:
        """Whether bytes written earlier are still to be sent."""

    def try_write(self, frame: bytes) -> bool:
        """Write an encoded frame if nothing is left to be sent; return whether it was written."""

    def send(self, payload: bytes) -> int:
        """Write a text frame even if the client is behind; return its bytes, 0 if it is closing."""

    def close(self, code: int, reason: str) -> None:
        """Send a close frame, and abort if the client does not read it."""


class Client:
    """One dashboard: its connection and its position in the change log."""

    __slots__ = ("position", "sink")

    def __init__(self, sink: FrameSink, position: Position) -> None:
        self.sink = sink
        self.position = position


class Broadcaster:
    """Keeps every client at the newest version, with a frame at most every `min_frame_interval` seconds.

    A change is sent at once after quiet. The pause after a frame grows with its orders and with the time
    that it took, up to 20 ms: a frame costs nearly the same whatever is in it, so under load many orders
    share one. It is 100 ms while `refusing` returns True, because orders are refused.
    `slow_client_timeout` is in seconds.
    """

    def __init__(
        self,
        change_log: ChangeLog,
        *,
        min_frame_interval: float,
        slow_client_timeout: float,
        max_clients: int,
        refusing: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.clients: dict[Client, None] = {}  # in the order of joining
        self.max_clients = max_clients
        self.frames = self.bytes = self.conflated = self.dropped = self.frame_bytes = 0
        self._change_log = change_log
        self._min_frame_interval = min_frame_interval
        self._refusing = refusing
        self._slow_client_timeout = slow_client_timeout
        self._clock = clock
        self._wake = asyncio.Event()
        self._pause = 0.0
        self._sent = change_log.position
        self._behind_since: dict[Client, float] = {}

    @property
    def full(self) -> bool:
        """Whether no further client fits."""
        return len(self.clients) >= self.max_clients

    @property
    def current_interval(self) -> float:
        """The seconds of the pause between two frames, at present."""
        pause = _OVERLOAD_PAUSE if self._refusing() else min(self._pause, _LONGEST_PAUSE)
        return max(self._min_frame_interval, pause)

    def notify(self) -> None:
        """Have a frame sent, because the live view may have changed."""
        self._wake.set()

    def join(self, sink: FrameSink, epoch: str = "", version: int = -1) -> Client:
        """Add a client; send it a delta from the version that it has, or a snapshot."""
        client = Client(sink, Position(epoch, version))
        self._catch_up(client)
        self.clients[client] = None
        return client

    def resync(self, client: Client) -> None:
        """Have a snapshot sent with the next frame; one, however often the client asks until then."""
        client.position = _UNKNOWN_POSITION
        self.notify()

    def leave(self, client: Client) -> None:
        """Forget a client."""
        self.clients.pop(client, None)
        self._behind_since.pop(client, None)
        client.position = _UNKNOWN_POSITION

    async def run(self, source: Source) -> None:
        """Send changes as they come, until cancelled; `source` completes the view for each frame.

        A pull: what was committed waits in `source` until a frame is due, so that under load many
        commits cost little more than one. `source` calls `notify` when it has something.
        """
        while True:
            try:
                async with asyncio.timeout(_CATCH_UP_SECONDS if self._behind_since else None):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            begun = self._clock()
            orders = source.flush_to_view()
            self._change_log.commit_version()
            await self._send_changes()
            took = self._clock() - begun
            self._pause = max(_PAUSE_AN_ORDER * orders, _PAUSE_A_FRAME * took)
            await asyncio.sleep(self.current_interval)

    async def broadcast(self, message: frames.Heartbeat | frames.MenuChanged) -> None:
        """Send a frame that is not part of the view to every client that is not behind."""
        frame = text_frame(frames.encode(message))
        async for clients in self._in_slices():
            written = 0
            for client in clients:
                if client.sink.try_write(frame):
                    written += 1
                    if self._behind_since:
                        self._behind_since.pop(client, None)
                else:
                    self._is_behind(client)
            self._count(written, frame)

    def close(self, reason: str) -> None:
        """Close every client with a goodbye that says when to come back, a random time for each."""
        for client in list(self.clients):
            goodbye = frames.Goodbye(reason=reason, retry_after=round(random.uniform(0.1, 2), 3))
            self._send(client, frames.encode(goodbye))
            client.sink.close(frames.SERVICE_RESTART, reason)

    def health(self) -> SocketsHealth:
        """Return the counters since the start."""
        return SocketsHealth(
            clients=len(self.clients),
            clients_limit=self.max_clients,
            frames=self.frames,
            bytes=self.bytes,
            conflated=self.conflated,
            dropped=self.dropped,
            frame_bytes=self.frame_bytes,
        )

    async def _send_changes(self) -> None:
        before, now = self._sent, self._change_log.position
        self._sent = now
        # Nearly every client is at the position of the last frame: those get one frame, encoded once.
        frame = self._delta_frame(before)
        async for clients in self._in_slices():
            written = 0
            for client in clients:
                if client.position is now:
                    continue
                if client.position is before and frame and client.sink.try_write(frame):
                    client.position = now
                    written += 1
                    if self._behind_since:
                        self._behind_since.pop(client, None)
                elif self._is_behind(client):
                    self.conflated += now is not before
                elif client in self.clients:
                    self._catch_up(client)
            self._count(written, frame)
        for client in list(self._behind_since):
            self._is_behind(client)

    async def _in_slices(self) -> AsyncIterator[list[Client]]:
        """Yield the clients a slice at a time, and return to the event loop after each."""
        clients = iter(list(self.clients))
        while some := list(islice(clients, _CLIENTS_PER_SLICE)):
            yield some
            await asyncio.sleep(0)

    def _is_behind(self, client: Client) -> bool:
        """Whether a client takes no frame now; one that has not for too long is closed."""
        if not client.sink.busy or client not in self.clients:
            self._behind_since.pop(client, None)
            return False
        now = self._clock()
        if now - self._behind_since.setdefault(client, now) > self._slow_client_timeout:
            self.dropped += 1
            self.leave(client)
            client.sink.close(frames.SLOW_CLIENT, "too slow")
        return True

    def _delta_frame(self, position: Position) -> bytes:
        log = self._change_log
        if not self.clients or position is log.position or not log.can_resume(position):
            return b""
        payload = log.delta(position.version)
        self.frame_bytes = len(payload)
        return text_frame(payload)

    def _catch_up(self, client: Client) -> None:
        log = self._change_log
        if not log.can_resume(client.position):
            client.position, payload = log.snapshot()
            self._send(client, payload)
        if client.position.version < log.version:
            payload = log.delta(client.position.version)
            self.frame_bytes = len(payload)
            self._send(client, payload)
        client.position = log.position

    def _send(self, client: Client, payload: bytes) -> None:
        self.frames += 1
        self.bytes += client.sink.send(payload)

    def _count(self, written: int, frame: bytes) -> None:
        self.frames += written
        self.bytes += written * len(frame)
