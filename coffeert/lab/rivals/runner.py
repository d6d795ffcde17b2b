"""A run of `coffeert lab rivals`: each rival after the other, and their table."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import uvloop
from rich.console import Console

from coffeert.errors import ConfigError
from coffeert.lab.resource_usage import describe_machine
from coffeert.lab.rivals.coffeert_server import CoffeertRival
from coffeert.lab.rivals.flink import FlinkRival
from coffeert.lab.rivals.kafka import KafkaConsumerRival, PathwayRival, QuixRival
from coffeert.lab.rivals.measure import RivalSizes, measure_rival
from coffeert.lab.rivals.nats import NatsRival
from coffeert.lab.rivals.results import (
    RIVALS_FILE,
    RivalResult,
    RivalResults,
    render_rivals,
)
from coffeert.lab.rivals.rival import Rival

RIVALS: dict[str, Callable[[], Rival]] = {
    "coffeert": lambda: CoffeertRival("batch"),
    "coffeert-single": lambda: CoffeertRival("single"),
    "nats": lambda: NatsRival(flushed=True),
    "nats-unflushed": lambda: NatsRival(flushed=False),
    "kafka": KafkaConsumerRival,
    "quix": QuixRival,
    "pathway": PathwayRival,
    "flink": FlinkRival,
}
"""By the name that the command takes, in the order in which they run."""


def select_rivals(names: Sequence[str]) -> tuple[str, ...]:
    """Return the named rivals, without names every one; raises `ConfigError`."""
    for name in names:
        if name not in RIVALS:
            raise ConfigError(f"There is no rival {name!a}; there are {', '.join(RIVALS)}.")
    return tuple(name for name in RIVALS if not names or name in names)


def run_rivals(
    names: Sequence[str], sizes: RivalSizes, out: Path, seed: int = 1, conditions: str = ""
) -> RivalResults:
    """Measure rivals, and write `rivals.json` after each, so that an interrupted run keeps the others."""
    console = Console(file=sys.stderr)
    out.mkdir(parents=True, exist_ok=True)
    began, started = time.monotonic(), datetime.now(UTC).isoformat(timespec="seconds")
    machine, found = describe_machine(), list[RivalResult]()
    for name in names:
        found.append(
            uvloop.run(measure_rival(RIVALS[name](), sizes, seed, lambda text: console.print(text)))
        )
        results = RivalResults(
            machine=machine, started=started, seconds=round(time.monotonic() - began, 1),
            rivals=tuple(found), conditions=conditions,
        )  # fmt: skip
        (out / RIVALS_FILE).write_bytes(
            msgspec.json.format(msgspec.json.encode(results), indent=1) + b"\n"
        )
    Console().print(render_rivals(results), markup=False, highlight=False, soft_wrap=True)
    return results
