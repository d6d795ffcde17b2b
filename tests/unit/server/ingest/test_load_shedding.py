"""Load shedding: bursts are served, a standing queue is cut, and refusals are quick whole answers."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coffeert.server.ingest.load_shedding import LoadShedder


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Order:
    """One order on its way through a `Loop`: when it came, and how it ended."""

    def __init__(self, loop: Loop, came: float) -> None:
        self.came = came
        self.admitted = False
        self.answered: float | None = None
        self.refused: float | None = None
        self._loop = loop

    def resume(self) -> None:
        self._loop.take(self)


class Loop:
    """An event loop by a clock of its own: in each iteration it answers, resumes, and reads.

    To take an order lasts 60 us and to read one 5 us, so that 15,000 a second can be taken.
    """

    def __init__(self, commit: float = 0.0) -> None:
        self.clock = Clock()
        self.shedder = LoadShedder(lambda: commit, clock=self.clock)
        self.most_taken = 0
        self._due = False
        self._taken: list[Order] = []

    def take(self, order: Order) -> None:
        self._due = self.shedder.enter() or self._due
        self.clock.now += 60e-6
        self._taken.append(order)

    def run(self, arrivals: Iterable[float]) -> list[Order]:
        """Let orders come at these moments, and go on until nothing is left to do."""
        began = self.clock.now
        orders = [Order(self, began + moment) for moment in sorted(arrivals)]
        coming = deque(orders)
        while coming or self._due or self._taken:
            if not (self._due or self._taken):
                self.clock.now = max(self.clock.now, coming[0].came)
            self._iterate(coming)
        return orders

    def _iterate(self, coming: deque[Order]) -> None:
        self._answer()
        if self._due:
            self._due = False
            self.shedder.next_iteration()
        now, refused = self.clock.now, []
        while coming and coming[0].came <= now:
            self.clock.now += 5e-6
            if not self._read(coming[0]):
                refused.append(coming[0])
            coming.popleft()
        for order in refused:
            order.refused = self.clock.now
        if not self.shedder.shedding:
            self.most_taken = max(self.most_taken, len(self._taken))

    def _read(self, order: Order) -> bool:
        """Do with an order what a connection does; False if it is refused."""
        if self.shedder.full or self.shedder.shedding:
            order.admitted = self.shedder.try_admit()
            if not order.admitted:
                return False
            if self.shedder.full:
                self.shedder.enqueue(order)
                return True
        self.take(order)
        return True

    def _answer(self) -> None:
        taken, self._taken = self._taken, []
        for order in taken:
            assert order.answered is None
            order.answered = self.clock.now
            if order.admitted:
                self.shedder.release()


def evenly(rate: float, seconds: float, since: float = 0.0) -> list[float]:
    return [since + number / rate for number in range(int(rate * seconds))]


def waits(orders: Iterable[Order]) -> list[float]:
    """Return how long those who were refused waited for it."""
    return [order.refused - order.came for order in orders if order.refused is not None]


def overloaded(commit: float = 0.0) -> Loop:
    """A loop that has begun to shed load, and is at rest."""
    loop = Loop(commit)
    loop.run(evenly(45_000, 0.3))
    assert loop.shedder.shedding
    return loop


def test_what_can_be_taken_is_taken() -> None:
    loop = Loop()
    assert not waits(loop.run(evenly(12_000, 2.0)))
    assert not loop.shedder.shedding


def test_a_burst_is_served() -> None:
    loop = Loop()
    crowd = [0.2] * 1_200  # 80 ms of work
    orders = loop.run([*evenly(3_000, 1.0), *crowd])
    assert not waits(orders)
    assert all(order.answered is not None for order in orders)
    assert not loop.shedder.shedding


def test_bursts_with_calm_between_are_no_standing_queue() -> None:
    loop = Loop()
    crowds = [moment * 0.15 for moment in range(10) for _ in range(1_000)]
    assert not waits(loop.run(crowds))


@pytest.mark.parametrize("times", [1.5, 2, 3])
def test_from_a_standstill_to_overload_nobody_is_refused_late(times: float) -> None:
    loop = Loop()
    orders = loop.run(evenly(15_000 * times, 2.0))
    refused = waits(orders)
    assert refused
    assert max(refused) < 0.02
    assert loop.shedder.shed == len(refused)
    late = [order for order in orders if order.came - orders[0].came > 0.5]
    answered = [order.answered - order.came for order in late if order.answered is not None]
    assert max(answered) < 0.05
    assert (
        len(answered) > 0.75 * 15_000 * 1.5
    )  # what is left beside reading, even of thrice as many


def test_a_step_to_overload_is_noticed_within_a_quarter_of_a_second() -> None:
    loop = Loop()
    orders = loop.run(evenly(30_000, 1.0))
    first = next(order for order in orders if order.refused is not None)
    assert 0.1 < first.came - orders[0].came < 0.25


def test_calm_ends_it() -> None:
    loop = overloaded()
    assert not waits(loop.run(evenly(7_000, 1.5)))
    assert not loop.shedder.shedding
    assert not loop.shedder.refusing


def test_what_is_refused_keeps_it_shedding() -> None:
    loop = overloaded()
    while loop.shedder.try_admit():
        pass
    assert loop.shedder.refusing
    for _ in range(4):
        loop.clock.now += 0.9
        loop.shedder.next_iteration()
        assert not loop.shedder.try_admit()
    states = [loop.shedder.shedding]
    loop.clock.now += 1.1
    loop.shedder.next_iteration()
    states.append(loop.shedder.shedding)
    assert states == [True, False]
    assert not loop.shedder.refusing


def test_nobody_is_refusing_who_has_refused_nobody() -> None:
    loop = Loop()
    loop.run([0.0] * 1_700)  # too large a burst, and nobody after it
    assert loop.shedder.shedding
    assert not loop.shedder.refusing


def serve(loop: Loop, capacity: int, turns: int) -> None:
    """Let in who may come, and answer so many in each turn of 10 ms."""
    inside = 0
    for _ in range(turns):
        while loop.shedder.try_admit():
            inside += 1
        loop.clock.now += 0.01
        loop.shedder.next_iteration()
        for _ in range(min(inside, capacity)):
            loop.shedder.release()
            inside -= 1


def test_the_room_follows_the_rate_of_answers() -> None:
    loop = overloaded(commit=0.01)
    serve(loop, capacity=50, turns=200)  # 5,000 a second
    assert 145 <= loop.shedder.limit <= 155  # what is answered in 10 ms and two commits
    serve(loop, capacity=1, turns=200)
    assert loop.shedder.limit == 64


def test_slow_commits_make_room_for_those_that_wait_for_them() -> None:
    quick, slow = overloaded(), overloaded(commit=0.2)
    for loop in (quick, slow):
        serve(loop, capacity=50, turns=200)
    assert slow.shedder.limit > 5 * quick.shedder.limit


@pytest.mark.long
@given(st.lists(st.integers(0, 300), min_size=1, max_size=30))
def test_no_more_are_inside_than_there_is_room_for(turns: list[int]) -> None:
    loop = overloaded()
    for orders in turns:
        room = loop.shedder.limit
        inside = sum(loop.shedder.try_admit() for _ in range(orders))
        assert inside == min(orders, room)
        for _ in range(inside):
            loop.shedder.release()
        loop.clock.now += 0.005
        loop.shedder.next_iteration()


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 400), st.floats(0, 0.05)), max_size=60))
def test_every_order_is_answered_once_or_refused_and_in_its_order(
    crowds: list[tuple[int, float]],
) -> None:
    moment, arrivals = 0.0, []
    for size, pause in crowds:
        arrivals += [moment] * size
        moment += pause
    loop = Loop()
    orders = loop.run(arrivals)
    assert all((order.answered is None) != (order.refused is None) for order in orders)
    answered = [order.answered for order in orders if order.answered is not None]
    assert answered == sorted(answered)
    assert loop.shedder.shed == len(orders) - len(answered)
    assert loop.most_taken <= 64
    room, loop.shedder.shedding = loop.shedder.limit, True
    assert sum(loop.shedder.try_admit() for _ in range(room + 1)) == room  # nobody is inside


def taken_in_an_iteration_after(seconds: float, *, shedding: bool) -> float:
    """Return the seconds that orders of 100 us take in the iteration after one that lasted so long."""
    clock = Clock()
    shedder = LoadShedder(clock=clock)
    shedder.next_iteration()
    shedder.shedding, shedder._shedding_since = shedding, clock.now
    clock.now += seconds
    shedder.next_iteration()
    began = clock.now
    while not shedder.full:
        clock.now += 0.0001
        shedder.enter()
    return clock.now - began


@pytest.mark.parametrize(
    ("lasted", "taken"), [(0.001, 0.01), (0.02, 0.01), (0.06, 0.03), (0.5, 0.05)]
)
def test_while_refusals_fill_the_loop_orders_have_half_of_its_time(
    lasted: float, taken: float
) -> None:
    assert taken_in_an_iteration_after(lasted, shedding=True) == pytest.approx(taken, abs=0.0003)


def test_without_overload_an_iteration_takes_64_orders_however_long_the_last_was() -> None:
    assert taken_in_an_iteration_after(0.5, shedding=False) == pytest.approx(0.0064, abs=0.0002)


def test_orders_that_take_long_fill_an_iteration_by_their_time() -> None:
    clock = Clock()
    shedder = LoadShedder(clock=clock)
    started = 0
    while not shedder.full:
        shedder.enter()
        clock.now += 0.004
        started += 1
    assert started == 4
    shedder.next_iteration()
    assert not shedder.full
