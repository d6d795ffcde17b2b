"""A proxy of our own, to be put between two parts and to behave as networks do."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Literal, Self

Mood = Literal["pass", "slow", "drip", "deaf", "refuse"]
_CHUNK = 64 * 1024
_DRIP = 11


class Proxy:
    """Listens on a TCP port of this machine or on a Unix socket and passes bytes on to `upstream`.

    `mood`: `pass` on at once; `slow`, each piece after `delay` seconds; `drip`, a few bytes at a time;
    `deaf`, take bytes and pass nothing on; `refuse` new connections. It applies to those already open.
    """

    def __init__(self, upstream: tuple[str, int] | Path, *, at: Path | None = None) -> None:
        self.mood: Mood = "pass"
        self.delay = 0.05
        self.port = 0
        self._upstream = upstream
        self._at = at
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._pairs: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        if self._at is not None:
            self._server = await asyncio.start_unix_server(self._serve, self._at)
        else:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.mood = "refuse"  # what is still being opened ends too
        self.cut()
        if self._pairs:
            await asyncio.wait(self._pairs, timeout=5)

    @property
    def links(self) -> int:
        """How many connections are open, both sides counted."""
        return len(self._writers)

    def move(self, upstream: Path) -> None:
        """Lead to another server from now on, and cut what led to the one before."""
        self._upstream = upstream
        self.cut()

    def cut(self) -> None:
        """Reset every connection, in the middle of whatever it carries."""
        for writer in list(self._writers):
            writer.transport.abort()

    def half_close(self) -> None:
        """End what each connection sends on, and leave it open the other way."""
        for writer in list(self._writers):
            with suppress(OSError, RuntimeError):
                if writer.can_write_eof():
                    writer.write_eof()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._pairs.add(task)
        self._writers.add(writer)
        there: asyncio.StreamWriter | None = None
        try:
            if self.mood == "refuse":
                return
            answers, there = await self._connect()
            self._writers.add(there)
            async with asyncio.TaskGroup() as ways:
                ways.create_task(self._pass_on(reader, there))
                ways.create_task(self._pass_on(answers, writer))
        except* (OSError, RuntimeError):
            pass  # one side has gone, so the other goes too
        finally:
            for end in (writer, there):
                if end is not None:
                    self._writers.discard(end)
                    end.transport.abort()
            self._pairs.discard(task)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self._upstream, Path):
            return await asyncio.open_unix_connection(self._upstream)
        return await asyncio.open_connection(*self._upstream)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(_CHUNK):
            while self.mood == "deaf":
                await asyncio.sleep(0.02)
            if self.mood == "slow":
                await asyncio.sleep(self.delay)
            size = _DRIP if self.mood == "drip" else len(data)
            for start in range(0, len(data), size):
                if writer.is_closing():
                    return
                writer.write(data[start : start + size])
                if self.mood == "drip":
                    await writer.drain()
                    await asyncio.sleep(0.001)
            await writer.drain()
        with suppress(OSError, RuntimeError):
            writer.write_eof()
