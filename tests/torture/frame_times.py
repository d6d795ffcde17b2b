"""How long a dashboard waits for the frame that shows an order: measured beside a fault, and without."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import aiohttp

from tests.torture.stage import Stage

_PAUSE = 0.02
# As a clock that goes wrong as far as is let pass: such an order stays among the most recent ones.
_AHEAD = timedelta(seconds=290)


@dataclass(frozen=True, slots=True)
class FrameTimes:
    """Seconds from the sending of an order to the frame with it, `without` the fault and `beside` it."""

    without: tuple[float, ...]
    beside: tuple[float, ...]

    def __add__(self, other: FrameTimes) -> FrameTimes:
        return FrameTimes(self.without + other.without, self.beside + other.beside)

    @property
    def unchanged(self) -> bool:
        """Whether the fault made no difference beyond this machine's noise.

        Whoever waited for a client that does not read would wait for over a second.
        """
        return share_of(self.beside, 0.9) <= share_of(self.without, 0.9) + 0.5

    def remark(self) -> str:
        """Tell both in one sentence."""
        return f"others wait {told(self.without)} for a frame without, {told(self.beside)} beside"


async def frame_times(stage: Stage, *, until: asyncio.Event | None = None) -> tuple[float, ...]:
    """Order as a dashboard that reads, 100 times or until an event, and time each order's frame."""
    times: list[float] = []
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(f"{stage.direct_url}/ws/dashboard", max_msg_size=0) as socket,
    ):
        while not until.is_set() if until else len(times) < 100:
            order_id = str(uuid4())
            stage.maybe.append(order_id)
            order = {"type": "order", "ref": order_id, "order_id": order_id}
            order |= {"store": "uptown", "drink": "latte"}
            order["placed_at"] = (datetime.now(UTC) + _AHEAD).isoformat()
            started = time.monotonic()
            await socket.send_json(order)
            async with asyncio.timeout(10):
                while not await _shows(socket, order_id):
                    pass
            times.append(time.monotonic() - started)
            await asyncio.sleep(_PAUSE)
    return tuple(times)


async def _shows(socket: aiohttp.ClientWebSocketResponse, order_id: str) -> bool:
    text: str = await socket.receive_str()
    if order_id not in text:
        return False
    assert '"type":"error"' not in text, text
    return '"type":"ack"' not in text


def told(times: tuple[float, ...]) -> str:
    """Say the median and the 99th percentile of times in seconds."""
    median, slow = (share_of(times, share) * 1e3 for share in (0.5, 0.99))
    return f"{median:.0f} ms (99%: {slow:.0f} ms)"


def share_of(times: tuple[float, ...], share: float) -> float:
    """Return the time that this share of times does not exceed."""
    ordered = sorted(times)
    return ordered[int(len(ordered) * share)] if ordered else 0.0
