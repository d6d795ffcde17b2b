"""The positions of lines within their receipts, in memory that does not grow with the file."""

from __future__ import annotations

import struct
from hashlib import blake2b
from typing import Final

_REMEMBERED: Final = 50_000
_BITS: Final = 1 << 28
_PROBES: Final = 4


class ReceiptPositions:
    """Counts the lines of each receipt; the receipts of a file may be interleaved.

    The latest 50,000 receipts are remembered exactly. An older one that comes again is recognised by a
    Bloom filter (Bloom 1970; 4 of 2^28 bits, so below one in a thousand of 10 million receipts is mistaken
    for one), and its position in the file identifies the line.
    """

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._older: bytearray | None = None

    def position(self, receipt: str, line: int) -> str:
        """Return what tells this line of a receipt from its others: `1`, `2`, ..."""
        count = self._counts.get(receipt)
        if count is None:
            if len(self._counts) >= _REMEMBERED:
                self._forget()
            if self._older is not None and self._is_older(receipt):
                return f"@{line}"
            count = 0
        self._counts[receipt] = count + 1
        return str(count + 1)

    def _forget(self) -> None:
        """Keep the later half of the receipts only."""
        if self._older is None:
            self._older = bytearray(_BITS // 8)
        kept = list(self._counts.items())
        half = len(kept) // 2
        for receipt, _ in kept[:half]:
            for bit in _bits(receipt):
                self._older[bit >> 3] |= 1 << (bit & 7)
        self._counts = dict(kept[half:])

    def _is_older(self, receipt: str) -> bool:
        assert self._older is not None
        return all(self._older[bit >> 3] & (1 << (bit & 7)) for bit in _bits(receipt))


def _bits(receipt: str) -> list[int]:
    digest = blake2b(receipt.encode("utf-8", "surrogatepass"), digest_size=4 * _PROBES).digest()
    return [n % _BITS for n in struct.unpack(f"<{_PROBES}I", digest)]
