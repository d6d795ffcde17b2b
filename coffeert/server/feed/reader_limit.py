"""How many readers of the feed may wait or be streamed to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from coffeert.errors import TooManyRequests, Unavailable
from coffeert.net import is_local_address


class ReaderLimit:
    """Counts the readers of one server; those of this machine only in total, as for connections."""

    def __init__(self, total: int, per_address: int) -> None:
        """`per_address` is 0 for no limit."""
        self._total = total
        self._per_address = per_address
        self._counts: Counter[str] = Counter()

    @property
    def readers(self) -> int:
        """How many there are."""
        return self._counts.total()

    @contextmanager
    def reader(self, address: str) -> Iterator[None]:
        """Count a reader for the length of a block.

        Raises `TooManyRequests` if its address has too many, and `Unavailable` if the server has.
        """
        limited = self._per_address and not is_local_address(address)
        if limited and self._counts[address] >= self._per_address:
            raise TooManyRequests("Too many readers of the feed from this address.", retry_after=10)
        if self.readers >= self._total:
            raise Unavailable("Too many readers of the feed on this server.", retry_after=10)
        self._counts[address] += 1
        try:
            yield
        finally:
            self._counts[address] -= 1
            if not self._counts[address]:
                del self._counts[address]
