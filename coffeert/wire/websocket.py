"""WebSocket frames in bytes (RFC 6455, section 5.2): what the server writes, and what plain clients send.

A reader of our own in front of a whole WebSocket implementation: it need not know every frame, only which
frames it knows for certain.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Final

TEXT: Final = 0x81
"""The first byte of a text that is whole in one frame: FIN, no extension's bits, opcode 1."""
PING: Final = 0x89
PONG: Final = 0x8A
CLOSE: Final = 0x88

_MASKED: Final = 0x80
_LENGTH: Final = 0x7F
_TWO_BYTES: Final = 126  # in place of a length that follows in two bytes
_EIGHT_BYTES: Final = 127
_HEADER_BYTES, _MASK_BYTES = 2, 4
_MAX_REASON_BYTES = 123  # a control frame holds 125, two of which are the code


@lru_cache(maxsize=8)
def text_frame(payload: bytes) -> bytes:
    """Encode a server's text frame, once for all clients that get the same payload."""
    return encode_frame(TEXT, payload)


def encode_frame(first_byte: int, payload: bytes, *, mask: bytes = b"") -> bytes:
    """Encode one frame; `first_byte` is `TEXT`, `PING` ..., a client's `mask` has four bytes."""
    masked, length = _MASKED if mask else 0, len(payload)
    if length < _TWO_BYTES:
        header = bytes((first_byte, masked | length))
    elif length < 1 << 16:
        header = struct.pack("!BBH", first_byte, masked | _TWO_BYTES, length)
    else:
        header = struct.pack("!BBQ", first_byte, masked | _EIGHT_BYTES, length)
    return header + mask + (_xor(payload, mask) if mask else payload)


def close_frame(code: int, reason: str) -> bytes:
    """Encode a close frame; a reason longer than a control frame allows is cut."""
    text = reason.encode()[:_MAX_REASON_BYTES].decode(errors="ignore").encode()
    return encode_frame(CLOSE, struct.pack("!H", code) + text)


def masked_text_frame(payload: bytes, mask: bytes = b"\0\0\0\0") -> bytes:
    """Encode a client's text frame. A mask of zeros leaves the payload readable."""
    return encode_frame(TEXT, payload, mask=mask)


def find_payload(data: bytes, at: int) -> tuple[int, int]:
    """Return where the payload of the masked frame at `at` begins and ends.

    (0, 0): the frame is unmasked, takes more than 65,535 bytes, or has a length that is not the shortest
    way to say it. The end lies behind the data if the frame is not complete; as long as even its length
    is not known, the end is one byte behind the data.
    """
    size = len(data)
    if size - at < _HEADER_BYTES:
        return at, size + 1
    length = data[at + 1] - _MASKED
    if length < 0 or length > _TWO_BYTES:
        return 0, 0
    begin = at + _HEADER_BYTES + _MASK_BYTES
    if length == _TWO_BYTES:
        begin += 2
        if size < begin:
            return at, size + 1
        length = int.from_bytes(data[at + _HEADER_BYTES : at + _HEADER_BYTES + 2], "big")
        if length < _TWO_BYTES:
            return 0, 0
    return begin, begin + length


def unmask(data: bytes, begin: int, end: int) -> bytes:
    """Return the payload of a masked frame, whose mask lies before it."""
    return _xor(data[begin:end], data[begin - _MASK_BYTES : begin])


def read_server_frames(data: bytes | bytearray) -> tuple[list[bytes], bytes]:
    """Split what a server has sent into the payloads of whole frames and the rest.

    A frame that is not a whole text, such as a ping, comes as `b""`.
    """
    payloads: list[bytes] = []
    at, size = 0, len(data)
    while size - at >= _HEADER_BYTES:
        length, begin = data[at + 1] & _LENGTH, at + _HEADER_BYTES
        if length >= _TWO_BYTES:
            begin += 2 if length == _TWO_BYTES else 8
            if size < begin:
                break
            length = int.from_bytes(data[at + _HEADER_BYTES : begin], "big")
        if size < begin + length:
            break
        payloads.append(bytes(data[begin : begin + length]) if data[at] == TEXT else b"")
        at = begin + length
    return payloads, bytes(data[at:])


def _xor(payload: bytes, mask: bytes) -> bytes:
    # As two long numbers: many times faster than byte by byte.
    length = len(payload)
    repeated = (mask * (length // _MASK_BYTES + 1))[:length]
    number = int.from_bytes(payload, "little") ^ int.from_bytes(repeated, "little")
    return number.to_bytes(length, "little")
