"""The database's clock as a server knows it between two measurements."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from coffeert.server.live.database_clock import DatabaseClock

NOON = datetime(2026, 3, 28, 12, tzinfo=UTC)


class Machine:
    """A machine whose clock is ten minutes behind."""

    def __init__(self) -> None:
        self.seconds = 100.0
        self.wrong = timedelta(minutes=-10)
        self.clock = DatabaseClock(wall=self.wall, monotonic=lambda: self.seconds)

    def wall(self) -> datetime:
        return self.true + self.wrong

    @property
    def true(self) -> datetime:
        return NOON + timedelta(seconds=self.seconds)

    def measure(self, *, there: float = 0.001, back: float = 0.001, ahead: float = 0) -> None:
        asked = self.seconds
        self.seconds += there
        told = self.true + timedelta(seconds=ahead)
        self.seconds += back
        self.clock.measured(told, asked, self.seconds)

    def error(self) -> float:
        return (self.clock.now() - self.true).total_seconds()


def test_until_it_is_measured_it_is_the_machines_own() -> None:
    machine = Machine()
    assert (machine.error(), machine.clock.offset) == (-600, 0)


def test_it_goes_on_by_the_seconds_that_pass_whatever_the_own_clock_does() -> None:
    machine = Machine()
    machine.measure()
    assert machine.clock.offset == pytest.approx(-600, abs=0.01)
    machine.seconds += 3600
    machine.wrong = timedelta(days=365)
    assert machine.error() == pytest.approx(0, abs=0.01)
    assert machine.clock.offset == pytest.approx(365 * 86400, abs=0.01)


def test_a_slow_answer_does_not_make_it_worse() -> None:
    machine = Machine()
    machine.measure()
    machine.measure(there=0, back=1.4)
    assert machine.error() == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("ahead", [-7200, -3, 3, 7200])
def test_a_clock_that_was_changed_is_followed_at_once(ahead: float) -> None:
    machine = Machine()
    machine.measure()
    machine.measure(there=1, back=1, ahead=ahead)
    assert machine.error() == pytest.approx(ahead, abs=0.01)
    machine.measure()
    assert machine.error() == pytest.approx(0, abs=0.01)


def test_a_first_slow_answer_is_bettered_by_a_quick_one() -> None:
    machine = Machine()
    machine.measure(there=0, back=2)
    assert machine.error() == pytest.approx(-1, abs=0.01) or machine.error() == pytest.approx(1)
    machine.measure()
    assert machine.error() == pytest.approx(0, abs=0.01)
