"""Remembers what was read, in memory that does not grow with the file."""

from __future__ import annotations

from typing import Final, TypeVar

K = TypeVar("K")
V = TypeVar("V")

CACHED: Final = 100_000


def remember(cache: dict[K, V], key: K, value: V) -> None:
    """Keep a value; everything is forgotten once there is too much."""
    if len(cache) >= CACHED:
        cache.clear()
    cache[key] = value
