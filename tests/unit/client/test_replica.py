"""Invariant 6: a client's state at (epoch, version) equals the server's, whatever the link does."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coffeert.client.events import Beat, Connected, GapFound, MenuUpdated, ViewChanged, ViewReset
from coffeert.client.replica import Replica, StateFrame
from coffeert.domain.orders import Order
from coffeert.domain.retention_window import RetentionWindow
from coffeert.domain.rollups import Cells, at_all_grains, tally_orders
from coffeert.domain.view import Change, View
from coffeert.wire import frames
from coffeert.wire.health import (
    AggregatorHealth,
    DatabaseHealth,
    Health,
    IntakeHealth,
    RedisHealth,
    SocketsHealth,
)
from coffeert.wire.orders import MenuBody
from tests.calendars import calendars

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
RING = 4
CALENDARS = calendars("Europe/Berlin", 240, central="Asia/Kathmandu")
MENU = MenuBody((), ())
HEALTH = Health(
    live=True,
    started=START,
    intake=IntakeHealth(),
    aggregator=AggregatorHealth(),
    redis=RedisHealth(),
    sockets=SocketsHealth(),
    database=DatabaseHealth(),
)

Shown = tuple[Cells, RetentionWindow, tuple[Order, ...]]


def shown(view: View) -> Shown:
    return dict(view.cube.cells()), view.cube.retention, view.recent


class ModelServer:
    """Keeps a view and a ring of changes as the protocol says, and remembers every version."""

    def __init__(self) -> None:
        self._now = START
        self._epochs = 0
        self._orders = 0
        self.past: dict[tuple[str, int], Shown] = {}
        self.restart()

    def restart(self) -> None:
        self._epochs += 1
        self.epoch = f"epoch-{self._epochs}"
        self.version = 1
        self.view = View(Change(RetentionWindow.at(self._now, CALENDARS), self._now, {}))
        self._ring: deque[Change] = deque(maxlen=RING)
        self._remember()

    def step(self, drinks: list[str], minutes: int) -> None:
        self._now += timedelta(minutes=minutes)
        before = View(self.view.as_change())
        orders = []
        for drink in drinks:
            self._orders += 1
            orders.append(
                Order(
                    UUID(int=self._orders),
                    ("uptown", "central")[self._orders % 2],
                    drink,
                    1,
                    300,
                    self._now,
                    self._now,
                )
            )
        retention = RetentionWindow.at(self._now, CALENDARS)
        before.cube.move_to(retention)
        cells = {
            key: before.cube.get(key).plus(tally)
            for key, tally in at_all_grains(tally_orders(orders), CALENDARS).items()
        }
        change = Change(retention, self._now, cells, tuple(orders))
        self.view.apply(change)
        self._ring.append(change)
        self.version += 1
        self._remember()

    def reaches(self, epoch: str, version: int) -> bool:
        return epoch == self.epoch and 0 <= self.version - version <= len(self._ring)

    def hello(self) -> frames.Hello:
        return frames.Hello(
            protocol=frames.PROTOCOL,
            server="model",
            epoch=self.epoch,
            version=self.version,
            heartbeat=1,
            timezone="UTC",
            menu=MENU,
        )

    def delta(self, since: int) -> frames.Delta:
        first, *others = list(self._ring)[len(self._ring) - (self.version - since) :]
        for other in others:
            first = first.then(other)
        return frames.Delta(
            epoch=self.epoch, from_=since, to=self.version, view=self._columns(first)
        )

    def snapshot(self) -> frames.Snapshot:
        view = self._columns(self.view.as_change())
        return frames.Snapshot(epoch=self.epoch, version=self.version, view=view)

    def heartbeat(self) -> frames.Heartbeat:
        return frames.Heartbeat(
            epoch=self.epoch,
            version=self.version,
            data_time=self._now,
            server_time=self._now,
            health=HEALTH,
        )

    def _columns(self, change: Change) -> frames.Columns:
        picture = self.view.cube
        return frames.columns(change, picture.totals(), picture.top_drinks())

    def _remember(self) -> None:
        self.past[self.epoch, self.version] = shown(self.view)


class Link:
    """A server, a client, and between them frames that may be lost, doubled and swapped."""

    def __init__(self) -> None:
        self.server = ModelServer()
        self.replica = Replica()
        self._way: list[StateFrame] = []
        self._sent = ("", 0)
        self.connect()

    def connect(self) -> None:
        server, replica = self.server, self.replica
        self._way = [server.hello()]
        if replica.view is None or not server.reaches(replica.epoch, replica.version):
            self._way.append(server.snapshot())
        elif replica.version < server.version:
            self._way.append(server.delta(replica.version))
        self._sent = server.epoch, server.version

    def send_delta(self) -> None:
        epoch, version = self._sent
        if not self.server.reaches(epoch, version):
            self._way.append(self.server.snapshot())
        elif version < self.server.version:
            self._way.append(self.server.delta(version))
        self._sent = self.server.epoch, self.server.version

    def lose(self, at: int) -> None:
        del self._way[at : at + 1]

    def double(self, at: int) -> None:
        self._way.extend(self._way[at : at + 1])

    def delay(self, at: int) -> None:
        self._way.extend(self._way[at : at + 1])
        del self._way[at : at + 1]

    def repeat_snapshot(self) -> None:
        self._way.append(self.server.snapshot())

    def beat(self) -> None:
        self._way.append(self.server.heartbeat())

    def deliver(self, most: int = 1_000) -> None:
        for _ in range(most):
            if not self._way:
                return
            frame = self._way.pop(0)
            read = frames.decode_server_frame(frames.encode(frame))
            assert isinstance(read, StateFrame)
            before = self.replica.epoch, self.replica.version
            events = self.replica.apply(read, 0.0)
            self._check()
            if self.replica.epoch == before[0]:
                assert self.replica.version >= before[1], "invariant 5"
            if any(isinstance(event, GapFound) for event in events):
                self._way.append(self.server.snapshot())

    def _check(self) -> None:
        replica = self.replica
        if replica.view is not None:
            at = replica.epoch, replica.version
            assert shown(replica.view) == self.server.past[at]
            assert replica.totals == replica.view.cube.totals()


place = st.integers(0, 5)
faults = st.one_of(
    st.tuples(st.sampled_from(["lose", "double", "delay"]), place),
    st.tuples(st.just("deliver"), st.integers(1, 3)),
    st.tuples(st.sampled_from(["repeat_snapshot", "beat", "connect"])),
    st.tuples(st.sampled_from(["restart", "new_epoch"])),
)
changes = st.tuples(
    st.lists(st.sampled_from(["tea", "latte"]), max_size=3), st.sampled_from([0, 0, 1, 45, 2_000])
)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(changes, st.lists(faults, max_size=3)), min_size=1, max_size=25))
@pytest.mark.long
def test_state_equals_the_servers_through_drops_duplicates_reorders_and_resumes(
    script: list[tuple[tuple[list[str], int], list[tuple[str] | tuple[str, int]]]],
) -> None:
    link = Link()
    for change, troubles in script:
        link.server.step(*change)
        link.send_delta()
        for trouble in troubles:
            match trouble:
                case ("new_epoch",):
                    link.server.restart()
                case ("restart",):
                    link.server.restart()
                    link.connect()
                case (name, *arguments):
                    getattr(link, name)(*arguments)
    link.deliver()
    # However much was lost, two heartbeats later the client has noticed and is level.
    for _ in range(2):
        link.beat()
        link.deliver()
    assert (link.replica.epoch, link.replica.version) == (link.server.epoch, link.server.version)


def test_a_gap_is_counted_once_and_told() -> None:
    server, replica = ModelServer(), Replica()
    for frame in (server.hello(), server.snapshot()):
        replica.apply(frame, 0.0)
    for _ in range(3):
        server.step(["tea"], 0)
    late = server.delta(3)
    assert replica.apply(late, 0.0) == [GapFound(1, 3)]
    assert replica.apply(late, 0.0) == [], "one resync is under way already"
    assert replica.gaps == 1
    (reset,) = replica.apply(server.snapshot(), 0.0)
    assert isinstance(reset, ViewReset)
    assert not replica.needs_resync
    server.step(["tea"], 0)
    (changed,) = replica.apply(server.delta(4), 7.0)
    assert isinstance(changed, ViewChanged)
    assert (changed.version, changed.received) == (5, 7.0)


def test_the_first_hello_brings_the_menu_and_later_ones_only_a_new_one() -> None:
    server, replica = ModelServer(), Replica()
    connected, menu = replica.apply(server.hello(), 0.0)
    assert isinstance(connected, Connected)
    assert not connected.resumed
    assert menu == MenuUpdated(MENU)
    replica.apply(server.snapshot(), 0.0)
    (again,) = replica.apply(server.hello(), 0.0)
    assert isinstance(again, Connected)
    assert again.resumed
    server.restart()
    (other,) = replica.apply(server.hello(), 0.0)
    assert isinstance(other, Connected)
    assert not other.resumed


def test_a_heartbeat_moves_the_data_time_of_an_unchanged_view() -> None:
    server, replica = ModelServer(), Replica()
    replica.apply(server.snapshot(), 0.0)
    server._now += timedelta(seconds=30)
    (beat,) = replica.apply(server.heartbeat(), 0.0)
    assert isinstance(beat, Beat)
    assert replica.view is not None
    assert replica.view.data_time == START + timedelta(seconds=30)
    assert replica.health == HEALTH
