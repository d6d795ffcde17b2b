"""Latency percentiles in bounded memory, however many orders there are."""

from __future__ import annotations

import math
from collections import Counter
from fractions import Fraction

import msgspec

_PRECISION_BITS = 11
_PER_MILLE = (500, 900, 990, 999)


class Latency(msgspec.Struct, frozen=True, rename={"p99_9": "p99.9"}):
    """Milliseconds from when an order was due to its answer; zeros if none was answered."""

    p50: float
    p90: float
    p99: float
    p99_9: float
    max: float


class LatencyHistogram:
    """Counts latencies in buckets no wider than 1/1024 of their value, or one microsecond.

    These are the buckets of HdrHistogram with three digits, of which an hour takes some 23,000; written
    here because the Python package compiles C at installation if there is no wheel (Linux on aarch64),
    and recording one value is all that an injection needs.
    """

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        self._max = 0

    def record(self, seconds: float) -> None:
        """Count a latency; a negative one, of a clock's rounding, counts as zero."""
        microseconds = max(int(seconds * 1e6), 0)
        self._max = max(self._max, microseconds)
        shift = max(microseconds.bit_length() - _PRECISION_BITS, 0)
        self._counts[microseconds >> shift << shift] += 1

    def summary(self) -> Latency:
        """Return the percentiles: each the upper end of its bucket, and the exact maximum."""
        microseconds = [self._percentile(per_mille) for per_mille in _PER_MILLE] + [self._max]
        return Latency(*(round(value / 1e3, 3) for value in microseconds))

    def _percentile(self, per_mille: int) -> int:
        rank, seen = math.ceil(self._counts.total() * Fraction(per_mille, 1000)), 0
        for bucket, count in sorted(self._counts.items()):
            seen += count
            if seen >= rank:
                width = 1 << max(bucket.bit_length() - _PRECISION_BITS, 0)
                return min(bucket + width - 1, self._max)
        return 0
