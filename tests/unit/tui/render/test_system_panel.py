"""The system panel says what is broken, and what is unknown."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from coffeert.tui.render.glyphs import BRAILLE
from coffeert.tui.render.system_panel import (
    HealthHistory,
    Part,
    draw_system,
    nearest_limit,
    parts_of,
)
from coffeert.wire.health import DatabaseHealth
from tests.tui.scripted import NOON, healthy


def _titles(parts: tuple[Part, ...]) -> str:
    return "\n".join(
        "".join(s.text for s in spans) for spans in draw_system(parts, 90, 30, BRAILLE, "")
    )


def test_a_part_that_is_not_heard_of_is_not_said_to_be_well() -> None:
    parts = parts_of(healthy(NOON), NOON + timedelta(seconds=1.9), 1.9, HealthHistory())
    assert _titles(parts).count(BRAILLE.check) == 4
    parts = parts_of(healthy(NOON), NOON + timedelta(seconds=2.1), 2.1, HealthHistory())
    assert BRAILLE.check not in _titles(parts)
    assert _titles(parts).count("? not heard of for 2.1s") == 4


def test_a_slow_heartbeat_or_aggregator_is_waited_for() -> None:
    slow = msgspec.structs.replace(healthy(NOON).aggregator, interval_s=10.0)
    health = msgspec.structs.replace(healthy(NOON), aggregator=slow)
    later = NOON + timedelta(seconds=8)
    silent = [part.silent for part in parts_of(health, later, 8.0, HealthHistory(), 2.0)]
    assert silent == [True, False, True, True]
    assert not any(part.silent for part in parts_of(health, later, 8.0, HealthHistory(), 10.0))


def test_the_cause_is_named_before_what_follows_from_it() -> None:
    well = healthy(NOON)
    health = msgspec.structs.replace(
        well,
        aggregator=msgspec.structs.replace(well.aggregator, ok=False, reason="the pass is old"),
        database=DatabaseHealth(ok=False, reason="PostgreSQL cannot be reached.", since=NOON),
    )
    shown = _titles(parts_of(health, NOON + timedelta(seconds=1.5), 1.5, HealthHistory()))
    assert "PostgreSQL cannot be reached for 1.5s" in shown
    assert "the pass is old" not in shown


def test_without_a_connection_no_part_is_said_to_be_well() -> None:
    parts = parts_of(healthy(NOON), NOON + timedelta(seconds=0.3), 0.3, HealthHistory(), 0.0)
    assert BRAILLE.check not in _titles(parts)


def _lag_used(lag: float) -> float | None:
    health = healthy(NOON)
    late = msgspec.structs.replace(
        health, aggregator=msgspec.structs.replace(health.aggregator, lag_s=lag)
    )
    parts = parts_of(late, NOON, 0.0, HealthHistory())
    return next(figure.used for figure in parts[1].figures if figure.name == "lag")


def test_the_time_between_two_passes_is_no_load() -> None:
    """With a pass and a heartbeat a second, data are up to two seconds old however little is to do."""
    assert _lag_used(0.4) == _lag_used(1.9) == 0
    assert _lag_used(3.5) == 0.5
    assert _lag_used(5.0) == 1


def test_nothing_is_near_its_limit_that_is_not_heard_of() -> None:
    parts = parts_of(healthy(NOON), NOON + timedelta(seconds=9), 9.0, HealthHistory())
    assert "%" not in "".join(span.text for span in nearest_limit(parts))


def test_a_history_says_its_unit() -> None:
    parts = parts_of(healthy(NOON), NOON, 0.0, HealthHistory(intake=(1.0, 4.25, 2.0)))
    drawn = "\n".join(
        "".join(span.text for span in spans) for spans in draw_system(parts, 120, 40, BRAILLE, "")
    )
    assert "orders/s, last 3 heartbeats, highest 4.2 orders/s" in drawn
