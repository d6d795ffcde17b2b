"""What experiments hand back: figures, each with its correctness, and verdicts on the targets."""

from __future__ import annotations

from typing import Literal

import msgspec

from coffeert.lab.latency import Latencies
from coffeert.lab.machine import Machine


class Correctness(msgspec.Struct, frozen=True):
    """What the database says about the orders of one measurement.

    `lost`: acknowledged but not stored. `duplicated`: rows that no request asked for. `exact`: every
    rollup equals the orders, which all had been counted.
    """

    sent: int
    acknowledged: int
    stored: int
    lost: int
    duplicated: int
    exact: bool

    @property
    def clean(self) -> bool:
        """Whether nothing at all is wrong."""
        return self.exact and not self.lost and not self.duplicated


class Wait(msgspec.Struct, frozen=True):
    """What PostgreSQL's backends were found at, as a share of the samples in which one was busy."""

    event: str
    share: float


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What was busy meanwhile: CPU in cores, the event loop's delay in ms, PostgreSQL's waits.

    `others_cores`: everything else that ran on the machine, the lab's own watching among it.
    """

    server_cores: float
    postgres_cores: float
    redis_cores: float
    generator_cores: float
    others_cores: float
    loop_lag_ms: float
    waits: tuple[Wait, ...] = ()

    @property
    def generator_bound(self) -> bool:
        """Whether the generator had no CPU left, so that the figure is its own limit."""
        return self.generator_cores >= 0.92


class Measurement(msgspec.Struct, frozen=True, kw_only=True):
    """One load, and what came of it. `offered` and `good` per second; 0 offered: as fast as it goes.

    `good` counts what was answered as asked within the objective, where the experiment has one.
    """

    label: str
    offered: float = 0.0
    good: float = 0.0
    unit: str = "orders/s"
    errors: int = 0
    shed: int = 0
    latency: Latencies | None = None
    evidence: Evidence | None = None
    correctness: Correctness | None = None
    note: str = ""


class Point(msgspec.Struct, frozen=True):
    """One point of a curve."""

    x: float
    y: float


class Curve(msgspec.Struct, frozen=True):
    """One curve of a picture."""

    name: str
    points: tuple[Point, ...]


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """Curves to be drawn together."""

    name: str
    title: str
    x: str
    y: str
    curves: tuple[Curve, ...]
    log_x: bool = False
    log_y: bool = False


class Figure(msgspec.Struct, frozen=True):
    """A named number that the report speaks of."""

    name: str
    value: float
    unit: str = ""


Held = Literal["holds", "fails", "no verdict"]


class Verdict(msgspec.Struct, frozen=True):
    """A target and what was measured of it.

    `certain`: what else ran on the machine cannot have changed it.
    """

    target: str
    measured: str
    held: Held
    note: str = ""
    certain: bool = False


class Experiment(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that one experiment found out."""

    name: str
    question: str
    measurements: tuple[Measurement, ...]
    figures: tuple[Figure, ...] = ()
    pictures: tuple[Picture, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float = 0.0

    def figure(self, name: str) -> float | None:
        """Return a figure by its name."""
        return next((f.value for f in self.figures if f.name == name), None)


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """A run of the lab: where, with what, and what came out.

    `conditions`: what people should know of the circumstances, in the words of whoever started it.
    """

    machine: Machine
    started: str
    effort: str
    seed: int
    seconds: float
    experiments: tuple[Experiment, ...]
    conditions: str = ""


def judge(value: float, wanted: float, *, at_least: bool, valid: bool = True) -> Held:
    """Compare a figure with its target; one that the generator limited gets no verdict."""
    if not valid:
        return "no verdict"
    return "holds" if (value >= wanted if at_least else value <= wanted) else "fails"
