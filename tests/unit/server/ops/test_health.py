"""One line for each fault and one for each recovery, however a part flickers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import CapturingLogger

from coffeert.server.ops import health
from coffeert.server.ops.health import IncidentTracker

NOON = datetime(2026, 3, 28, 12, tzinfo=UTC)


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> CapturingLogger:
    """What is logged."""
    log = CapturingLogger()
    monkeypatch.setattr(health, "log", log)
    return log


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def test_a_healthy_part_is_not_logged(log: CapturingLogger) -> None:
    assert IncidentTracker().report("redis", None, NOON).ok
    assert log.calls == []


def test_a_fault_and_its_recovery_are_one_line_each(log: CapturingLogger) -> None:
    parts = IncidentTracker()
    for second in range(10):
        state = parts.report("redis", f"reason {second}", at(second))
        assert (state.ok, state.since, state.reason) == (False, NOON, f"reason {second}")
        assert parts.report("database", None, at(second)).ok
    for second in range(10, 20):
        assert parts.report("redis", None, at(second)).ok
    logged = [(call.method_name, call.args, call.kwargs) for call in log.calls]
    assert logged == [
        ("warning", ("unhealthy",), {"part": "redis", "reason": "reason 0"}),
        ("info", ("recovered",), {"part": "redis", "seconds": 10.0}),
    ]


def test_a_part_that_flickers_is_unhealthy_all_the_time(log: CapturingLogger) -> None:
    parts = IncidentTracker()
    for second in range(100):
        parts.report("intake", "too much" if second % 2 else None, at(second))
    parts.report("intake", None, at(100))
    parts.report("intake", None, at(102))
    assert [call.args for call in log.calls] == [("unhealthy",), ("recovered",)]
    assert log.calls[-1].kwargs["seconds"] == 99


@given(st.lists(st.tuples(st.booleans(), st.floats(0.01, 5))))
def test_lines_alternate_and_end_with_the_last_state(history: list[tuple[bool, float]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(health, "log", log := CapturingLogger())
        parts, now = IncidentTracker(), 0.0
        for unhealthy, pause in history:
            now += pause
            assert (
                parts.report("redis", "unhealthy" if unhealthy else None, at(now)).ok
                is not unhealthy
            )
        parts.report("redis", None, at(now + 1))
        parts.report("redis", None, at(now + 4))
    logged = [call.args[0] for call in log.calls]
    assert logged == ["unhealthy", "recovered"] * (len(logged) // 2)
    assert bool(logged) == any(unhealthy for unhealthy, _ in history)
