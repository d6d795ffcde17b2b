"""Latencies as HDR histograms, in microseconds, from the moment a request was due."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from hdrh.histogram import HdrHistogram

_LONGEST = 600_000_000  # ten minutes, in microseconds
_DIGITS = 3


class Latencies(msgspec.Struct, frozen=True):
    """Percentiles in milliseconds, zeros where nothing was measured.

    `histogram` is all of it, in HdrHistogram's compressed form (V2, base64, microseconds).
    """

    count: int
    p50: float
    p99: float
    p99_9: float
    max: float
    mean: float
    histogram: str

    @classmethod
    def of(cls, seconds: Iterable[float]) -> Latencies:
        """Sum up durations in seconds."""
        histogram = HdrHistogram(1, _LONGEST, _DIGITS)
        for value in seconds:
            histogram.record_value(min(max(int(value * 1e6), 1), _LONGEST))
        return cls._summed(histogram)

    @classmethod
    def merged(cls, parts: Iterable[Latencies]) -> Latencies:
        """Add up histograms; percentiles are those of the whole, not averages."""
        histogram = HdrHistogram(1, _LONGEST, _DIGITS)
        for part in parts:
            histogram.add(HdrHistogram.decode(part.histogram))
        return cls._summed(histogram)

    @classmethod
    def _summed(cls, histogram: HdrHistogram) -> Latencies:
        at = histogram.get_value_at_percentile
        p50, p99, p99_9, most = (round(at(p) / 1e3, 3) for p in (50, 99, 99.9, 100))
        mean = round(histogram.get_mean_value() / 1e3, 3) if histogram.total_count else 0.0
        encoded: bytes = histogram.encode()
        return cls(histogram.total_count, p50, p99, p99_9, most, mean, encoded.decode())
