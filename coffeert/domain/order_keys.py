"""Order ids from keys of any form, the same over every way in."""

from __future__ import annotations

import re
from typing import Final
from uuid import UUID, uuid5

import msgspec

MAX_KEY_LENGTH: Final = 255
NAMESPACE: Final = UUID("5f7f5b0a-8d55-4f0e-9b1e-6c2a3f0d9a41")
"""Of the UUIDv5 (RFC 9562, section 5.5) that stands for a key which is not a UUID itself."""

_VOIDS: Final = UUID("6f8e9d0e-2f0b-5c1a-9f51-0c0ffee00001")

_KEY = re.compile(rf"[!-~]{{1,{MAX_KEY_LENGTH}}}", re.ASCII)
_UUID = re.compile(
    r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}", re.ASCII | re.IGNORECASE
)
_UUID_LENGTH = 36


def order_id_from_key(key: str) -> UUID:
    """Return the order id that a key stands for: a UUID itself, and a UUIDv5 for any other text.

    Raises `ValueError` for a key that is empty, too long, or has other than visible ASCII characters.
    """
    if len(key) == _UUID_LENGTH:
        # Most keys are UUIDs, and the standard library takes four times as long to read one.
        try:
            return msgspec.convert(key, UUID)
        except msgspec.ValidationError:
            pass
    if _UUID.fullmatch(key):
        return UUID(key)
    _check(key)
    return uuid5(NAMESPACE, key)


def key_to_echo(key: str, order_id: UUID) -> str | None:
    """Return the key if it is not the usual text of the id that it stands for."""
    return None if key == msgspec.to_builtins(order_id) else key


def line_key(key: str, line: int) -> str:
    """Return the key of a line of a batch that has the key `key`; lines count from 1."""
    return f"{key}#{line}"


def void_key(order_id: UUID) -> UUID:
    """Return the order id of an order's void, unless something else has taken it."""
    return uuid5(_VOIDS, str(order_id))


class BatchKey:
    """The key of a batch, from which its lines get theirs. Raises `ValueError` for a bad key."""

    def __init__(self, key: str) -> None:
        _check(key)
        # A UUID in another spelling is the same key.
        self._key = str(UUID(key)) if _UUID.fullmatch(key) else key

    def order_id(self, line: int) -> UUID:
        """Return the order id of a line; lines count from 1."""
        # The line's key may be longer than a key that clients send.
        return uuid5(NAMESPACE, line_key(self._key, line))


def _check(key: str) -> None:
    if not _KEY.fullmatch(key):
        raise ValueError(f"must be 1 to {MAX_KEY_LENGTH} visible ASCII characters")
