"""Group commit: the orders that were queued while one batch was committing become the next batch.

One INSERT and one commit serve all of them, so the cost of making an order durable is shared; at low load
nothing waits.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol
from uuid import UUID

import msgspec
import structlog

from coffeert.backoff import Backoff
from coffeert.domain.orders import Draft, Order
from coffeert.domain.watermark import Xid
from coffeert.errors import (
    ApiError,
    Conflict,
    DatabaseUnavailable,
    FieldError,
    Invalid,
    OutcomeUnknown,
    Unavailable,
)
from coffeert.postgres.orders import BadValue, CommitUnknown, Inserted, Stored
from coffeert.server.ingest.admission import Admission

log = structlog.get_logger(__name__)

_FIND_ATTEMPTS = 3
# A second batch beside a running one costs as much as the first and makes both smaller. It pays off with
# many orders, or if commits are so slow that there are few batches.
SECOND_BATCH_MIN_ORDERS = 100
SLOW_COMMIT_SECONDS = 0.01


class PendingOrder(msgspec.Struct, frozen=True):
    """An order to store. `draft` is what a repeated key is compared with; None for a correction."""

    order: Order
    draft: Draft | None


class StoredOrder(msgspec.Struct, frozen=True):
    """An order that is stored; `replayed` if it already was."""

    order: Order
    replayed: bool


Outcome = StoredOrder | ApiError
Result = Order | ApiError


class Commit(NamedTuple):
    """A transaction and the orders that it added."""

    xid: Xid
    orders: Sequence[Order]


class Table(Protocol):
    """Where orders are stored; `coffeert.postgres.orders.OrderRepository`."""

    async def insert(self, orders: Sequence[Order]) -> Inserted:
        """Store orders sorted by id, all or none."""

    async def find(self, order_ids: Sequence[UUID]) -> dict[UUID, Stored]:
        """Read the orders that exist, each with the transaction that stored it."""


class _Group(msgspec.Struct, frozen=True):
    """Entries of one caller, who awaits `answer`."""

    entries: Sequence[PendingOrder]
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

    def submit(self, entries: Sequence[PendingOrder]) -> asyncio.Future[list[Outcome]]:
        """Have entries stored; the future gives the outcome of each, in order.

        Raises `Unavailable` if they would wait too long: nothing was stored. Entries whose future is
        cancelled while they are queued are not stored; once sent to PostgreSQL, they are.
        """
        self.admission.check(len(entries))
        answer: asyncio.Future[list[Outcome]] = asyncio.get_running_loop().create_future()
        self._queue.append(_Group(entries, answer))
        self.admission.queued += len(entries)
        if self._due:
            self._work.set()
        self._idle.clear()
        return answer

    async def run(self) -> None:
        """Write batches until cancelled; `close` first, so that every entry is answered."""
        async with asyncio.TaskGroup() as group:
            for number in range(self._writers):
                group.create_task(self._write_batches(number))

    async def close(self) -> None:
        """Refuse new orders and wait until every queued one is answered."""
        self.admission.close()
        await self._idle.wait()

    @property
    def _due(self) -> bool:
        """Whether a further batch should start now."""
        if self._queue and self.admission.busy:
            enough = self.admission.queued >= min(SECOND_BATCH_MIN_ORDERS, self._batch_rows)
            return enough or self.admission.current_commit_seconds() > SLOW_COMMIT_SECONDS
        return bool(self._queue)

    async def _write_batches(self, number: int) -> None:
        while True:
            while not self._due:
                self._work.clear()
                await self._work.wait()
            groups = self._next_groups()
            if groups:
                self.admission.batch_started(number)
                try:
                    await self._write(groups)
                finally:
                    rows = sum(len(group.entries) for group in groups)
                    self.admission.batch_finished(number, rows)
            if not self._queue and not self.admission.busy:
                self._idle.set()

    def _next_groups(self) -> list[_Group]:
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
        commits: list[Commit] = []
        try:
            outcomes = await self._store(entries, commits)
        except Exception as error:
            # Whatever it is, the callers are answered and the writer goes on. Only cancellation, at the
            # end of the process, passes.
            log.exception("batch failed", orders=len(entries))
            outcomes = [_unknown(error)] * len(entries)
        self._answer(groups, outcomes)
        for commit in commits:
            try:
                self._on_commit(commit.xid, commit.orders)
            except Exception:
                log.exception("commit not announced", orders=len(commit.orders))

    def _answer(self, groups: list[_Group], outcomes: list[Outcome]) -> None:
        start = 0
        for group in groups:
            end = start + len(group.entries)
            if not group.answer.done():
                group.answer.set_result(outcomes[start:end])
            start = end
        for outcome in outcomes:
            if isinstance(outcome, StoredOrder):
                if outcome.replayed:
                    self.replayed += 1
                else:
                    self.accepted += 1
            else:
                self.refused += 1

    async def _store(self, entries: Sequence[PendingOrder], commits: list[Commit]) -> list[Outcome]:
        """Store entries, each key once; the first entry of a key is the one that is stored."""
        # By the key as a number: comparing and hashing UUIDs is many times slower.
        first: dict[int, PendingOrder] = {}
        for entry in entries:
            first.setdefault(entry.order.order_id.int, entry)
        results: dict[int, Result] = {}
        orders = [first[key].order for key in sorted(first)]
        await self._insert(orders, results, commits)
        if len(orders) == len(entries) and commits and len(commits[0].orders) == len(entries):
            # As almost always.
            return [StoredOrder(entry.order, replayed=False) for entry in entries]

        for commit in commits:
            results.update((order.order_id.int, order) for order in commit.orders)
        outcomes: list[Outcome] = []
        for entry in entries:
            key = entry.order.order_id.int
            result = results[key]
            if isinstance(result, ApiError):
                outcomes.append(result)
            elif result is entry.order:
                outcomes.append(StoredOrder(result, replayed=False))
            elif _same(entry, result):
                outcomes.append(StoredOrder(result, replayed=True))
            else:
                outcomes.append(_conflict())
        return outcomes

    async def _insert(
        self, orders: Sequence[Order], results: dict[int, Result], commits: list[Commit]
    ) -> None:
        """Store orders; the new ones are in `commits` afterwards, all others in `results`."""
        try:
            inserted = await self._table.insert(orders)
        except BadValue as error:
            if len(orders) == 1:
                results[orders[0].order_id.int] = _bad_value(error)
                return
            # One bad value fails the whole statement: halve until only its order is refused.
            middle = len(orders) // 2
            await self._insert(orders[:middle], results, commits)
            await self._insert(orders[middle:], results, commits)
        except CommitUnknown as error:
            log.debug("commit outcome unknown", orders=len(orders))
            found = await self._find(orders)
            for order in orders:
                stored = found.get(order.order_id)
                results[order.order_id.int] = stored.order if stored else _unknown(error)
        except DatabaseUnavailable as error:
            refusal = Unavailable("The database cannot store orders now.", retry_after=1.0)
            refusal.__cause__ = error
            results.update((order.order_id.int, refusal) for order in orders)
        else:
            if inserted.new == len(orders):
                commits.append(Commit(inserted.xid, orders))
            else:
                await self._resolve_duplicates(orders, inserted.xid, results, commits)

    async def _resolve_duplicates(
        self,
        orders: Sequence[Order],
        xid: Xid,
        results: dict[int, Result],
        commits: list[Commit],
    ) -> None:
        """Separate the new orders of a committed batch from those whose keys were taken.

        A key committed concurrently is invisible to the statement that met it, so another one reads it.
        """
        found = await self._find(orders)
        new = []
        for order in orders:
            stored = found.get(order.order_id)
            if stored is None:
                # The transaction that held the key rolled back in between; or reading failed.
                results[order.order_id.int] = _unknown(None)
            elif stored.xid == xid:
                new.append(order)
            else:
                results[order.order_id.int] = stored.order
        if new:
            commits.append(Commit(xid, new))

    async def _find(self, orders: Sequence[Order]) -> dict[UUID, Stored]:
        """Read orders back, with retries; empty if PostgreSQL stays away."""
        backoff = Backoff()
        while backoff.failures < _FIND_ATTEMPTS:
            try:
                return await self._table.find([order.order_id for order in orders])
            except DatabaseUnavailable:
                await asyncio.sleep(backoff.next_delay())
        return {}


def _same(entry: PendingOrder, stored: Order) -> bool:
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


def _unknown(error: Exception | None) -> OutcomeUnknown:
    unknown = OutcomeUnknown(
        "The database went away during the commit, so the outcome is not known. "
        "Sending the same order again is safe.",
        retry_after=1.0,
    )
    unknown.__cause__ = error
    return unknown
