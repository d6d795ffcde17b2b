"""Group commit: the orders that were queued while one batch was committing become the next batch.

One INSERT and one commit serve all of them, so the cost of making an order durable is shared; at low load
nothing waits.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence

import msgspec
import structlog

from coffeert.domain.orders import Order
from coffeert.domain.watermark import Xid
from coffeert.errors import KeyContended, Unavailable
from coffeert.server.ingest.admission import Admission
from coffeert.server.ingest.batch_insert import (
    BatchInsert,
    Commit,
    OrderStore,
    Outcome,
    PendingOrder,
    StoredOrder,
    unknown_outcome,
)

log = structlog.get_logger(__name__)

# A second batch beside a running one costs as much as the first and makes both smaller. It pays off with
# many orders, or if commits are so slow that there are few batches.
SECOND_BATCH_MIN_ORDERS = 100
SLOW_COMMIT_SECONDS = 0.01
# How long a server is not ready after a refusal. Then it is sent orders again, of which the next one tells.
REFUSED_SECONDS = 10.0
_CONTENDED_SECONDS = 60.0
_MAX_CONTENDED_KEYS = 10_000


class _Group(msgspec.Struct, frozen=True):
    """Entries of one caller, who awaits `answer`."""

    entries: Sequence[PendingOrder]
    answer: asyncio.Future[list[Outcome]]


class BatchWriter:
    """Stores orders in batches and answers each waiter only after the commit.

    `on_commit` is called with each committed transaction and its new orders, after the answers, and
    `on_acknowledged` with all orders that were answered as stored.

    An order whose key an open transaction holds is refused, and further orders with that key have a writer
    of their own for a while, so that others do not wait with them.
    """

    def __init__(
        self,
        table: OrderStore,
        admission: Admission,
        *,
        batch_rows: int,
        writers: int,
        on_commit: Callable[[Xid, Sequence[Order]], None],
        on_acknowledged: Callable[[Sequence[Order]], None] = lambda orders: None,
    ) -> None:
        self.accepted = self.replayed = self.refused = 0
        self.admission = admission
        self._table = table
        self._batch_rows = batch_rows
        self._second_batch_orders = min(SECOND_BATCH_MIN_ORDERS, batch_rows)
        self._writers = writers
        self._on_commit = on_commit
        self._on_acknowledged = on_acknowledged
        self._queue: deque[_Group] = deque()
        self._work = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._contended_keys = ContendedKeys()
        self._contended: deque[_Group] = deque()
        self._contended_work = asyncio.Event()
        self._refused: tuple[str, float] | None = None
        self._writing = 0
        self._idle = asyncio.Event()
        self._idle.set()

    def submit(self, entries: Sequence[PendingOrder]) -> asyncio.Future[list[Outcome]]:
        """Have entries stored; the future gives the outcome of each, in order.

        Raises `Unavailable` if they would wait too long: nothing was stored. Entries whose future is
        cancelled while they are queued are not stored; once sent to PostgreSQL, they are.
        """
        self.admission.check(len(entries))
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[Outcome]] = loop.create_future()
        group = _Group(entries, answer)
        if self._contended_keys.any_of(entries):
            self._queue_contended(group)
        else:
            self._queue.append(group)
            self.admission.queued += len(entries)
            if self._due:
                self._work.set()
            elif self._timer is None:
                self._timer = loop.call_later(SLOW_COMMIT_SECONDS, self._ask_again)
        self._idle.clear()
        return answer

    async def run(self) -> None:
        """Write batches until cancelled; `close` first, so that every entry is answered."""
        async with asyncio.TaskGroup() as group:
            for number in range(self._writers):
                group.create_task(self._write_batches(number))
            group.create_task(self._write_contended())

    async def close(self) -> None:
        """Refuse new orders and wait until every queued one is answered."""
        self.admission.close()
        await self._idle.wait()

    def obstacle(self) -> str | None:
        """Say why PostgreSQL has stored nothing since it last refused a batch, for ten seconds after that.

        Only the next order shows that it stores again, and none may come to a server that is not ready.
        """
        if self._refused is None or time.monotonic() - self._refused[1] >= REFUSED_SECONDS:
            return None
        return self._refused[0]

    @property
    def _due(self) -> bool:
        """Whether a further batch should start now."""
        if self._queue and self.admission.busy:
            return self.admission.queued >= self._second_batch_orders or (
                self.admission.current_commit_seconds() > SLOW_COMMIT_SECONDS
            )
        return bool(self._queue)

    def _ask_again(self) -> None:
        # A commit becomes slow by time alone, so no order and no commit need tell.
        self._timer = None
        if self._due:
            self._work.set()
        elif self._queue:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(SLOW_COMMIT_SECONDS, self._ask_again)

    def _queue_contended(self, group: _Group) -> None:
        if sum(len(queued.entries) for queued in self._contended) >= self._batch_rows:
            raise Unavailable("Too many orders with such keys are waiting.", retry_after=1.0)
        self._contended.append(group)
        self._contended_work.set()

    async def _write_batches(self, number: int) -> None:
        while True:
            while not self._due:
                self._work.clear()
                await self._work.wait()
            groups = self._next_groups(self._queue)
            if groups:
                self.admission.batch_started(number)
                try:
                    await self._write(groups)
                finally:
                    rows = sum(len(group.entries) for group in groups)
                    self.admission.batch_finished(number, rows)
            self._note_idle()

    async def _write_contended(self) -> None:
        while True:
            await self._contended_work.wait()
            self._contended_work.clear()
            while self._contended:
                groups = self._next_groups(self._contended)
                if groups:
                    await self._write(groups)
            self._note_idle()

    def _note_idle(self) -> None:
        if not (self._queue or self._contended or self._writing):
            self._idle.set()

    def _next_groups(self, queue: deque[_Group]) -> list[_Group]:
        groups: list[_Group] = []
        rows = 0
        while queue and (not groups or rows + len(queue[0].entries) <= self._batch_rows):
            group = queue.popleft()
            if queue is self._queue:
                self.admission.queued -= len(group.entries)
            # Cancelled while queued: its client has gone, and nothing was sent yet.
            if not group.answer.done():
                groups.append(group)
                rows += len(group.entries)
        return groups

    async def _write(self, groups: list[_Group]) -> None:
        entries = [entry for group in groups for entry in group.entries]
        insert = BatchInsert(self._table)
        self._writing += 1
        try:
            outcomes = await insert.store(entries)
        except Exception as error:
            # Whatever it is, the callers are answered and the writer goes on. Only cancellation, at the
            # end of the process, passes.
            log.exception("batch failed", orders=len(entries))
            outcomes = [unknown_outcome(error)] * len(entries)
        finally:
            self._writing -= 1
        if insert.commits:
            self._refused = None
        if insert.refused is not None:
            self._refused = str(insert.refused).removesuffix("."), time.monotonic()
        self._answer(groups, outcomes)
        stored = self._count(outcomes)
        if self._contended_keys or len(stored) < len(outcomes):
            self._contended_keys.note(entries, outcomes)
        self._announce(insert.commits, stored)

    def _answer(self, groups: list[_Group], outcomes: list[Outcome]) -> None:
        start = 0
        for group in groups:
            end = start + len(group.entries)
            if not group.answer.done():
                group.answer.set_result(outcomes[start:end])
            start = end

    def _count(self, outcomes: list[Outcome]) -> list[Order]:
        """Count outcomes, and return the orders that are stored."""
        stored: list[Order] = []
        replayed = 0
        for outcome in outcomes:
            if isinstance(outcome, StoredOrder):
                stored.append(outcome.order)
                replayed += outcome.replayed
        self.replayed += replayed
        self.accepted += len(stored) - replayed
        self.refused += len(outcomes) - len(stored)
        return stored

    def _announce(self, commits: list[Commit], stored: list[Order]) -> None:
        try:
            for commit in commits:
                self._on_commit(commit.xid, commit.orders)
            self._on_acknowledged(stored)
        except Exception:
            log.exception("commit not announced", orders=len(stored))


class ContendedKeys:
    """Keys that open transactions were found to hold, for a minute each."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._until: dict[int, float] = {}
        self._clock = clock

    def __len__(self) -> int:
        return len(self._until)

    def any_of(self, entries: Sequence[PendingOrder]) -> bool:
        """Whether any of these orders has such a key."""
        if not self._until:  # as almost always
            return False
        now = self._clock()
        return any(self._until.get(entry.order.order_id.int, now) > now for entry in entries)

    def note(self, entries: Sequence[PendingOrder], outcomes: Sequence[Outcome]) -> None:
        """Remember the keys that are held, and forget those that are stored."""
        now = self._clock()
        for entry, outcome in zip(entries, outcomes, strict=True):
            key = entry.order.order_id.int
            if isinstance(outcome, KeyContended):
                self._until.pop(key, None)  # so that the oldest is the first
                self._until[key] = now + _CONTENDED_SECONDS
            elif isinstance(outcome, StoredOrder):
                self._until.pop(key, None)
        while self._until and (
            len(self._until) > _MAX_CONTENDED_KEYS or next(iter(self._until.values())) <= now
        ):
            del self._until[next(iter(self._until))]
