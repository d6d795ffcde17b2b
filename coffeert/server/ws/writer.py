"""Writes WebSocket frames straight to the transport, past aiohttp (decisions 0013 and 0021)."""

from __future__ import annotations

import asyncio
import socket

from coffeert.wire.websocket import TEXT, close_frame, encode_frame, text_frame

# So little that a stalled client is noticed after 128 KiB, not after the megabytes of autotuning.
_SEND_BUFFER_BYTES = 128 * 1024
_CLOSE_TIMEOUT_SECONDS = 2.0
_MAX_UNSENT_BYTES = 1024 * 1024
_DRAIN_POLL_SECONDS = 0.05


class WebSocketWriter:
    """Writes to one client; a `FrameSink` for the broadcaster."""

    __slots__ = ("_transport",)

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        raw = transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)

    @property
    def busy(self) -> bool:
        """Whether bytes written earlier are still to be sent."""
        return self._transport.get_write_buffer_size() > 0

    async def drain(self) -> None:
        """Wait until no more than 1 MiB is to be sent."""
        while self._transport.get_write_buffer_size() > _MAX_UNSENT_BYTES:
            if self._transport.is_closing():
                return
            await asyncio.sleep(_DRAIN_POLL_SECONDS)

    def try_write(self, frame: bytes) -> bool:
        """Write an encoded frame if nothing is left to be sent; return whether it was written."""
        transport = self._transport
        if transport.get_write_buffer_size() or transport.is_closing():
            return False
        transport.write(frame)
        return True

    def send(self, payload: bytes) -> int:
        """Write a text frame even if the client is behind; return its bytes, 0 if it is closing."""
        frame = text_frame(payload)
        if self._transport.is_closing():
            return 0
        self._transport.write(frame)
        return len(frame)

    def send_all(self, *payloads: bytes) -> None:
        """Write a text frame of each payload at once; for payloads that no other client gets."""
        if not self._transport.is_closing():
            self._transport.write(b"".join([encode_frame(TEXT, payload) for payload in payloads]))

    def close(self, code: int, reason: str) -> None:
        """Send a close frame, and abort after two seconds if the client does not read it."""
        if self._transport.is_closing():
            return
        self._transport.write(close_frame(code, reason))
        self._transport.close()
        asyncio.get_running_loop().call_later(_CLOSE_TIMEOUT_SECONDS, self._transport.abort)
