"""Connections without sockets, before a protocol that notes what reaches it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import cast

from coffeert.domain.menu import Drink, Menu, Store
from coffeert.domain.orders import Draft, Void, resolve
from coffeert.errors import ApiError, NotFound
from coffeert.server.http.aiohttp_connection import AiohttpConnection
from coffeert.server.http.auth import Authorizer
from coffeert.server.http.batch import BatchEndpoint
from coffeert.server.http.connection_limiter import ConnectionLimiter
from coffeert.server.http.deferred_responses import DeferredResponses
from coffeert.server.http.order_connection import OrderConnection
from coffeert.server.http.order_endpoint import OrderEndpoint
from coffeert.server.ingest.batch_insert import Outcome, PendingOrder, StoredOrder
from coffeert.server.ingest.load_shedding import LoadShedder, for_batches
from coffeert.server.ingest.order_service import Batch, OrderService

MENU = Menu(
    (Store("uptown", "Uptown"),),
    tuple(Drink(code, code.title(), 450) for code in ("latte", "tea", "mocha")),
)
BODY = b'{"store":"uptown","drink":"latte"}'
WHOLE = (
    b"POST /api/orders HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
)
LIVEZ = b"GET /livez HTTP/1.1\r\nHost: here\r\n\r\n"


class FakeService:
    """Notes what is to be stored, and stores it when the test says so."""

    def __init__(self) -> None:
        self.answers: list[tuple[PendingOrder, asyncio.Future[list[Outcome]]]] = []
        self.batches: list[tuple[Batch, asyncio.Future[None]]] = []
        self.error: ApiError | None = None

    places = 2

    def entry(self, draft: Draft) -> PendingOrder:
        return PendingOrder(resolve(draft, MENU, datetime.now(UTC)), draft, draft.key)

    def store(self, order: PendingOrder) -> asyncio.Future[list[Outcome]]:
        if self.error is not None:
            raise self.error
        answer: asyncio.Future[list[Outcome]] = asyncio.get_running_loop().create_future()
        self.answers.append((order, answer))
        return answer

    def batch(self, drafts: Sequence[Draft | Void | ApiError]) -> Batch:
        batch = Batch(len(drafts), {}, {}, {}, {})
        for index, draft in enumerate(drafts):
            if isinstance(draft, ApiError):
                batch.unreadable[index] = draft
            elif isinstance(draft, Void):
                batch.unreadable[index] = NotFound("No order has this id.")
            else:
                batch.entries[index] = self.entry(draft)
        return batch

    async def place_many(self, batch: Batch) -> list[Outcome]:
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.batches.append((batch, stored))
        await stored
        return [
            batch.unreadable.get(index) or StoredOrder(batch.entries[index].order, replayed=False)
            for index in range(batch.size)
        ]

    def commit(self) -> None:
        """Store everything that waits."""
        answers, self.answers = self.answers, []
        for order, answer in answers:
            if not answer.done():
                answer.set_result([StoredOrder(order.order, replayed=False, key=order.key)])
        for _, stored in self.batches:
            if not stored.done():
                stored.set_result(None)


class Wire(asyncio.Transport):
    """A transport that keeps what is written, and whether it is read."""

    def __init__(self, address: str = "127.0.0.1") -> None:
        super().__init__({"peername": (address, 1234)})
        self.written = b""
        self.reading = True
        self.closed = self.aborted = False
        self.protocol = asyncio.BaseProtocol()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self.protocol

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = self.aborted = True

    @property
    def statuses(self) -> list[int]:
        """The status of each response that was written."""
        return [int(part[:3]) for part in self.written.split(b"HTTP/1.1 ")[1:]]


class Connections:
    """Connections of one server, and what reached the protocol behind each."""

    def __init__(
        self,
        size: int,
        *,
        authorizer: Authorizer | None = None,
        delegate: Callable[[], asyncio.Protocol] | None = None,
    ) -> None:
        self.reached: list[tuple[int, bytes]] = []
        self.orders = LoadShedder(clock=lambda: 0.0)  # or a busy machine would fill an iteration
        self.batches = for_batches(clock=lambda: 0.0)
        self.service = FakeService()
        service = cast(OrderService, self.service)
        self.endpoint = OrderEndpoint(
            service,
            BatchEndpoint(service, max_line_bytes=1024, max_rows=500),
            authorizer or Authorizer(None, allowed_hosts=("here",)),
            order_shedder=self.orders,
            batch_shedder=self.batches,
            max_body_bytes=1024,
        )
        self.limiter = ConnectionLimiter(connections=0, rate=0, header_timeout=10)
        self.refusals = DeferredResponses()
        self.wires = [Wire() for _ in range(size)]
        for number, wire in enumerate(self.wires):
            wire.protocol = OrderConnection(
                delegate or self._behind(number), self.limiter, self.endpoint, self.refusals
            )
            wire.protocol.connection_made(wire)

    def _behind(self, number: int) -> Callable[[], asyncio.Protocol]:
        reached = self.reached

        class Behind(asyncio.Protocol):
            def data_received(self, data: bytes) -> None:
                reached.append((number, data))

        return Behind

    def __getitem__(self, number: int) -> OrderConnection:
        """The connection, on which nothing but orders has arrived."""
        protocol = self.wires[number].protocol
        assert isinstance(protocol, OrderConnection)
        return protocol

    def delegated(self, number: int) -> AiohttpConnection:
        """The connection, once aiohttp has it."""
        protocol = self.wires[number].protocol
        assert isinstance(protocol, AiohttpConnection)
        return protocol

    def send(self, number: int, data: bytes) -> None:
        """Have bytes arrive on a connection."""
        protocol = self.wires[number].protocol
        assert isinstance(protocol, asyncio.Protocol)
        protocol.data_received(data)

    def send_to_all(self, data: bytes) -> None:
        for number in range(len(self.wires)):
            self.send(number, data)

    @property
    def started(self) -> int:
        """How many orders were handed to the service."""
        return len(self.service.answers)


def shed(shedder: LoadShedder) -> None:
    """Have a policy refuse everything from now on."""
    shedder.shedding = True
    while shedder.try_admit():
        pass
    shedder.shed = 0
