"""WebSocket frames in bytes (RFC 6455), just enough for a client that speaks to our own server."""

from __future__ import annotations

import struct

_UPGRADE = (
    "GET /ws/dashboard HTTP/1.1\r\nHost: lab\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: bGFiIGxhYiBsYWIgbGFiLg==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
UPGRADE = _UPGRADE.encode()
TEXT = 0x81


def text_frame(payload: bytes) -> bytes:
    """Make a client's text frame. The mask is zero, which leaves the payload as it is."""
    length = len(payload)
    if length < 126:
        return bytes((TEXT, 0x80 | length)) + b"\0\0\0\0" + payload
    return struct.pack("!BBH", TEXT, 0x80 | 126, length) + b"\0\0\0\0" + payload


def take_payloads(buffer: bytearray) -> list[bytes]:
    """Take the whole frames off the front of what a server has sent; control frames come as `b""`."""
    payloads: list[bytes] = []
    at, size = 0, len(buffer)
    while size - at >= 2:
        length, head = buffer[at + 1] & 0x7F, 2
        if length == 126:
            head = 4
        elif length == 127:
            head = 10
        if size - at < head:
            break
        if head > 2:
            length = int.from_bytes(buffer[at + 2 : at + head], "big")
        if size - at < head + length:
            break
        is_text = buffer[at] == TEXT
        payloads.append(bytes(buffer[at + head : at + head + length]) if is_text else b"")
        at += head + length
    del buffer[:at]
    return payloads
