"""What experiments return: measurements with their correctness beside them, and verdicts on targets."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec
from hdrh.histogram import HdrHistogram

_MAX_MICROSECONDS = 600_000_000
_SIGNIFICANT_DIGITS = 3
_GENERATOR_BOUND_CORES = 0.92


class Latencies(msgspec.Struct, frozen=True):
    """Percentiles in milliseconds; zeros if nothing was measured.

    `histogram` holds all values in HdrHistogram's compressed form (V2, base64, microseconds).
    """

    count: int
    p50: float
    p99: float
    p99_9: float
    max: float
    histogram: str

    @classmethod
    def of(cls, seconds: Iterable[float]) -> Latencies:
        """Summarize durations in seconds."""
        histogram = HdrHistogram(1, _MAX_MICROSECONDS, _SIGNIFICANT_DIGITS)
        for value in seconds:
            histogram.record_value(min(max(int(value * 1e6), 1), _MAX_MICROSECONDS))
        return cls._summary(histogram)

    @classmethod
    def merged(cls, parts: Iterable[Latencies]) -> Latencies:
        """Add up histograms; percentiles are those of the whole, not averages."""
        histogram = HdrHistogram(1, _MAX_MICROSECONDS, _SIGNIFICANT_DIGITS)
        for part in parts:
            histogram.add(HdrHistogram.decode(part.histogram))
        return cls._summary(histogram)

    @classmethod
    def _summary(cls, histogram: HdrHistogram) -> Latencies:
        at = histogram.get_value_at_percentile
        p50, p99, p99_9, most = (round(at(p) / 1e3, 3) for p in (50, 99, 99.9, 100))
        encoded: bytes = histogram.encode()
        return cls(histogram.total_count, p50, p99, p99_9, most, encoded.decode())


class Correctness(msgspec.Struct, frozen=True):
    """How the orders in the database compare with those of one measurement.

    `lost`: acknowledged but not stored. `duplicated`: rows that no request asked for. `exact`: all orders
    had been counted, and every rollup equals them.
    """

    sent: int
    acknowledged: int
    stored: int
    lost: int
    duplicated: int
    exact: bool

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong."""
        return self.exact and not self.lost and not self.duplicated


class WaitEvent(msgspec.Struct, frozen=True):
    """A wait event of PostgreSQL's backends, and its share of the samples of busy backends."""

    event: str
    share: float


class ResourceUsage(msgspec.Struct, frozen=True, kw_only=True):
    """What was busy during a measurement: CPU in cores, the event loop's delay in ms, PostgreSQL's waits.

    `others_cores`: everything else on the machine, the lab's own sampling included.
    """

    server_cores: float
    postgres_cores: float
    redis_cores: float
    generator_cores: float
    others_cores: float
    loop_lag_ms: float
    waits: tuple[WaitEvent, ...] = ()

    @property
    def generator_bound(self) -> bool:
        """Whether the generator had no CPU left, so that the figure is its own limit."""
        return self.generator_cores >= _GENERATOR_BOUND_CORES


class Measurement(msgspec.Struct, frozen=True, kw_only=True):
    """One load and its outcome; `offered` and `good` per second, 0 offered: as fast as it goes.

    `good` counts what was answered as asked, and within the objective if the experiment has one. `head`
    names the request head that was sent over HTTP.
    """

    label: str
    offered: float = 0.0
    good: float = 0.0
    unit: str = "orders/s"
    head: str = ""
    errors: int = 0
    shed: int = 0
    latency: Latencies | None = None
    usage: ResourceUsage | None = None
    correctness: Correctness | None = None
    note: str = ""


class Point(msgspec.Struct, frozen=True):
    """A point of a curve."""

    x: float
    y: float


class Curve(msgspec.Struct, frozen=True):
    """A named line of a diagram."""

    name: str
    points: tuple[Point, ...]


class Diagram(msgspec.Struct, frozen=True, kw_only=True):
    """Curves over common axes; `name` is the file's."""

    name: str
    title: str
    x: str
    y: str
    curves: tuple[Curve, ...]
    log_x: bool = False
    log_y: bool = False


class Metric(msgspec.Struct, frozen=True):
    """A named number that the report refers to."""

    name: str
    value: float
    unit: str = ""


Outcome = Literal["pass", "fail", "inconclusive"]


class Verdict(msgspec.Struct, frozen=True):
    """A target and how it was met.

    `undisturbed`: other programs on the machine cannot have changed the outcome.
    """

    target: str
    measured: str
    outcome: Outcome
    note: str = ""
    undisturbed: bool = False


class Experiment(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that one experiment found."""

    name: str
    question: str
    measurements: tuple[Measurement, ...]
    metrics: tuple[Metric, ...] = ()
    diagrams: tuple[Diagram, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float = 0.0

    def metric(self, name: str) -> float | None:
        """Return a metric's value, None if it was not measured."""
        return next((one.value for one in self.metrics if one.name == name), None)


class PackageVersion(msgspec.Struct, frozen=True):
    """An installed package."""

    name: str
    version: str


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """Hardware, system and versions; `load` is the load average when the run began."""

    cpu: str
    cores: int
    memory_gib: float
    system: str
    python: str
    packages: tuple[PackageVersion, ...]
    load: float


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """A run of the lab; `conditions` are what its user noted about the circumstances."""

    machine: Machine
    started: str
    preset: str
    seed: int
    seconds: float
    experiments: tuple[Experiment, ...]
    conditions: str = ""

    @property
    def correct(self) -> bool:
        """Whether no order was lost or counted wrongly in any measurement."""
        return all(
            one.correctness is None or one.correctness.clean
            for experiment in self.experiments
            for one in experiment.measurements
        )


def judge(value: float, target: float, *, at_least: bool, valid: bool = True) -> Outcome:
    """Compare a value with its target; a measurement that is not `valid` is inconclusive."""
    if not valid:
        return "inconclusive"
    return "pass" if (value >= target if at_least else value <= target) else "fail"
