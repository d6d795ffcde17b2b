"""The outcomes of an injection: counts, errors, and latencies from when each order was due."""

from __future__ import annotations

import time
from typing import Final

import msgspec

from coffeert.errors import ApiError, FieldError
from coffeert.inject.latency import Latency, LatencyHistogram

MAX_ERRORS: Final = 20


class LineError(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why one order was not stored; `line` is its line in the file, 0 for a generated one."""

    line: int
    detail: str
    status: int = 0
    errors: tuple[FieldError, ...] = ()


class InjectionReport(msgspec.Struct, frozen=True, kw_only=True):
    """How an injection went.

    `sent` is `accepted + replayed + rejected + lost`. `lost` had no final answer in time: such an order
    may be stored or not. `retried` counts attempts beyond the first, for a batch once for all of it.
    `bad_rows` could not be read and were not sent. `errors` holds the first `MAX_ERRORS`. `run` names
    made-up orders, so that they can be taken back.
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
    run: str = ""

    @property
    def clean(self) -> bool:
        """Whether every order was stored."""
        return not (self.rejected or self.lost or self.bad_rows)


class OutcomeRecorder:
    """Counts the outcome of each order, while the injection runs."""

    def __init__(self, run: str = "") -> None:
        self._run = run
        self._latencies = LatencyHistogram()
        self._began = time.monotonic()
        self.accepted = 0
        self.replayed = 0
        self.rejected = 0
        self.lost = 0
        self.bad_rows = 0
        self.errors: list[LineError] = []

    @property
    def finished(self) -> int:
        """How many orders have a final answer, or will get none."""
        return self.accepted + self.replayed + self.rejected + self.lost

    @property
    def elapsed(self) -> float:
        """Seconds since `start`."""
        return time.monotonic() - self._began

    def start(self) -> float:
        """Start the clock, and return its time of `time.monotonic()`."""
        self._began = time.monotonic()
        return self._began

    def stored(self, seconds: float, *, replayed: bool) -> None:
        """Count an order that is stored, `seconds` after it was due."""
        if replayed:
            self.replayed += 1
        else:
            self.accepted += 1
        self._latencies.record(seconds)

    def latency(self, seconds: float) -> None:
        """Record the latency of an order of a batch."""
        self._latencies.record(seconds)

    def refused(self, line: int, error: ApiError) -> None:
        """Count an order that the server refuses for good."""
        self.rejected += 1
        self.add_error(LineError(line, error.detail, error.status, error.errors))

    def gave_up(self, line: int, reason: str) -> None:
        """Count an order whose outcome is not known."""
        self.lost += 1
        self.add_error(LineError(line, reason))

    def bad_row(self, line: int, reason: str) -> None:
        """Count a row that is not an order."""
        self.bad_rows += 1
        self.add_error(LineError(line, reason))

    def add_error(self, error: LineError) -> None:
        """Keep an error, if it is among the first `MAX_ERRORS`."""
        if len(self.errors) < MAX_ERRORS:
            self.errors.append(error)

    def report(self, *, retried: int, stopped: bool) -> InjectionReport:
        duration = self.elapsed
        return InjectionReport(
            sent=self.finished,
            accepted=self.accepted,
            replayed=self.replayed,
            rejected=self.rejected,
            retried=retried,
            lost=self.lost,
            bad_rows=self.bad_rows,
            duration_s=round(duration, 3),
            rate_per_s=round((self.accepted + self.replayed) / duration, 1) if duration else 0.0,
            latency_ms=self._latencies.summary(),
            stopped=stopped,
            errors=tuple(self.errors),
            run=self._run,
        )
