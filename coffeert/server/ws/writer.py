"""A WebSocket client as the hub sees it: prepared frames written straight to the transport."""

from __future__ import annotations

import asyncio
import socket

from coffeert.wire.websocket import TEXT, close_frame, encode_frame, text_frame

# A stalled client is noticed once this much lies in the kernel, not after megabytes (autotuning).
_SEND_BUFFER = 128 * 1024
_CLOSE_GRACE = 2.0
_BACKLOG = 1024 * 1024
_BACKLOG_POLL = 0.05


class WebSocketWriter:
    """Writes unmasked server frames (RFC 6455, section 5.2) to a connection that is open.

    A payload that goes to many clients is framed once.
    """

    __slots__ = ("_transport",)

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        raw = transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)

    @property
    def busy(self) -> bool:
        """Whether bytes sent earlier still wait for the client to take them."""
        return self._transport.get_write_buffer_size() > 0

    async def room(self) -> None:
        """Wait while more lies here than a client that reads would leave."""
        while self._transport.get_write_buffer_size() > _BACKLOG:
            if self._transport.is_closing():
                return
            await asyncio.sleep(_BACKLOG_POLL)

    def offer(self, frame: bytes) -> bool:
        """Write a whole frame if nothing waits; tell whether it was."""
        transport = self._transport
        if transport.get_write_buffer_size() or transport.is_closing():
            return False
        transport.write(frame)
        return True

    def send(self, payload: bytes) -> int:
        """Send one text frame, whatever waits; return the bytes on the wire, 0 where it is closing."""
        return self._write(text_frame(payload))

    def answer(self, *payloads: bytes) -> None:
        """Send text frames as `send` does, which are for nobody else."""
        self._write(b"".join([encode_frame(TEXT, payload) for payload in payloads]))

    def _write(self, frame: bytes) -> int:
        if self._transport.is_closing():
            return 0
        self._transport.write(frame)
        return len(frame)

    def close(self, code: int, reason: str) -> None:
        """Say goodbye; cut the link where the client does not take the goodbye within seconds."""
        if self._transport.is_closing():
            return
        self._transport.write(close_frame(code, reason))
        self._transport.close()
        asyncio.get_running_loop().call_later(_CLOSE_GRACE, self._transport.abort)
