"""Transports for orders: HTTP requests, WebSockets, NDJSON batches."""

from __future__ import annotations

import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final, Literal, Protocol

from coffeert.client import OrderClient, OrderSocket
from coffeert.client.errors import is_retryable
from coffeert.errors import ApiError, CoffeertError, ConfigError, OutcomeUnknown
from coffeert.inject.report import LineError, OutcomeRecorder
from coffeert.inject.scheduled_order import ScheduledOrder

Transport = Literal["http", "ws", "batch"]
CONNECTIONS: Final[dict[Transport, int]] = {"http": 64, "ws": 4, "batch": 2}
"""How many connections each transport opens by default."""

_MAX_IN_FLIGHT_PER_SOCKET = 64
_MAX_BATCH_ORDERS = 1_000


class Sender(Protocol):
    """Sends orders and records their outcomes; raises nothing but cancellation."""

    workers: int
    """How many `send` calls may run at once."""
    max_orders: int
    """Orders of one call, at most."""

    @property
    def retries(self) -> int:
        """Attempts beyond the first."""

    async def send(
        self, orders: list[ScheduledOrder], due: list[float], recorder: OutcomeRecorder
    ) -> None:
        """Send orders, each due at a time of `time.monotonic()`."""


class HttpSender:
    """One order a request, one request at a time on each connection."""

    max_orders = 1

    def __init__(self, client: OrderClient, connections: int) -> None:
        self._client = client
        self.workers = connections

    @property
    def retries(self) -> int:
        return self._client.retries

    async def send(
        self, orders: list[ScheduledOrder], due: list[float], recorder: OutcomeRecorder
    ) -> None:
        try:
            receipt = await self._client.place_body(orders[0].body)
        except CoffeertError as error:
            record_failure(recorder, orders[0].line, error)
        else:
            recorder.stored(receipt.committed - due[0], replayed=receipt.replayed)


class WebSocketSender:
    """Many orders at once on each of a few WebSockets."""

    max_orders = 1

    def __init__(self, sockets: list[OrderSocket], patience: float) -> None:
        self._sockets = sockets
        self._patience = patience
        self._next = 0
        self.workers = len(sockets) * _MAX_IN_FLIGHT_PER_SOCKET

    @property
    def retries(self) -> int:
        return sum(socket.retries for socket in self._sockets)

    async def send(
        self, orders: list[ScheduledOrder], due: list[float], recorder: OutcomeRecorder
    ) -> None:
        self._next = (self._next + 1) % len(self._sockets)
        try:
            placed = await self._sockets[self._next].place_body(orders[0].body, self._patience)
        except CoffeertError as error:
            record_failure(recorder, orders[0].line, error)
        else:
            recorder.stored(placed.committed - due[0], replayed=placed.replayed)


class BatchSender:
    """Everything that is due by now in one NDJSON body."""

    max_orders = _MAX_BATCH_ORDERS

    def __init__(self, client: OrderClient, connections: int) -> None:
        self._client = client
        self.workers = connections

    @property
    def retries(self) -> int:
        return self._client.retries

    async def send(
        self, orders: list[ScheduledOrder], due: list[float], recorder: OutcomeRecorder
    ) -> None:
        try:
            result = await self._client.batch_lines([order.body for order in orders])
        except CoffeertError as error:
            for order in orders:
                record_failure(recorder, order.line, error)
            return
        recorder.accepted += result.accepted
        recorder.replayed += result.replayed
        recorder.rejected += result.rejected
        for problem in result.errors:
            line = orders[problem.line - 1].line
            recorder.add_error(LineError(line, problem.detail, problem.status, problem.errors))
        answered = time.monotonic()
        for due_at in due:
            recorder.latency(answered - due_at)


async def open_senders(
    stack: AsyncExitStack,
    transports: tuple[Transport, ...],
    url: str,
    token: str | None,
    *,
    connections: int | None,
    patience: float,
    ca_file: Path | None = None,
) -> list[Sender]:
    """Open a sender for each transport; `stack` closes them."""
    senders: list[Sender] = []
    for transport in transports:
        count = connections or CONNECTIONS[transport]
        if transport == "ws":
            sockets = [
                await stack.enter_async_context(OrderSocket(url, token, ca_file=ca_file))
                for _ in range(count)
            ]
            senders.append(WebSocketSender(sockets, patience))
            continue
        client = await stack.enter_async_context(
            OrderClient(url, token, connections=count, patience=patience, ca_file=ca_file)
        )
        senders.append(
            HttpSender(client, count) if transport == "http" else BatchSender(client, count)
        )
    return senders


def transports_named(names: str) -> tuple[Transport, ...]:
    """Return the transports of a comma-separated list; raises `ConfigError` naming an unknown one."""
    known: dict[str, Transport] = {transport: transport for transport in CONNECTIONS}
    try:
        return tuple(dict.fromkeys(known[name.strip()] for name in names.split(",")))
    except KeyError as error:
        raise ConfigError(
            f"There is no transport {error}; there are {', '.join(CONNECTIONS)}."
        ) from None


def record_failure(recorder: OutcomeRecorder, line: int, error: CoffeertError) -> None:
    """Count an order that the server refuses for good as rejected, any other as lost."""
    if isinstance(error, ApiError) and not is_retryable(error):
        recorder.refused(line, error)
    else:
        unknown = isinstance(error, OutcomeUnknown)
        recorder.gave_up(line, str(error) if unknown else f"gave up: {error}")
