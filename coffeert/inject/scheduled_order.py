"""One order that is ready to be sent, and keys under which it can be sent again safely."""

from __future__ import annotations

from hashlib import blake2b
from uuid import UUID

import msgspec


class ScheduledOrder(msgspec.Struct, frozen=True, gc=False):
    """An order as bytes. `due` is in seconds since the start, `None` for as soon as possible.

    `line` is its line in a file, 0 for a generated one. `voids`: it cancels an order instead, and must come
    after all before it have been answered.
    """

    body: bytes
    due: float | None
    line: int = 0
    voids: bool = False


def key_from(*parts: str) -> UUID:
    """Derive a key from content: a UUIDv8 (RFC 9562, section 5.8) over a BLAKE2b digest."""
    digest = blake2b("\x1f".join(parts).encode(), digest_size=16).digest()
    number = int.from_bytes(digest)
    number &= ~((0xF << 76) | (0x3 << 62))
    return UUID(int=number | (8 << 76) | (2 << 62))
