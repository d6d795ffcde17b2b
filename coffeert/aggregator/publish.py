"""Telling the world of a pass."""

from __future__ import annotations

from typing import Protocol

from coffeert.domain.orders import Order
from coffeert.domain.rollups import RollupCube
from coffeert.postgres.passes import PassResult
from coffeert.wire.bus import PassMessage, PassStats, pass_cells
from coffeert.wire.orders import OrderBody


class Publisher(Protocol):
    """Where passes are published."""

    async def publish(
        self, message: PassMessage, picture: RollupCube, recent: tuple[Order, ...]
    ) -> None:
        """Publish a pass and the picture that it leads to.

        Raises `Fenced` where a later leader has published, `RedisUnavailable` where it cannot be told
        whether anything was; publishing again is harmless.
        """


def message_of(result: PassResult, stats: PassStats) -> PassMessage:
    """Make the message that tells of a pass."""
    return PassMessage(
        lineage=result.lineage,
        number=result.number,
        token=result.token,
        watermark=str(result.watermark),
        data_time=result.data_time,
        stats=stats,
        cells=pass_cells(result.cells),
        recent=[OrderBody.of(order) for order in result.recent],
    )
