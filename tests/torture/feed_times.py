"""How old an order is when a reader of the feed has it: measured beside a fault, and without."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from coffeert.client import Feed
from tests.torture.frame_times import share_of, told
from tests.torture.stage import Stage

_EVENTS = 2_000


@dataclass(frozen=True, slots=True)
class FeedTimes:
    """Seconds from when the server has an order until a reader does: `without` the fault, `beside` it."""

    without: tuple[float, ...]
    beside: tuple[float, ...]

    def __add__(self, other: FeedTimes) -> FeedTimes:
        return FeedTimes(self.without + other.without, self.beside + other.beside)

    @property
    def unchanged(self) -> bool:
        """Whether the fault made no difference beyond this machine's noise."""
        return share_of(self.beside, 0.9) <= share_of(self.without, 0.9) + 0.5

    def remark(self) -> str:
        """Tell both in one sentence."""
        return f"others read an order {told(self.without)} old without, {told(self.beside)} beside"


async def feed_times(stage: Stage) -> tuple[float, ...]:
    """Follow the feed for so many orders that are placed meanwhile."""
    times: list[float] = []
    began = datetime.now(UTC)
    async for batch in Feed(stage.direct_url, after="now"):
        now = datetime.now(UTC)
        times += [
            (now - event.data.received_at).total_seconds()
            for event in batch.events
            if event.data.received_at > began
        ]
        if len(times) >= _EVENTS:
            break
    return tuple(times)
