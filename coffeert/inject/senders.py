"""Ways to carry orders to the server: HTTP requests, WebSockets, NDJSON batches."""

from __future__ import annotations

import time
from contextlib import AsyncExitStack
from typing import Final, Literal, Protocol

from coffeert.client import OrderClient, OrderSocket
from coffeert.client.errors import is_retryable
from coffeert.errors import ApiError, CoffeertError, ConfigError, OutcomeUnknown
from coffeert.inject.report import LineError, OutcomeRecorder
from coffeert.inject.scheduled_order import ScheduledOrder

Transport = Literal["http", "ws", "batch"]
CONNECTIONS: Final[dict[Transport, int]] = {"http": 64, "ws": 4, "batch": 2}
"""How many connections each way opens unless told otherwise."""

_SOCKET_ORDERS = 64  # in flight on one WebSocket
_BATCH_ROWS = 1_000


class Sender(Protocol):
    """Sends orders and records what becomes of them; raises nothing but cancellation."""

    workers: int
    """How many `deliver` calls may be under way at once."""
    orders: int
    """The most orders in one call."""

    @property
    def retries(self) -> int:
        """Attempts beyond the first."""

    async def deliver(
        self, shots: list[ScheduledOrder], due: list[float], recorder: OutcomeRecorder
    ) -> None:
        """Send orders, each due at a moment of `time.monotonic()`."""


class HttpSender:
    """One order a request, one request at a time on each connection."""

    orders = 1

    def __init__(self, client: OrderClient, connections: int) -> None:
        self._client = client
        self.workers = connections

    @property
    def retries(self) -> int:
        """Attempts beyond the first."""
        return self._client.retries

    async def deliver(
        self, shots: list[ScheduledOrder], due: list[float], recorder: OutcomeRecorder
    ) -> None:
        """Send one order."""
        try:
            receipt = await self._client.place_body(shots[0].body)
        except CoffeertError as error:
            record_failure(recorder, shots[0].line, error)
        else:
            recorder.stored(receipt.committed - due[0], replayed=receipt.replayed)


class WebSocketSender:
    """Many orders at once on each of a few WebSockets."""

    orders = 1

    def __init__(self, sockets: list[OrderSocket], patience: float) -> None:
        self._sockets = sockets
        self._patience = patience
        self._turn = 0
        self.workers = len(sockets) * _SOCKET_ORDERS

    @property
    def retries(self) -> int:
        """Attempts beyond the first."""
        return sum(socket.retries for socket in self._sockets)

    async def deliver(
        self, shots: list[ScheduledOrder], due: list[float], recorder: OutcomeRecorder
    ) -> None:
        """Send one order."""
        self._turn = (self._turn + 1) % len(self._sockets)
        try:
            placed = await self._sockets[self._turn].place_body(shots[0].body, self._patience)
        except CoffeertError as error:
            record_failure(recorder, shots[0].line, error)
        else:
            recorder.stored(placed.committed - due[0], replayed=placed.replayed)


class BatchSender:
    """Whatever is due by now as one NDJSON body."""

    orders = _BATCH_ROWS

    def __init__(self, client: OrderClient, connections: int) -> None:
        self._client = client
        self.workers = connections

    @property
    def retries(self) -> int:
        """Attempts beyond the first."""
        return self._client.retries

    async def deliver(
        self, shots: list[ScheduledOrder], due: list[float], recorder: OutcomeRecorder
    ) -> None:
        """Send orders as one batch."""
        try:
            result = await self._client.batch_lines([shot.body for shot in shots])
        except CoffeertError as error:
            for shot in shots:
                record_failure(recorder, shot.line, error)
            return
        recorder.accepted += result.accepted
        recorder.replayed += result.replayed
        recorder.rejected += result.rejected
        for problem in result.errors:
            line = shots[problem.line - 1].line
            recorder.explain(LineError(line, problem.detail, problem.status, problem.errors))
        answered = time.monotonic()
        for moment in due:
            recorder.latency(answered - moment)


async def open_senders(
    stack: AsyncExitStack,
    ways: tuple[Transport, ...],
    url: str,
    token: str | None,
    *,
    connections: int | None,
    patience: float,
) -> list[Sender]:
    """Open a carrier for each way; `stack` closes them."""
    carriers: list[Sender] = []
    for way in ways:
        count = connections or CONNECTIONS[way]
        if way == "ws":
            sockets = [
                await stack.enter_async_context(OrderSocket(url, token)) for _ in range(count)
            ]
            carriers.append(WebSocketSender(sockets, patience))
            continue
        client = await stack.enter_async_context(
            OrderClient(url, token, connections=count, patience=patience)
        )
        carriers.append(HttpSender(client, count) if way == "http" else BatchSender(client, count))
    return carriers


def ways_named(names: str) -> tuple[Transport, ...]:
    """Read a comma list of ways; raises `ConfigError` naming the one that is unknown."""
    known: dict[str, Transport] = {way: way for way in CONNECTIONS}
    try:
        return tuple(dict.fromkeys(known[name.strip()] for name in names.split(",")))
    except KeyError as error:
        raise ConfigError(
            f"There is no way {error} to send orders; there are http, ws, batch."
        ) from None


def record_failure(recorder: OutcomeRecorder, line: int, error: CoffeertError) -> None:
    """Count an order that was refused for good as rejected, any other as lost."""
    if isinstance(error, ApiError) and not is_retryable(error):
        recorder.refused(line, error)
    else:
        unknown = isinstance(error, OutcomeUnknown)
        recorder.gave_up(line, str(error) if unknown else f"gave up: {error}")
