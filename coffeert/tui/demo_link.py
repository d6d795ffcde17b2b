"""The line from the demo's own dashboard to the demo, which breaks parts of itself on request."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import msgspec

from coffeert.wire.demo import BreakablePart, DemoRequest, DemoState


class DemoLink:
    """Sends requests over a socket inherited from the demo; `state` is what the demo said last."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._writer: asyncio.StreamWriter | None = None
        self.state: DemoState | None = None

    @property
    def busy(self) -> bool:
        """Whether a part has been killed and the proof is still to come."""
        return self.state is not None and self.state.phase in ("broken", "healing")

    async def follow(self, changed: Callable[[], None]) -> None:
        """Read what the demo says until it ends."""
        ours = socket.socket(fileno=self._descriptor)
        reader, self._writer = await asyncio.open_connection(sock=ours)
        try:
            while line := await reader.readline():
                self.state = msgspec.json.decode(line, type=DemoState)
                changed()
        finally:
            self._writer.close()
            self._writer = None

    def break_part(self, part: BreakablePart) -> None:
        """Ask the demo to kill a part."""
        if self._writer is not None and not self.busy:
            self._writer.write(msgspec.json.encode(DemoRequest(part)) + b"\n")
