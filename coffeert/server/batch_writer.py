"""Group commit: whatever has queued while one batch was committing becomes the next batch.

One INSERT and one commit serve every order that is waiting, so the cost of making an order durable is
shared, and at low load nothing waits for anybody.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol
from uuid import UUID

import structlog

from coffeert.errors import (
    CoffeertError,
    Conflict,
    DatabaseUnavailable,
    FieldError,
    Invalid,
    OutcomeUnknown,
    RequestRefused,
    Unavailable,
)
from coffeert.order import Draft, Order
from coffeert.postgres.orders import BadValue, CommitUnknown, Inserted
from coffeert.server.admission import Admission
from coffeert.watermark import Xid

log = structlog.get_logger(__name__)

_RESOLVE_ATTEMPTS = 3


class Entry(NamedTuple):
    """An order to store. `draft` is what a repeated key is compared with, `None` for a correction."""

    order: Order
    draft: Draft | None


class Placed(NamedTuple):
    """An order that is stored. `replayed`: it already was."""

    order: Order
    replayed: bool


Outcome = Placed | RequestRefused


class Table(Protocol):
    """Where orders are stored; `coffeert.postgres.orders.OrderTable`."""

    async def insert(self, orders: Sequence[Order]) -> Inserted:
        """Store orders sorted by id, all or none."""

    async def find(self, order_ids: Sequence[UUID]) -> dict[UUID, Order]:
        """Read the orders that exist."""


class _Group(NamedTuple):
    """Entries that one caller waits for."""

    entries: Sequence[Entry]
    answer: asyncio.Future[list[Outcome]]


class BatchWriter:
    """Stores orders in batches and answers each waiter only after the commit.

    `on_commit` is called with each committed transaction and its new orders, after the answers.
    """

    def __init__(
        self,
        table: Table,
        admission: Admission,
        *,
        batch_rows: int,
        writers: int,
        on_commit: Callable[[Xid, Sequence[Order]], None],
    ) -> None:
        self.accepted = self.replayed = self.refused = 0
        self.admission = admission
        self._table = table
        self._batch_rows = batch_rows
        self._writers = writers
        self._on_commit = on_commit
        self._queue: deque[_Group] = deque()
        self._work = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    async def submit(self, entries: Sequence[Entry]) -> list[Outcome]:
        """Store entries and return what became of each, in order.

        Raises `Unavailable` where they would wait too long: nothing was stored. A caller that is
        cancelled while queued is not stored; once sent to PostgreSQL, its orders are.
        """
        self.admission.check(len(entries))
        answer: asyncio.Future[list[Outcome]] = asyncio.get_running_loop().create_future()
        self._queue.append(_Group(entries, answer))
        self.admission.queued += len(entries)
        self._work.set()
        self._idle.clear()
        return await answer

    async def run(self) -> None:
        """Write batches until cancelled; `close` first, so that nobody is left waiting."""
        async with asyncio.TaskGroup() as group:
            for number in range(self._writers):
                group.create_task(self._write_batches(number))

    async def close(self) -> None:
        """Refuse new orders and wait until every queued one is answered."""
        self.admission.close()
        await self._idle.wait()

    async def _write_batches(self, number: int) -> None:
        while True:
            while not self._queue:
                self._work.clear()
                await self._work.wait()
            groups = self._take()
            if groups:
                self.admission.batch_started(number)
                try:
                    await self._write(groups)
                finally:
                    rows = sum(len(group.entries) for group in groups)
                    self.admission.batch_finished(number, rows)
            if not self._queue and not self.admission.busy:
                self._idle.set()

    def _take(self) -> list[_Group]:
        groups: list[_Group] = []
        rows = 0
        while self._queue and (
            not groups or rows + len(self._queue[0].entries) <= self._batch_rows
        ):
            group = self._queue.popleft()
            self.admission.queued -= len(group.entries)
            # Cancelled while queued: its client has gone, and nothing was sent yet.
            if not group.answer.done():
                groups.append(group)
                rows += len(group.entries)
        return groups

    async def _write(self, groups: list[_Group]) -> None:
        entries = [entry for group in groups for entry in group.entries]
        commits: list[tuple[Xid, list[Order]]] = []
        try:
            outcomes = await self._store(entries, commits)
        except Exception as error:
            # Whatever it was, the waiters are answered and the writer lives on. Only cancellation
            # passes, when the process ends.
            log.exception("batch failed", orders=len(entries))
            unknown = OutcomeUnknown("The outcome is not known; send it again.", retry_after=1.0)
            unknown.__cause__ = error
            outcomes = [unknown] * len(entries)
        self._answer(groups, outcomes)
        for xid, orders in commits:
            try:
                self._on_commit(xid, orders)
            except Exception:
                log.exception("committed batch not announced", orders=len(orders))

    def _answer(self, groups: list[_Group], outcomes: list[Outcome]) -> None:
        start = 0
        for group in groups:
            end = start + len(group.entries)
            if not group.answer.done():
                group.answer.set_result(outcomes[start:end])
            start = end
        for outcome in outcomes:
            if isinstance(outcome, Placed):
                if outcome.replayed:
                    self.replayed += 1
                else:
                    self.accepted += 1
            else:
                self.refused += 1

    async def _store(
        self, entries: Sequence[Entry], commits: list[tuple[Xid, list[Order]]]
    ) -> list[Outcome]:
        """Store entries, each key once; the first entry of a key decides what the key stands for."""
        first: dict[UUID, Order] = {}
        for entry in entries:
            first.setdefault(entry.order.order_id, entry.order)
        results: dict[UUID, Order | RequestRefused] = {}
        new: set[UUID] = set()
        await self._insert(sorted(first.values(), key=_by_id), results, new, commits)

        outcomes: list[Outcome] = []
        for entry in entries:
            result = results[entry.order.order_id]
            if isinstance(result, RequestRefused):
                outcomes.append(result)
            elif entry.order is result and result.order_id in new:
                outcomes.append(Placed(result, replayed=False))
            elif _same(entry, result):
                outcomes.append(Placed(result, replayed=True))
            else:
                outcomes.append(_conflict())
        return outcomes

    async def _insert(
        self,
        orders: Sequence[Order],
        results: dict[UUID, Order | RequestRefused],
        new: set[UUID],
        commits: list[tuple[Xid, list[Order]]],
    ) -> None:
        try:
            inserted = await self._table.insert(orders)
        except BadValue as error:
            if len(orders) == 1:
                results[orders[0].order_id] = _bad_value(error)
                return
            # One bad value fails the whole statement: halve until only the culprit is refused.
            middle = len(orders) // 2
            await self._insert(orders[:middle], results, new, commits)
            await self._insert(orders[middle:], results, new, commits)
            return
        except CommitUnknown:
            results.update(await self._resolve(orders))
            return
        except DatabaseUnavailable as error:
            refusal = Unavailable("The database cannot store orders now.", retry_after=1.0)
            refusal.__cause__ = error
            results.update((order.order_id, refusal) for order in orders)
            return
        if inserted.xid is not None:
            commits.append((inserted.xid, [o for o in orders if o.order_id in inserted.new]))
        new |= inserted.new
        missing = [order.order_id for order in orders if order.order_id not in inserted.new]
        results.update((o.order_id, o) for o in orders if o.order_id in inserted.new)
        results.update(await self._existing(missing))

    async def _existing(self, order_ids: Sequence[UUID]) -> dict[UUID, Order | RequestRefused]:
        """Read what keys that were taken stand for.

        A key committed concurrently is invisible to the statement that met it, so this is another.
        """
        if not order_ids:
            return {}
        try:
            found = await self._table.find(order_ids)
        except DatabaseUnavailable:
            found = {}
        # Not found: the transaction that held the key was rolled back in between.
        refusal = Unavailable("The order was not stored; send it again.", retry_after=1.0)
        return {order_id: found.get(order_id, refusal) for order_id in order_ids}

    async def _resolve(self, orders: Sequence[Order]) -> dict[UUID, Order | RequestRefused]:
        """After a commit of unknown outcome: what is found is stored, the rest stays unknown."""
        log.warning("commit of unknown outcome", orders=len(orders))
        found: dict[UUID, Order] = {}
        for attempt in range(_RESOLVE_ATTEMPTS):
            try:
                found = await self._table.find([order.order_id for order in orders])
                break
            except CoffeertError:
                await asyncio.sleep(0.1 * 2**attempt)
        unknown = OutcomeUnknown(
            "The database went away during the commit, so the outcome is not known. "
            "Sending the same order again is safe.",
            retry_after=1.0,
        )
        return {order.order_id: found.get(order.order_id, unknown) for order in orders}


def _by_id(order: Order) -> UUID:
    return order.order_id


def _same(entry: Entry, stored: Order) -> bool:
    if entry.draft is None:
        return stored.voids == entry.order.voids
    return stored.answers(entry.draft)


def _conflict() -> Conflict:
    return Conflict(
        "This order_id belongs to an order with other content.",
        errors=(FieldError("order_id", "is taken by an order with other content"),),
    )


def _bad_value(error: BadValue) -> Invalid:
    refusal = Invalid("The database refuses a value of this order.")
    refusal.__cause__ = error
    return refusal
