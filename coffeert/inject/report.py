"""What became of the orders: counts, and latencies from the moment each was due."""

from __future__ import annotations

import time
from typing import Final

import msgspec
from hdrh.histogram import HdrHistogram

from coffeert.errors import ApiError, FieldError

ERRORS_KEPT: Final = 20
_MICROSECONDS = 1e6
_LONGEST = 3_600_000_000  # an hour, in microseconds
_DIGITS = 3


class LineError(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why one order was not stored; `line` is its place in the file, 0 for a made-up one."""

    line: int
    detail: str
    status: int = 0
    errors: tuple[FieldError, ...] = ()


class Latency(msgspec.Struct, frozen=True, rename={"p99_9": "p99.9"}):
    """Milliseconds from when an order was due to its answer; zeros where none was answered."""

    p50: float
    p90: float
    p99: float
    p99_9: float
    max: float


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """How an injection went.

    `sent` is `accepted + replayed + rejected + lost`. `lost` had no final answer in time: such an order
    may be stored or not. `retried` counts attempts beyond the first, for a batch once for all of it.
    `bad_rows` could not be read and were not sent. `errors` holds the first of each.
    """

    sent: int
    accepted: int
    replayed: int
    rejected: int
    retried: int
    lost: int
    bad_rows: int
    duration_s: float
    rate_per_s: float
    latency_ms: Latency
    stopped: bool
    errors: tuple[LineError, ...]

    @property
    def clean(self) -> bool:
        """Whether every order was stored."""
        return not (self.rejected or self.lost or self.bad_rows)


class OutcomeRecorder:
    """Takes in what becomes of each order, while it happens."""

    def __init__(self) -> None:
        self._histogram = HdrHistogram(1, _LONGEST, _DIGITS)
        self._began = time.monotonic()
        self.accepted = 0
        self.replayed = 0
        self.rejected = 0
        self.lost = 0
        self.bad_rows = 0
        self.errors: list[LineError] = []

    @property
    def finished(self) -> int:
        """How many orders have their final answer, or will get none."""
        return self.accepted + self.replayed + self.rejected + self.lost

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._began

    def start(self) -> float:
        """Begin to count time, and return that moment of `time.monotonic()`."""
        self._began = time.monotonic()
        return self._began

    def stored(self, seconds: float, *, replayed: bool) -> None:
        """Count an order that is stored, `seconds` after it was due."""
        if replayed:
            self.replayed += 1
        else:
            self.accepted += 1
        self.latency(seconds)

    def latency(self, seconds: float) -> None:
        """Record one order's latency."""
        self._histogram.record_value(min(max(int(seconds * _MICROSECONDS), 1), _LONGEST))

    def refused(self, line: int, error: ApiError) -> None:
        """Count an order that the server refuses for good."""
        self.rejected += 1
        self.explain(LineError(line, error.detail, error.status, error.errors))

    def gave_up(self, line: int, reason: str) -> None:
        """Count an order whose fate is not known."""
        self.lost += 1
        self.explain(LineError(line, reason))

    def bad_row(self, line: int, reason: str) -> None:
        """Count a row that is no order."""
        self.bad_rows += 1
        self.explain(LineError(line, reason))

    def explain(self, error: LineError) -> None:
        """Keep an explanation, if it is among the first."""
        if len(self.errors) < ERRORS_KEPT:
            self.errors.append(error)

    def report(self, *, retried: int, stopped: bool) -> Report:
        """Sum up."""
        duration = self.elapsed
        return Report(
            sent=self.finished,
            accepted=self.accepted,
            replayed=self.replayed,
            rejected=self.rejected,
            retried=retried,
            lost=self.lost,
            bad_rows=self.bad_rows,
            duration_s=round(duration, 3),
            rate_per_s=round((self.accepted + self.replayed) / duration, 1) if duration else 0.0,
            latency_ms=self._latency(),
            stopped=stopped,
            errors=tuple(self.errors),
        )

    def _latency(self) -> Latency:
        at = self._histogram.get_value_at_percentile
        return Latency(*(round(at(percent) / 1e3, 3) for percent in (50, 90, 99, 99.9, 100)))
