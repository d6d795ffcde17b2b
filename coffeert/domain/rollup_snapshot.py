"""The rollups as of one pass: what a server builds its view on."""

from __future__ import annotations

from datetime import datetime

import msgspec

from coffeert.domain.orders import Order
from coffeert.domain.rollups import Cells
from coffeert.domain.watermark import Watermark


class RollupSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """Everything within the retention window as of pass `number`, exact for the orders `watermark` sees.

    `lineage` names the history the numbers belong to, `token` is the fencing token of the pass's
    leader, `data_time` the moment of the pass's snapshot.
    """

    lineage: str
    number: int
    token: int
    watermark: Watermark
    data_time: datetime
    cells: Cells
    recent: tuple[Order, ...]
