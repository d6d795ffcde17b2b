"""What was sent and what was answered: clients that write everything down."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import aiohttp

from coffeert.errors import OutcomeUnknown
from tests.waiting import POLL

Way = Literal["http", "ws", "batch"]
WAYS: tuple[Way, ...] = ("http", "ws", "batch")
STORES = ("uptown", "downtown", "central", "southend")
DRINKS = ("cappuccino", "americano", "latte", "espresso", "flat-white", "mocha", "cortado", "tea")
PATIENCE = 60.0  # seconds for which an order is sent again
_TIMEOUT = aiohttp.ClientTimeout(total=5)
_BROKEN = (aiohttp.ClientError, TimeoutError, OSError)


@dataclass(slots=True)
class Sent:
    """One order and its fate: `bodies` are those of the 2xx answers, `refusals` of the others.

    `unknown`: after at least one attempt nobody could say whether it was stored.
    """

    order_id: UUID
    way: Way
    body: dict[str, Any]
    attempts: int = 0
    acknowledged: bool = False
    unknown: bool = False
    bodies: list[dict[str, Any]] = field(default_factory=list)
    refusals: Counter[int] = field(default_factory=Counter)


class History:
    """Every order of one run, in the order of sending."""

    def __init__(self) -> None:
        self.sent: dict[UUID, Sent] = {}
        self.attempts = 0

    @property
    def acknowledged(self) -> int:
        """How many orders have been answered with a 2xx."""
        return sum(sent.acknowledged for sent in self.sent.values())

    def begin(self, order: Sent) -> Sent:
        """Write down that an order is about to be sent."""
        self.sent[order.order_id] = order
        return order


class Tills:
    """Many clients that order until `stop` is set, each order until it is answered for good.

    `rng` decides every order, so a seed repeats them; how they interleave is up to the machine.
    """

    def __init__(self, url: str, history: History, rng: random.Random, *, batch: int = 40) -> None:
        self.stop = asyncio.Event()
        self._url = url
        self._history = history
        self._rng = rng
        self._batch = batch

    async def run(self, clients: int = 8, pause: float = 0.005) -> None:
        """Order with `clients` clients of each way, with `pause` seconds between a client's orders."""
        connector = aiohttp.TCPConnector(limit=0)
        async with (
            aiohttp.ClientSession(self._url, connector=connector, timeout=_TIMEOUT) as http,
            asyncio.TaskGroup() as group,
        ):
            for number in range(clients):
                seed = self._rng.getrandbits(64)
                group.create_task(self._order_by_http(http, random.Random(seed), pause))
                if number % 2 == 0:
                    group.create_task(self._order_by_socket(http, random.Random(seed + 1), pause))
                if number % 4 == 0:
                    group.create_task(self._order_in_batches(http, random.Random(seed + 2), pause))

    async def _order_by_http(
        self, http: aiohttp.ClientSession, rng: random.Random, pause: float
    ) -> None:
        while not self.stop.is_set():
            order = self._history.begin(new_order(rng, "http"))
            for _ in attempts(rng):
                if await self.post(http, order):
                    break
                await asyncio.sleep(0.05 + rng.random() * 0.1)
            if rng.random() < 0.02 and order.acknowledged:
                await self.post(http, order)  # once more, for nothing
            await asyncio.sleep(pause)

    async def post(self, http: aiohttp.ClientSession, order: Sent) -> bool:
        """Send an order once; tell whether its fate is decided."""
        order.attempts += 1
        self._history.attempts += 1
        try:
            async with http.post("/api/orders", json=order.body) as response:
                body = await response.json(content_type=None)
        except _BROKEN:
            order.unknown = True
            return False
        except ValueError:
            order.unknown = True
            return False
        return note(order, response.status, body)

    async def _order_in_batches(
        self, http: aiohttp.ClientSession, rng: random.Random, pause: float
    ) -> None:
        headers = {"Content-Type": "application/x-ndjson"}
        while not self.stop.is_set():
            orders = [self._history.begin(new_order(rng, "batch")) for _ in range(self._batch)]
            lines = "\n".join(json.dumps(order.body) for order in orders)
            for _ in attempts(rng):
                self._history.attempts += len(orders)
                for order in orders:
                    order.attempts += 1
                try:
                    async with http.post(
                        "/api/orders/batch", data=lines, headers=headers
                    ) as response:
                        told = await response.json(content_type=None)
                except (*_BROKEN, ValueError):
                    told = {}
                stored = told.get("accepted", 0) + told.get("replayed", 0)
                if stored == len(orders):
                    for order in orders:
                        order.acknowledged = True
                    break
                for order in orders:
                    order.unknown = True  # some are stored, and the answer does not say which
                await asyncio.sleep(0.05 + rng.random() * 0.1)
            await asyncio.sleep(pause * self._batch / 4)

    async def _order_by_socket(
        self, http: aiohttp.ClientSession, rng: random.Random, pause: float
    ) -> None:
        waiting: list[Sent] = []
        while not (self.stop.is_set() and not waiting):
            try:
                async with http.ws_connect("/ws/dashboard", max_msg_size=0) as socket:
                    await self._keep_ordering(socket, rng, pause, waiting)
            except _BROKEN:
                await asyncio.sleep(0.05 + rng.random() * 0.1)
            if waiting and self.stop.is_set() and waiting[0].attempts > PATIENCE * 8:
                return

    async def _keep_ordering(
        self,
        socket: aiohttp.ClientWebSocketResponse,
        rng: random.Random,
        pause: float,
        waiting: list[Sent],
    ) -> None:
        """Order one after the other; what is still `waiting` for its answer is sent again first."""
        while not socket.closed and not (self.stop.is_set() and not waiting):
            if not waiting:
                waiting.append(self._history.begin(new_order(rng, "ws")))
            order = waiting[0]
            order.attempts += 1
            self._history.attempts += 1
            await socket.send_json({"type": "order", "ref": str(order.order_id)} | order.body)
            decided = await asyncio.wait_for(self._answer(socket, order), 5)
            if decided is None:
                order.unknown = True
                return
            if decided:
                waiting.clear()
            await asyncio.sleep(pause if decided else 0.05 + rng.random() * 0.1)

    async def _answer(self, socket: aiohttp.ClientWebSocketResponse, order: Sent) -> bool | None:
        async for message in socket:
            if message.type is not aiohttp.WSMsgType.TEXT:
                break
            # Thousands of frames are not for us: only answers hold the id.
            if str(order.order_id) not in message.data:
                continue
            frame = json.loads(message.data)
            if frame.get("ref") == str(order.order_id):
                ack = frame["type"] == "ack"
                return note(order, frame["status"], frame["order"] if ack else frame)
        return None


def note(order: Sent, status: int, body: dict[str, Any]) -> bool:
    """Write an answer down; tell whether it decides the order's fate."""
    if status in {200, 201}:
        order.acknowledged = True
        order.bodies.append(body)
        return True
    order.refusals[status] += 1
    if body.get("title") == OutcomeUnknown.title or status in {500, 502, 504}:
        order.unknown = True
    return status < 500 and status not in {408, 429}


def new_order(rng: random.Random, way: Way) -> Sent:
    """Make up an order: most of now, some late by up to 29 days, some by clocks that are wrong."""
    order_id = UUID(int=rng.getrandbits(128), version=4)
    body: dict[str, Any] = {
        "order_id": str(order_id),
        "store": rng.choice(STORES),
        "drink": rng.choice(DRINKS),
        "quantity": rng.choice((1, 1, 1, 2, 3, 99)),
    }
    if rng.random() < 0.5:
        body["price"] = f"{rng.randrange(0, 1000)}.{rng.randrange(100):02}"
    kind = rng.random()
    skew = timedelta(0)
    if kind < 0.05:
        skew = timedelta(seconds=-rng.randrange(29 * 86400))
    elif kind < 0.2:
        skew = timedelta(seconds=rng.uniform(-600, 240))
    if kind < 0.6:
        body["placed_at"] = (datetime.now(UTC) + skew).isoformat()
    return Sent(order_id, way, body)


def attempts(rng: random.Random) -> Iterator[int]:
    """Count attempts until patience ends."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + PATIENCE + rng.random()
    number = 0
    while loop.time() < deadline:
        yield number
        number += 1


async def settled(*conditions: asyncio.Task[Any]) -> None:
    """Wait until every task has ended."""
    while not all(task.done() for task in conditions):
        await asyncio.sleep(POLL)
