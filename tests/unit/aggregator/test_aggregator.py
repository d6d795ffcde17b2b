"""The timer of the passes, on a clock of the test's own."""

from __future__ import annotations

import asyncio

import pytest

from coffeert.aggregator.interval_timer import IntervalTimer


class Clock:
    """A loop's clock that only moves during a sleep."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: self.now)
        monkeypatch.setattr(asyncio, "sleep", self._sleep)

    async def _sleep(self, seconds: float) -> None:
        self.now += seconds


async def test_the_ends_of_intervals_do_not_drift(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    timer = IntervalTimer(1.0)
    ends = []
    for work in (0.2, 0.9, 0.0, 0.5):
        clock.now += work
        await timer.wait()
        ends.append(clock.now)
    assert ends == [101.0, 102.0, 103.0, 104.0]


async def test_missed_intervals_are_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    timer = IntervalTimer(1.0)
    clock.now += 3.5
    await timer.wait()
    assert clock.now == 103.5
    await timer.wait()
    assert clock.now == 104.5
