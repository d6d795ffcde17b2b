"""What was measured of the rivals, and its table."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

from coffeert.errors import ConfigError
from coffeert.lab.appendix import table
from coffeert.lab.results import Machine

OURS: Final = "coffeert"
"""What the names of the systems of this project begin with."""
RIVALS_FILE: Final = "rivals.json"
RATES: Final = (100, 1_000, 5_000)
"""Orders a second at which delays are measured."""


class RivalDelay(msgspec.Struct, frozen=True):
    """Milliseconds from when an order was due to when the reader's count reached it, at one rate.

    `reached`: the rival kept up; else the delays only say for how long it was measured.
    """

    rate: float
    p50: float
    p99: float
    reached: bool


class KillOutcome(msgspec.Struct, frozen=True):
    """What a `kill -9` amid a stream did; `back`: seconds until it counted again, or was given up."""

    killed: str
    acknowledged: int
    counted: int
    back: float

    def __str__(self) -> str:
        missing, more = self.acknowledged - self.counted, self.counted - self.acknowledged
        said = "all counted"
        if missing > 0:
            said = f"{missing:,} of {self.acknowledged:,} acknowledged not counted"
        elif more > 0:
            said = f"all counted, and {more:,} that were not acknowledged"
        return f"{self.killed}: {said}, back in {self.back:.1f} s"


class LateOutcome(msgspec.Struct, frozen=True):
    """How many orders each grain counted within a minute of those sent, some of them late."""

    sent: int
    late: int
    minutes: int
    hours: int
    days: int

    def __str__(self) -> str:
        if self.minutes == self.hours == self.days == self.sent:
            return "exact"
        return (
            f"of {self.sent:,} within a minute: minutes {self.minutes:,}, hours {self.hours:,}, "
            f"days {self.days:,}"
        )


class RivalResult(msgspec.Struct, frozen=True, kw_only=True):
    """One rival, or with `skipped` why it could not be measured.

    `maximum` in orders/s, `memory_mib` PSS of all its processes at 5,000/s, `cold_start` in seconds from
    nothing to the first order counted. Without a `maximum` orders were left two minutes after a load,
    and what would have come next, amid that backlog, was not measured.
    """

    name: str
    version: str = ""
    durable: str = ""
    maximum: float = 0.0
    delays: tuple[RivalDelay, ...] = ()
    memory_mib: float = 0.0
    cold_start: float = 0.0
    processes: int = 0
    kills: tuple[KillOutcome, ...] = ()
    late: LateOutcome | None = None
    note: str = ""
    skipped: str = ""


class RivalResults(msgspec.Struct, frozen=True, kw_only=True):
    """A run of `coffeert lab rivals`."""

    machine: Machine
    started: str
    seconds: float
    rivals: tuple[RivalResult, ...]
    conditions: str = ""


def read_rivals(out: Path) -> RivalResults | None:
    """Read the rivals' run of a directory, None if there is none; raises `ConfigError`."""
    path = out / RIVALS_FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=RivalResults)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError):
        raise ConfigError(f"{path} is not a result of this version of the lab.") from None


def render_rivals(results: RivalResults | None) -> str:
    """Return the table of the rivals as Markdown, with how each does the job and who is missing."""
    if results is None:
        return "*Not measured yet: `coffeert lab rivals`.*"
    measured = [one for one in results.rivals if not one.skipped]
    skipped = [f"{one.name} ({one.skipped})" for one in results.rivals if one.skipped]
    first, *others = RATES
    head = (
        "", "durable when acknowledged", "most orders/s", f"shown after, ms (p50 / p99), at {first:,}/s",
        *(f"at {rate:,}/s" for rate in others), "memory, MiB", "start, s", "processes",
        "after `kill -9`", "late orders",
    )  # fmt: skip
    notes = dict[str, list[str]]()
    for one in measured:
        if one.note:
            notes.setdefault(one.note, []).append(one.name)
    machine = results.machine
    said = [f"{', '.join(names)}: {note}." for note, names in notes.items()]
    if skipped:
        said.append(f"Not here: {'; '.join(skipped)}.")
    if behind := [one.name for one in measured if not one.maximum]:
        said.append(
            "Two minutes after a load not all of its orders were counted, so that faster ones were "
            f"not measured: {', '.join(behind)}."
        )
    conditions = f" Conditions: {results.conditions}." if results.conditions else ""
    said.append(
        f"Run of {results.started} in {results.seconds / 60:.0f} minutes on {machine.cpu}, "
        f"{machine.cores} cores.{conditions}"
    )
    return table(head, [_row(one) for one in measured]) + "\n\n" + " ".join(said)


def compare_rivals(results: RivalResults | None) -> str:
    """Say in a sentence who counts most orders and who shows them soonest, ours beside them."""
    measured = [one for one in results.rivals if one.maximum] if results else []
    ours = [one for one in measured if one.name.startswith(OURS)]
    others = [one for one in measured if not one.name.startswith(OURS)]
    if not ours or not others:
        return "(the others were not measured in this run)"
    most = max(others, key=lambda one: one.maximum)
    best = max(ours, key=lambda one: one.maximum)
    said = f"{most.name} counts {most.maximum:,.0f} orders/s, {best.name} {best.maximum:,.0f}"
    soon, mine = (min(found, default=None) for found in (_shown_after(others), _shown_after(ours)))
    if soon and mine:
        said += (
            f"; at {RATES[1]:,}/s {soon[1]} shows an order after {soon[0]:,.1f} ms (p50), "
            f"{mine[1]} after {mine[0]:,.1f}"
        )
    return f"{said}."


def _shown_after(rivals: Iterable[RivalResult]) -> list[tuple[float, str]]:
    """Return the median delay in ms at the middle rate, and the name of each that kept up."""
    return [
        (delay.p50, one.name)
        for one in rivals
        for delay in one.delays
        if delay.rate == RATES[1] and delay.reached
    ]


def _row(one: RivalResult) -> tuple[str, ...]:
    delays = {delay.rate: delay for delay in one.delays}
    return (
        f"{one.name} {one.version}".strip(),
        one.durable,
        f"{one.maximum:,.0f}" if one.maximum else "–",
        *(_delay(delays.get(rate)) for rate in RATES),
        f"{one.memory_mib:,.0f}" if one.memory_mib else "–",
        f"{one.cold_start:.1f}" if one.cold_start else "–",
        f"{one.processes}",
        "; ".join(map(str, one.kills)) or "–",
        str(one.late or "–"),
    )


def _delay(delay: RivalDelay | None) -> str:
    if delay is None:
        return "–"
    return f"{delay.p50:,.1f} / {delay.p99:,.1f}" if delay.reached else "not reached"
