"""Makes orders and the passes that count them, as the aggregator does, without a database."""

from __future__ import annotations

import copy
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from coffeert.domain.calendar import Calendars
from coffeert.domain.coverage import Coverage
from coffeert.domain.orders import Order
from coffeert.domain.retention_window import RetentionWindow
from coffeert.domain.rollup_cube import RollupCube
from coffeert.domain.rollups import GRAINS, Cells, at_all_grains, tally_orders
from coffeert.domain.view import RollupSnapshot, newest
from coffeert.domain.watermark import Watermark
from coffeert.redis_bus.publisher import RedisPublisher
from coffeert.wire.bus import PassCell, PassMessage, PassStats
from coffeert.wire.orders import OrderBody
from tests.calendars import calendar

START = datetime(2026, 3, 28, 22, 30, tzinfo=UTC)
STATS = PassStats(leader="here", rows=1, pass_ms=1.5, interval_s=1)


@dataclass(frozen=True)
class Pass:
    """All that one publish takes."""

    message: PassMessage
    cube: RollupCube
    recent: tuple[Order, ...]

    @property
    def snapshot(self) -> RollupSnapshot:
        """What a reader must find after it."""
        return RollupSnapshot(
            lineage=self.message.lineage,
            nonce=self.message.nonce,
            number=self.message.number,
            token=self.message.token,
            watermark=self.message.parsed_watermark(),
            data_time=self.message.data_time,
            coverage=self.message.covers,
            cells=dict(self.cube.cells()),
            recent=self.recent,
        )


CALENDARS = Calendars((calendar(first=START - timedelta(days=60), days=120),), {})


class PassFactory:
    """The state from pass to pass."""

    def __init__(
        self,
        *,
        lineage: str = "lineage-1",
        token: int = 1,
        nonce: str | None = None,
        since: datetime = START,
    ) -> None:
        self.lineage = lineage
        self.token = token
        self.nonce = nonce
        self.number = 0
        self.now = since
        self.cube = RollupCube(RetentionWindow.at(since, CALENDARS))
        self.recent: tuple[Order, ...] = ()
        self._random = random.Random(1)

    def order(
        self,
        store: str = "uptown",
        drink: str = "latte",
        *,
        ago: timedelta = timedelta(0),
        quantity: int = 1,
        price_cents: int = 480,
    ) -> Order:
        """Make an order of some time ago."""
        return Order(
            order_id=UUID(int=self._random.getrandbits(128), version=4),
            store=store,
            drink=drink,
            quantity=quantity,
            price_cents=price_cents,
            placed_at=self.now - ago,
            received_at=self.now,
        )

    def count(self, *orders: Order, wait: timedelta = timedelta(0)) -> Pass:
        """Make the pass that counts the orders."""
        self.now += wait
        self.number += 1
        self.cube.move_to(RetentionWindow.at(self.now, CALENDARS))
        changed: Cells = {}
        for key, tally in at_all_grains(tally_orders(orders), CALENDARS).items():
            if self.cube.add(key, tally):
                changed[key] = self.cube.get(key)
        self.recent = newest((*self.recent, *orders))
        return self.made(changed, newest(orders))

    def made(self, changed: Cells, new: tuple[Order, ...] = ()) -> Pass:
        """Describe the present state as a pass that changed some cells."""
        message = PassMessage(
            lineage=self.lineage,
            nonce=self.nonce or f"of {self.lineage} {self.token}",
            number=self.number,
            token=self.token,
            previous=_watermark(self.number - 1),
            watermark=_watermark(self.number),
            data_time=self.now,
            covers=Coverage.of(self.cube.retention),
            stats=STATS,
            cells=[
                PassCell(GRAINS.index(key.grain), key.bucket, key.store, key.drink, *tally)
                for key, tally in changed.items()
            ],
            recent=[OrderBody.of(order) for order in new],
        )
        return Pass(message, copy.deepcopy(self.cube), self.recent)


def _watermark(number: int) -> str:
    return str(Watermark(number, number + 2, frozenset({number})))


async def publish(publisher: RedisPublisher, made: Pass) -> None:
    """Publish a pass."""
    await publisher.publish(made.message, made.cube, made.recent)
