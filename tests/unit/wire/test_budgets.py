"""How large frames are: in bytes, which are the same on any machine."""

from __future__ import annotations

import random
import zlib
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from coffeert.domain.orders import Order
from coffeert.domain.pending_batches import PendingBatches
from coffeert.domain.retention_window import RetentionWindow
from coffeert.domain.rollup_cube import RollupCube
from coffeert.domain.rollups import (
    BUCKETS,
    SECONDS,
    CellKey,
    Cells,
    Grain,
    Totals,
    at_all_grains,
    tally_orders,
)
from coffeert.domain.view import Change, newest
from coffeert.domain.watermark import Xid
from coffeert.wire.bus import BatchesCommitted
from coffeert.wire.frames import Columns, Delta, Snapshot, columns, encode
from tests.calendars import calendars
from tests.unit.wire.test_frames import HEALTH

KIB = 1024
NOW = datetime(2026, 1, 31, 9, 59, 58, 123_456, tzinfo=UTC)
EPOCH = "0123456789abcdef0123456789abcdef"
PER_MINUTE = 1000
ZONES = ("Asia/Kathmandu", "America/Los_Angeles", "Europe/London")


class Chain:
    """A chain of shops in a busy hour; every shop sells every drink alike."""

    def __init__(self, stores: int, drinks: int) -> None:
        # Every other shop follows one of three further calendars.
        own = {f"store-number-{n}": ZONES[n % 3] for n in range(1, stores, 2)}
        self._calendars = calendars("Europe/Berlin", 240, **own)
        self.cube = RollupCube(RetentionWindow.at(NOW, self._calendars))
        self._random = random.Random(1)
        self._stores = [f"store-number-{n}" for n in range(stores)]
        self._drinks = [f"drink-number-{n}" for n in range(drinks)]
        minute = NOW.replace(second=0, microsecond=0)
        hour = [
            order
            for back in range(60)
            for order in self._orders(PER_MINUTE, minute - timedelta(minutes=back), 60)
        ]
        self.recent = newest(hour)
        self._count(hour)

    def snapshot(self) -> bytes:
        view = Change(self.cube.retention, NOW, dict(self.cube.cells()), self.recent)
        return encode(Snapshot(epoch=EPOCH, version=10**6, view=self._columns(view), health=HEALTH))

    def delta(self, placed: list[Order]) -> bytes:
        """The frame that tells of these orders."""
        change = Change(self.cube.retention, NOW, self._count(placed), newest(placed))
        return encode(Delta(epoch=EPOCH, from_=10**6, to=10**6 + 1, view=self._columns(change)))

    def placed(self, count: int) -> list[Order]:
        """Orders of one second."""
        return self._orders(count, NOW, 1)

    def second(self) -> tuple[bytes, bytes]:
        """The delta of one more second, and the message by which servers tell each other of it."""
        placed = self.placed(PER_MINUTE // 60 + 1)
        delta = self.delta(placed)
        batches = PendingBatches.of({Xid(2**40): tally_orders(placed)})
        return delta, encode(BatchesCommitted.of(EPOCH, EPOCH, batches, placed))

    def fill_every_window(self) -> None:
        """Let every shop have sold every drink in every hour and on every day."""
        grains: tuple[Grain, ...] = ("hour", "day")
        for grain in grains:
            for store in self._stores:
                day = self.cube.retention.day_of(store)
                running = day.hour if grain == "hour" else day.date
                for back in range(1, BUCKETS[grain]):
                    for drink in self._drinks:
                        key = CellKey(grain, running - back * SECONDS[grain], store, drink)
                        orders = self._random.randrange(20, 400)
                        self.cube.set(key, Totals(orders, 2 * orders, 960 * orders))

    def _count(self, placed: list[Order]) -> Cells:
        cells = at_all_grains(tally_orders(placed), self._calendars)
        for key, tally in cells.items():
            self.cube.add(key, tally)
        return {key: self.cube.get(key) for key in cells}

    def _columns(self, change: Change) -> Columns:
        return columns(change, self.cube.totals(), self.cube.top_drinks())

    def _orders(self, count: int, since: datetime, seconds: float) -> list[Order]:
        pick = self._random
        return [
            Order(
                order_id=UUID(int=pick.getrandbits(128), version=4),
                store=pick.choice(self._stores),
                drink=pick.choice(self._drinks),
                quantity=pick.choice([1, 1, 1, 2, 3]),
                price_cents=pick.randrange(290, 660, 10),
                placed_at=since + timedelta(seconds=seconds * pick.random()),
                received_at=NOW,
            )
            for _ in range(count)
        ]


@pytest.fixture(scope="module")
def small() -> Chain:
    """A chain of 4 shops with 8 drinks, whose windows are full."""
    chain = Chain(4, 8)
    chain.fill_every_window()
    return chain


@pytest.fixture(scope="module")
def large() -> Chain:
    """A chain of 30 shops with 60 drinks, that has opened this hour."""
    return Chain(30, 60)


def test_the_snapshot_of_a_small_chain_with_full_windows(small: Chain) -> None:
    cells = 60 * 32 + 24 * 32 + 30 * 32
    assert sum(1 for _ in small.cube.cells()) == cells
    assert len(small.recent) == 50
    assert len(small.snapshot()) <= 128 * KIB


def test_the_snapshot_of_a_large_chain_in_a_busy_hour(large: Chain) -> None:
    assert sum(1 for key, _ in large.cube.cells() if key.grain == "minute") > 40_000
    assert len(large.snapshot()) <= 1024 * KIB


@pytest.mark.long
def test_the_snapshot_of_a_large_chain_with_full_windows_once_compressed() -> None:
    """Every figure of 140,000 cells takes more than the budget as it stands, and less compressed."""
    chain = Chain(30, 60)
    chain.fill_every_window()
    snapshot = chain.snapshot()
    assert len(snapshot) <= 2560 * KIB
    assert len(zlib.compress(snapshot, level=1)) <= 1024 * KIB


@pytest.mark.parametrize("chain", ["small", "large"])
def test_the_delta_of_a_second(chain: str, request: pytest.FixtureRequest) -> None:
    delta, batch = request.getfixturevalue(chain).second()
    assert len(delta) <= 16 * KIB
    assert len(batch) <= 16 * KIB


def test_the_delta_of_any_number_of_orders_at_once(small: Chain) -> None:
    """Every cell of the running minute, hour and day, and all the orders that are ever listed."""
    delta = small.delta(small.placed(5_000))
    assert delta.count(b'"order_id"') == 50
    assert len(delta) <= 16 * KIB
