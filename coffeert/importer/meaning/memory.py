"""Remembers what was read, in memory that does not grow with the file."""

from __future__ import annotations

from typing import Final, TypeVar

K = TypeVar("K")
V = TypeVar("V")

CACHED: Final = 100_000
MAX_LENGTH: Final = 200


def is_long(key: object) -> bool:
    """Return whether a text, or one of several, is too long to be kept."""
    if type(key) is str:
        return len(key) > MAX_LENGTH
    return isinstance(key, tuple) and any(map(is_long, key))


def remember(cache: dict[K, V], key: K, value: V) -> None:
    """Keep a value, unless its key is long; everything is forgotten once there is too much."""
    if is_long(key):
        return
    if len(cache) >= CACHED:
        cache.clear()
    cache[key] = value
