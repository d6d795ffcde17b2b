"""Writes what the session receives into a file that can be replayed, and injected as load."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final
from uuid import UUID

import msgspec

from coffeert.client.events import FeedEvent, ViewChanged, ViewReset
from coffeert.domain.orders import Draft, Order
from coffeert.errors import CoffeertError
from coffeert.tui.history.event_lines import FORMAT, StartLine, encode, line_of, opening_of
from coffeert.tui.model.server_address import ServerAddress
from coffeert.tui.model.session import Session
from coffeert.wire.orders import draft_body

MAX_KNOWN_ORDERS: Final = 5000


class RecordingError(CoffeertError):
    """A recording cannot be written or read."""

    exit_code = 2


class Recorder:
    """Appends events and, between them, each order once.

    `missed` counts orders that the server's frames did not list, because more arrived at once than a
    frame holds: a replay shows them in its sums, but they cannot be injected again. Corrections are
    replayed, never injected.
    """

    def __init__(self, path: Path, session: Session, server: str) -> None:
        self.path = path
        self.orders = 0
        self.missed = 0
        self._session = session
        self._known: dict[UUID, None] = {}
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            raise RecordingError(f"{path} exists already; a recording never overwrites.") from None
        except OSError as error:
            raise RecordingError(f"{path} cannot be written: {error.strerror}.") from None
        self._file = os.fdopen(handle, "wb")
        self._server = server
        self._begun = False
        self._begin()

    def record(self, event: FeedEvent) -> None:
        """Write down an event that the session has just applied."""
        if self._file.closed:
            return
        if not self._begun:
            self._begin()
            return
        self._write(line_of(event, self._at(), self._session.clock.monotonic()))
        if isinstance(event, ViewChanged):
            self._write_orders(event)
        elif isinstance(event, ViewReset):
            self._remember(event.change.recent)
        else:
            self._file.flush()

    def close(self) -> None:
        """End the recording; a file that has no events yet still gets its first line."""
        if not self._begun and not self._file.closed:
            self._start()
        self._file.close()

    def _at(self) -> float:
        return self._session.now().timestamp()

    def _start(self) -> None:
        self._begun = True
        self._write(StartLine(at=self._at(), format=FORMAT, server=self._server))

    def _begin(self) -> None:
        """Write down the state of the session, once that and the server's time are known."""
        session = self._session
        if session.view is None or session.hello is None or session.totals is None:
            return
        if session.heartbeat is None:
            return
        self._start()
        listed = session.log.newest()
        change = msgspec.structs.replace(session.view.as_change(), recent=listed)
        reset = ViewReset(change, session.epoch, session.version, session.totals)
        moment = session.clock.monotonic()
        for line in opening_of(session.hello, reset, session.heartbeat, self._at(), moment):
            self._write(line)
        self._remember(change.recent)

    def _write_orders(self, event: ViewChanged) -> None:
        fresh = [order for order in event.change.recent if order.order_id not in self._known]
        self._remember(event.change.recent)
        for order in sorted(fresh, key=lambda order: order.recency):
            if order.voids is None:
                self._write(_order_line(order, self._session.places))
                self.orders += 1
        counted = self._session.orders_added
        self.missed += max(0, counted - sum(order.voids is None for order in fresh))

    def _remember(self, orders: tuple[Order, ...]) -> None:
        for order in orders:
            self._known[order.order_id] = None
        while len(self._known) > MAX_KNOWN_ORDERS:
            del self._known[next(iter(self._known))]

    def _write(self, line: object) -> None:
        try:
            self._file.write(encode(line) + b"\n")
        except OSError as error:
            self._file.close()
            raise RecordingError(f"{self.path} cannot be written: {error.strerror}.") from None


class Recording:
    """Starts and stops recordings of one session; at most one runs at a time."""

    def __init__(self, session: Session, address: ServerAddress) -> None:
        self.recorder: Recorder | None = None
        self._session = session
        self._address = address

    def start(self, path: Path) -> None:
        """Record from now on into a new file; raises `RecordingError`."""
        self.stop()
        self.recorder = Recorder(path, self._session, self._address.name)

    def record(self, event: FeedEvent) -> None:
        """Write down an event that the session has just applied, if a recording runs."""
        if self.recorder is not None:
            self.recorder.record(event)

    def stop(self) -> Recorder | None:
        """End the recording that runs, if any, and return it."""
        recorder, self.recorder = self.recorder, None
        if recorder is not None:
            recorder.close()
        return recorder


def _order_line(order: Order, places: int) -> dict[str, object]:
    return draft_body(
        Draft(
            order.store,
            order.drink,
            order.quantity,
            order.price_cents,
            order.placed_at,
            order.order_id,
            order.amount,
            order.source,
            order.receipt,
        ),
        places,
    )
