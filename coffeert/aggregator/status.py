"""What an aggregator is doing, for those who watch over it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

Role = Literal["starting", "standing by", "leading", "failing"]


class AggregatorStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The last known state of one aggregator.

    `reason` says why it is failing, `redis_reason` why the last pass was not published. Figures are
    those of its own last pass.
    """

    name: str
    role: Role = "starting"
    reason: str | None = None
    redis_reason: str | None = None
    token: int = 0
    number: int = 0
    rows: int = 0
    cells: int = 0
    pass_ms: float = 0
    data_time: datetime | None = None
