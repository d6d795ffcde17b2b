"""Which client gets which frame, and which is behind."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import msgspec
import pytest

from coffeert.cancellation import end
from coffeert.domain.coverage import Coverage
from coffeert.domain.pending_batches import PendingBatches
from coffeert.domain.retention_window import RetentionWindow
from coffeert.domain.rollups import CellKey, Totals, floor
from coffeert.domain.view import RollupSnapshot
from coffeert.domain.watermark import Watermark, Xid
from coffeert.server.live.broadcaster import Broadcaster
from coffeert.server.live.change_log import ChangeLog
from coffeert.server.live.live_view import LiveView
from coffeert.wire import frames
from coffeert.wire.orders import MenuBody
from tests.calendars import calendars_around
from tests.waiting import eventually

NOW = datetime.now(UTC)
CALENDARS = calendars_around(NOW)
RETENTION = RetentionWindow.at(NOW, CALENDARS)


class Screen:
    """A sink that keeps what is written; while `busy`, `try_write` writes nothing."""

    def __init__(self) -> None:
        self.busy = False
        self.closed: int | None = None
        self.types: list[str] = []
        self.version = -1

    def try_write(self, frame: bytes) -> bool:
        if self.busy:
            return False
        self._read(frame[frame.index(b"{") :])
        return True

    def send(self, payload: bytes) -> int:
        self._read(payload)
        return len(payload)

    def close(self, code: int, reason: str) -> None:
        self.closed = code

    def _read(self, payload: bytes) -> None:
        frame = msgspec.json.decode(payload)
        self.types.append(frame["type"])
        if frame["type"] == "delta":
            assert frame["from"] == self.version
            self.version = frame["to"]
        elif frame["type"] == "snapshot":
            self.version = frame["version"]


class Case:
    """A running broadcaster, a view to change, and a clock to move."""

    def __init__(self) -> None:
        self.time = 0.0
        self.live_view = LiveView(CALENDARS, NOW)
        self.change_log = ChangeLog(self.live_view)
        self.broadcaster = Broadcaster(
            self.change_log, min_frame_interval=0, slow_client_timeout=10, max_clients=9,
            clock=lambda: self.time,
        )  # fmt: skip
        self._added = 0

    def flush_to_view(self) -> int:
        return 0  # the view is changed at once

    def add(self) -> None:
        """Change the view."""
        self._added += 1
        key = CellKey("minute", floor(int(NOW.timestamp()), "minute"), "uptown", "latte")
        self.live_view.apply_pending(
            [PendingBatches.of({Xid(self._added): {key: Totals(1, 1, 480)}})], []
        )

    async def change(self) -> int:
        """Change the view, wait until it was sent, and return its version."""
        self.add()
        version = self.change_log.version + 1
        await self.round()
        assert self.change_log.version == version
        return version

    async def round(self) -> None:
        """Wait until the broadcaster has looked at every client once."""
        seen = self.broadcaster.join(Screen())
        self.broadcaster.resync(seen)
        sink = seen.sink
        assert isinstance(sink, Screen)
        await eventually(lambda: sink.types.count("snapshot") == 2)
        self.broadcaster.leave(seen)


@asynccontextmanager
async def running() -> AsyncIterator[Case]:
    at = Case()
    task = asyncio.create_task(at.broadcaster.run(at))
    yield at
    await end(task)


async def test_a_client_that_is_behind_misses_versions_and_gets_one_merged_delta() -> None:
    async with running() as at:
        quick, behind = Screen(), Screen()
        at.broadcaster.join(quick)
        at.broadcaster.join(behind)
        behind.busy = True
        for _ in range(3):
            version = await at.change()
        assert quick.types == ["snapshot", "delta", "delta", "delta"]
        assert behind.types == ["snapshot"]
        assert at.broadcaster.conflated == 3
        behind.busy = False
        await eventually(lambda: behind.version == version)
        assert behind.types == ["snapshot", "delta"]
        assert at.broadcaster.conflated == 3


async def test_a_client_that_stays_behind_for_too_long_is_closed() -> None:
    async with running() as at:
        behind = Screen()
        at.broadcaster.join(behind)
        behind.busy = True
        await at.change()
        at.time += 9
        await at.round()
        assert behind.closed is None
        at.time += 2
        await eventually(lambda: behind.closed == frames.SLOW_CLIENT)
        assert at.broadcaster.dropped == 1
        assert not at.broadcaster.clients


async def test_one_frame_read_ends_being_behind() -> None:
    async with running() as at:
        behind = Screen()
        at.broadcaster.join(behind)
        for _ in range(3):
            behind.busy = True
            await at.change()
            at.time += 9
            behind.busy = False
            await eventually(lambda: behind.version == at.change_log.version)
        assert behind.closed is None


async def test_a_broadcast_skips_clients_that_are_behind_and_counts_the_rest() -> None:
    async with running() as at:
        quick, behind = Screen(), Screen()
        at.broadcaster.join(quick)
        at.broadcaster.join(behind)
        behind.busy = True
        before = at.broadcaster.frames
        await at.broadcaster.broadcast(frames.MenuChanged(menu=MenuBody((), ())))
        assert at.broadcaster.frames == before + 1
        assert quick.types == ["snapshot", "menu"]
        assert behind.types == ["snapshot"]


async def test_another_lineage_sends_every_client_a_snapshot() -> None:
    async with running() as at:
        screen = Screen()
        at.broadcaster.join(screen)
        await at.change()
        at.live_view.load(
            RollupSnapshot(
                lineage="other",
                nonce="term",
                number=1,
                token=1,
                watermark=Watermark(1, 1),
                data_time=NOW,
                coverage=Coverage.of(RETENTION),
                cells={},
                recent=(),
            ),
            RETENTION,
        )
        at.broadcaster.notify()
        await eventually(lambda: screen.types == ["snapshot", "delta", "snapshot"])


async def test_a_client_that_has_left_gets_nothing_more() -> None:
    async with running() as at:
        gone = Screen()
        at.broadcaster.leave(at.broadcaster.join(gone))
        await at.change()
        assert gone.types == ["snapshot"]


async def test_without_clients_nothing_is_encoded(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running() as at:
        asked: list[int] = []
        monkeypatch.setattr(at.change_log, "delta", asked.append)
        at.add()
        at.broadcaster.notify()
        await eventually(lambda: at.change_log.version == 1)
        await at.round()
        assert not asked


class SlowSource:
    """Needs so many seconds of the clock to put so many orders into the view."""

    def __init__(self, seconds: float, orders: int) -> None:
        self.now = 0.0
        self._seconds, self._orders = seconds, orders

    def clock(self) -> float:
        return self.now

    def flush_to_view(self) -> int:
        self.now += self._seconds
        return self._orders


@pytest.mark.parametrize(
    ("frame", "orders", "shortest", "paused"),
    [
        (0, 0, 0.002, 0.002),
        (0, 1, 0.002, 0.004),
        (0, 3, 0.002, 0.012),
        (0, 1000, 0.002, 0.02),
        (0.002, 1, 0.002, 0.008),
        (0.5, 1, 0.002, 0.02),
        (0.002, 1, 1, 1),
    ],
)
async def test_the_pause_grows_with_the_orders_and_the_time_of_a_frame(
    frame: float, orders: int, shortest: float, paused: float
) -> None:
    source = SlowSource(frame, orders)
    broadcaster = _broadcaster(shortest, clock=source.clock)
    assert broadcaster.current_interval == shortest
    broadcaster.notify()
    task = asyncio.create_task(broadcaster.run(source))
    await eventually(
        lambda: source.now == frame and broadcaster.current_interval == pytest.approx(paused)
    )
    await end(task)


def test_the_interval_is_longer_while_orders_are_refused() -> None:
    refusing = False
    broadcaster = _broadcaster(0.02, refusing=lambda: refusing)
    assert broadcaster.current_interval == 0.02
    refusing = True
    assert broadcaster.current_interval == 0.1
    refusing = False
    assert broadcaster.current_interval == 0.02


def _broadcaster(
    shortest: float,
    *,
    clock: Callable[[], float] = time.monotonic,
    refusing: Callable[[], bool] = lambda: False,
) -> Broadcaster:
    return Broadcaster(
        ChangeLog(LiveView(CALENDARS, NOW)),
        min_frame_interval=shortest,
        slow_client_timeout=10,
        max_clients=9,
        refusing=refusing,
        clock=clock,
    )
