"""One line for each fault and one for each recovery, however a part flickers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import CapturingLogger

from coffeert.server.ops import incidents as ailments
from coffeert.server.ops.incidents import IncidentTracker

NOON = datetime(2026, 3, 28, 12, tzinfo=UTC)


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> CapturingLogger:
    """What is logged."""
    log = CapturingLogger()
    monkeypatch.setattr(ailments, "log", log)
    return log


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def test_a_part_that_is_well_is_not_spoken_of(log: CapturingLogger) -> None:
    assert IncidentTracker().note("redis", None, NOON).ok
    assert log.calls == []


def test_a_fault_and_its_recovery_are_one_line_each(log: CapturingLogger) -> None:
    parts = IncidentTracker()
    for second in range(10):
        state = parts.note("redis", f"reason {second}", at(second))
        assert (state.ok, state.since, state.reason) == (False, NOON, f"reason {second}")
        assert parts.note("database", None, at(second)).ok
    for second in range(10, 20):
        assert parts.note("redis", None, at(second)).ok
    told = [(call.method_name, call.args, call.kwargs) for call in log.calls]
    assert told == [
        ("warning", ("ill",), {"part": "redis", "reason": "reason 0"}),
        ("info", ("recovered",), {"part": "redis", "seconds": 10.0}),
    ]


def test_one_that_flickers_is_ill_all_the_time(log: CapturingLogger) -> None:
    parts = IncidentTracker()
    for second in range(100):
        parts.note("intake", "too much" if second % 2 else None, at(second))
    parts.note("intake", None, at(100))
    parts.note("intake", None, at(102))
    assert [call.args for call in log.calls] == [("ill",), ("recovered",)]
    assert log.calls[-1].kwargs["seconds"] == 99


@given(st.lists(st.tuples(st.booleans(), st.floats(0.01, 5))))
def test_lines_alternate_and_end_with_the_truth(history: list[tuple[bool, float]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ailments, "log", log := CapturingLogger())
        parts, now = IncidentTracker(), 0.0
        for ill, pause in history:
            now += pause
            assert parts.note("redis", "ill" if ill else None, at(now)).ok is not ill
        parts.note("redis", None, at(now + 1))
        parts.note("redis", None, at(now + 4))
    told = [call.args[0] for call in log.calls]
    assert told == ["ill", "recovered"] * (len(told) // 2)
    assert bool(told) == any(ill for ill, _ in history)
