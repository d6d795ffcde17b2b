"""The hub: who gets which frame, and who is behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import msgspec
import pytest

from coffeert.domain.pending_batches import PendingBatches
from coffeert.domain.rollups import CellKey, RetentionWindow, Totals, floor
from coffeert.domain.view import RollupSnapshot
from coffeert.domain.watermark import Watermark, Xid
from coffeert.server.live.broadcaster import Broadcaster
from coffeert.server.live.change_log import ChangeLog
from coffeert.server.live.live_view import LiveView
from coffeert.tasks import end
from coffeert.wire import frames
from coffeert.wire.orders import MenuBody
from tests.waiting import eventually

NOW = datetime.now(UTC)


class Screen:
    """A link that keeps what it gets; while `busy` it takes nothing that is offered."""

    def __init__(self) -> None:
        self.busy = False
        self.closed: int | None = None
        self.types: list[str] = []
        self.version = -1

    def offer(self, frame: bytes) -> bool:
        if self.busy:
            return False
        self._take(frame[frame.index(b"{") :])
        return True

    def send(self, payload: bytes) -> int:
        self._take(payload)
        return len(payload)

    def close(self, code: int, reason: str) -> None:
        self.closed = code

    def _take(self, payload: bytes) -> None:
        frame = msgspec.json.decode(payload)
        self.types.append(frame["type"])
        if frame["type"] == "delta":
            assert frame["from"] == self.version
            self.version = frame["to"]
        elif frame["type"] == "snapshot":
            self.version = frame["version"]


class Room:
    """A running hub, a view to change, and a clock to put on."""

    def __init__(self) -> None:
        self.time = 0.0
        self.live = LiveView(RetentionWindow.at(NOW, UTC), NOW)
        self.journal = ChangeLog(self.live)
        self.hub = Broadcaster(
            self.journal, frame_interval=0, slow_client_timeout=10, clients_limit=9,
            clock=lambda: self.time,
        )  # fmt: skip
        self._orders = 0

    def add(self) -> None:
        """Change the view."""
        self._orders += 1
        key = CellKey("minute", floor(int(NOW.timestamp()), "minute"), "uptown", "latte")
        self.live.apply_pending(
            [PendingBatches.of({Xid(self._orders): {key: Totals(1, 1, 480)}})], []
        )

    async def change(self) -> int:
        """Change the view and wait until the hub has told of it; return its version."""
        self.add()
        version = self.journal.version + 1
        await self.round()
        assert self.journal.version == version
        return version

    async def round(self) -> None:
        """Have the hub look at everyone once."""
        seen = self.hub.join(Screen())
        self.hub.resync(seen)
        link = seen.link
        assert isinstance(link, Screen)
        await eventually(lambda: link.types.count("snapshot") == 2)
        self.hub.leave(seen)


@asynccontextmanager
async def running() -> AsyncIterator[Room]:
    room = Room()
    task = asyncio.create_task(room.hub.run(lambda: None))
    yield room
    await end(task)


async def test_who_is_behind_misses_versions_and_gets_one_merged_delta() -> None:
    async with running() as room:
        quick, slow = Screen(), Screen()
        room.hub.join(quick)
        room.hub.join(slow)
        slow.busy = True
        for _ in range(3):
            version = await room.change()
        assert quick.types == ["snapshot", "delta", "delta", "delta"]
        assert slow.types == ["snapshot"]
        assert room.hub.conflated == 3
        slow.busy = False
        await eventually(lambda: slow.version == version)
        assert slow.types == ["snapshot", "delta"]
        assert room.hub.conflated == 3


async def test_who_stays_behind_for_too_long_is_closed() -> None:
    async with running() as room:
        slow = Screen()
        room.hub.join(slow)
        slow.busy = True
        await room.change()
        room.time += 9
        await room.round()
        assert slow.closed is None
        room.time += 2
        await eventually(lambda: slow.closed == frames.SLOW_CLIENT)
        assert room.hub.dropped == 1
        assert not room.hub.clients


async def test_taking_one_frame_ends_being_behind() -> None:
    async with running() as room:
        slow = Screen()
        room.hub.join(slow)
        for _ in range(3):
            slow.busy = True
            await room.change()
            room.time += 9
            slow.busy = False
            await eventually(lambda: slow.version == room.journal.version)
        assert slow.closed is None


async def test_a_heartbeat_skips_who_is_behind_and_counts_the_rest() -> None:
    async with running() as room:
        quick, slow = Screen(), Screen()
        room.hub.join(quick)
        room.hub.join(slow)
        slow.busy = True
        before = room.hub.frames
        await room.hub.beat(frames.MenuChanged(menu=MenuBody((), ())))
        assert room.hub.frames == before + 1
        assert quick.types == ["snapshot", "menu"]
        assert slow.types == ["snapshot"]


async def test_another_lineage_gives_everyone_a_snapshot() -> None:
    async with running() as room:
        screen = Screen()
        room.hub.join(screen)
        await room.change()
        room.live.load(
            RollupSnapshot(
                lineage="other",
                number=1,
                token=1,
                watermark=Watermark(1, 1),
                data_time=NOW,
                cells={},
                recent=(),
            )
        )
        room.hub.notify()
        await eventually(lambda: screen.types == ["snapshot", "delta", "snapshot"])


async def test_who_has_left_gets_nothing_more() -> None:
    async with running() as room:
        gone = Screen()
        room.hub.leave(room.hub.join(gone))
        await room.change()
        assert gone.types == ["snapshot"]


async def test_nothing_is_encoded_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running() as room:
        asked: list[int] = []
        monkeypatch.setattr(room.journal, "delta", asked.append)
        room.add()
        room.hub.notify()
        await eventually(lambda: room.journal.version == 1)
        await room.round()
        assert not asked


def test_while_orders_are_refused_frames_are_rarer_and_afterwards_as_before() -> None:
    refusing = False
    hub = Broadcaster(
        ChangeLog(LiveView(RetentionWindow.at(NOW, UTC), NOW)), frame_interval=0.02, slow_client_timeout=10,
        clients_limit=9, refusing=lambda: refusing,
    )  # fmt: skip
    assert hub.pace == 0.02
    refusing = True
    assert hub.pace == 0.1
    refusing = False
    assert hub.pace == 0.02
