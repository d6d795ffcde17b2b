"""Does a watcher notice? Frames that are right pass; every way of doctoring one is found."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
import pytest

from coffeert.domain.orders import Order
from coffeert.domain.rollups import GRAINS, CellKey, Totals, floor
from coffeert.domain.view import Change, View
from coffeert.wire.frames import Delta, Heartbeat, ServerFrame, Snapshot, columns
from coffeert.wire.health import (
    AggregatorHealth,
    DatabaseHealth,
    Health,
    IntakeHealth,
    RedisHealth,
    SocketsHealth,
)
from tests.calendars import retention
from tests.torture.watchers import Findings, Watcher

NOON = datetime(2026, 3, 28, 12, tzinfo=UTC)
RETENTION = retention(NOON)
LATER = NOON - timedelta(days=1)
FrameList = list[ServerFrame]


class Server:
    """Makes the frames that a server would send, version by version."""

    def __init__(self) -> None:
        self.version = 0
        self.now = NOON
        self.view = View(Change(RETENTION, NOON, {}))

    def snapshot(self) -> Snapshot:
        """The whole view."""
        cube = self.view.cube
        shown = columns(self.view.as_change(), cube.totals(), cube.top_drinks())
        return Snapshot(epoch="e", version=self.version, view=shown)

    def delta(self) -> Delta:
        """One order more."""
        self.version += 1
        self.now += timedelta(seconds=1)
        drink = ("latte", "tea")[self.version % 2]
        cells = {}
        for grain in GRAINS:
            key = CellKey(grain, floor(RETENTION.as_of, grain), "uptown", drink)
            cells[key] = self.view.cube.get(key).plus(Totals(1, 1, 480))
        order = Order(
            order_id=UUID(int=self.version), store="uptown", drink=drink, quantity=1,
            price_cents=480, placed_at=self.now, received_at=self.now,
        )  # fmt: skip
        change = Change(RETENTION, self.now, cells, (order,))
        self.view.apply(change)
        cube = self.view.cube
        shown = columns(change, cube.totals(), cube.top_drinks())
        return Delta(epoch="e", from_=self.version - 1, to=self.version, view=shown)

    def heartbeat(self) -> Heartbeat:
        """How the server is."""
        health = Health(
            live=True, started=NOON, intake=IntakeHealth(), aggregator=AggregatorHealth(),
            redis=RedisHealth(), sockets=SocketsHealth(), database=DatabaseHealth(),
        )  # fmt: skip
        return Heartbeat(
            epoch="e", version=self.version, data_time=self.now, server_time=self.now, health=health
        )


def right() -> FrameList:
    """A snapshot, deltas to version 10, heartbeats between, and the last version once more."""
    server = Server()
    told: FrameList = [server.snapshot()]
    for _ in range(10):
        told += [server.delta(), server.heartbeat()]
    return [*told, server.snapshot()]


def seen(told: Sequence[ServerFrame], beside: Sequence[ServerFrame] = ()) -> list[str]:
    """What a watcher of frames finds wrong, and another of the frames `beside` them."""
    findings = Findings()
    for frames in (told, beside):
        watcher = Watcher("", findings, random.Random(1))
        for frame in frames:
            watcher.take(frame)
    return findings.faults


def changed(told: FrameList, index: int, **view: object) -> FrameList:
    """Change the view of one frame."""
    frame = told[index]
    assert isinstance(frame, Snapshot | Delta)
    doctored = msgspec.structs.replace(frame, view=msgspec.structs.replace(frame.view, **view))
    return [*told[:index], doctored, *told[index + 1 :]]


def view_of(told: FrameList, index: int) -> Snapshot | Delta:
    frame = told[index]
    assert isinstance(frame, Snapshot | Delta)
    return frame


def _miscounted(told: FrameList) -> FrameList:
    """One cell of one delta is one too high."""
    start, keys, orders, *rest = msgspec.to_builtins(view_of(told, 5).view.minute[0])
    more = [start, keys, [number + 1 for number in orders], *rest]
    bucket = msgspec.convert(more, type(view_of(told, 5).view.minute[0]))
    return changed(told, 5, minute=[bucket])


DOCTORED: dict[str, Callable[[FrameList], FrameList]] = {
    "a delta is lost": lambda told: told[:3] + told[4:],
    "a delta comes twice": lambda told: told[:4] + told[3:],
    "two deltas change places": lambda told: [*told[:3], told[5], told[4], told[3], *told[6:]],
    "a delta is of another epoch": lambda told: [
        *told[:3], msgspec.structs.replace(view_of(told, 3), epoch="f"), *told[4:],
    ],
    "a snapshot goes back": lambda told: [*told, told[0]],
    "a heartbeat goes back": lambda told: [*told, told[2]],
    "the data time goes back in a delta": lambda told: changed(told, 9, data_time=LATER),
    "the data time goes back in a snapshot": lambda told: changed(
        told, len(told) - 1, data_time=LATER
    ),
    "a delta leaves its cells out": lambda told: changed(told, 9, minute=[], hour=[], day=[]),
    "a delta leaves a grain out": lambda told: changed(told, 9, hour=[]),
    "a snapshot leaves a grain out": lambda told: changed(told, len(told) - 1, day=[]),
    "the top drinks are others": lambda told: changed(told, 9, top=[]),
    "a cell is miscounted": _miscounted,
    "the last version again differs in its orders": lambda told: changed(
        told, len(told) - 1, recent=view_of(told, len(told) - 1).view.recent[1:]
    ),
}  # fmt: skip


def test_frames_that_are_right_pass() -> None:
    told = right()
    assert seen(told, told) == []
    # Another who came later, and one who slept through some versions.
    resumed = [told[0], told[1], *told[-1:]]
    assert seen(told, resumed) == []


@pytest.mark.parametrize("name", DOCTORED)
def test_a_doctored_frame_is_found(name: str) -> None:
    assert seen(DOCTORED[name](right())) != []


def test_one_who_is_shown_something_else_is_found() -> None:
    """Consistent in itself, so that only the comparison with another view can tell."""
    told, other = right(), Server()
    other.delta()
    other.version = 0
    beside: FrameList = [other.snapshot()]
    for _ in range(10):
        beside.append(other.delta())
    assert seen(beside) == []
    assert seen(told, beside) == ["two views differ at e 0", *seen(told, beside)[1:]]
