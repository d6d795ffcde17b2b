"""One batch on its way into the table: what became of each of its orders, and who stored them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
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
    KeyContended,
    OutcomeUnknown,
    Unavailable,
)
from coffeert.postgres.orders import (
    BadValue,
    CommitUnknown,
    Inserted,
    InsertRefused,
    KeyLocked,
    Stored,
)

log = structlog.get_logger(__name__)

_ATTEMPTS = 3
_MAX_SPLITTING_SECONDS = 0.5


class StoredOrder(msgspec.Struct, frozen=True, gc=False):
    """An order that is stored; `replayed` if it already was.

    `key` is what the client calls it, or the order that it voids, if that is not the id's text.
    """

    order: Order
    replayed: bool
    key: str | None = None


class PendingOrder(msgspec.Struct, frozen=True, gc=False):
    """An order to store. `draft` is what a repeated key is compared with; None for a correction.

    `key` goes into the outcome.
    """

    order: Order
    draft: Draft | None
    key: str | None = None


Outcome = StoredOrder | ApiError
Result = Order | ApiError


class Commit(NamedTuple):
    """A transaction and the orders that it added."""

    xid: Xid
    orders: Sequence[Order]


class OrderStore(Protocol):
    """Where orders are stored; `coffeert.postgres.orders.OrderRepository`."""

    async def insert(self, orders: Sequence[Order]) -> Inserted:
        """Store orders sorted by id, all or none."""

    async def find(self, order_ids: Sequence[UUID]) -> dict[UUID, Stored]:
        """Read the orders that exist, each with the transaction that stored it."""

    async def find_voids(self, order_ids: Sequence[UUID]) -> dict[UUID, Stored]:
        """Read the corrections of orders, by the id of the order."""

    async def wait_for_standbys(self) -> None:
        """Return when what was read is on the synchronous standbys."""


class BatchInsert:
    """Stores one batch.

    `commits` are the transactions that stored some of it, also if `store` fails; `refused` says why
    PostgreSQL would have stored no other batch either.
    """

    def __init__(self, table: OrderStore) -> None:
        self.commits: list[Commit] = []
        self.refused: InsertRefused | None = None
        self._table = table
        self._results: dict[int, Result] = {}
        self._split_until: float | None = None

    async def store(self, entries: Sequence[PendingOrder]) -> list[Outcome]:
        """Store entries, each key once; the first entry of a key is the one that is stored."""
        # By the key as a number: comparing and hashing UUIDs is many times slower.
        first: dict[int, PendingOrder] = {}
        for entry in entries:
            first.setdefault(entry.order.order_id.int, entry)
        orders = [first[key].order for key in sorted(first)]
        await self._insert(orders)
        commits = self.commits
        if len(orders) == len(entries) and commits and len(commits[0].orders) == len(entries):
            # As almost always.
            return [StoredOrder(entry.order, False, entry.key) for entry in entries]

        results = self._results
        for commit in commits:
            results.update((order.order_id.int, order) for order in commit.orders)
        outcomes: list[Outcome] = []
        for entry in entries:
            result = results[entry.order.order_id.int]
            if isinstance(result, ApiError):
                outcomes.append(result)
            elif result is entry.order:
                outcomes.append(StoredOrder(result, False, entry.key))
            elif _same(entry, result):
                outcomes.append(StoredOrder(result, True, entry.key))
            else:
                outcomes.append(_conflict())
        return outcomes

    async def _insert(self, orders: Sequence[Order]) -> None:
        """Store orders; the new ones are in `commits` afterwards, all others in `_results`."""
        try:
            inserted = await self._table.insert(orders)
        except BadValue as error:
            await self._split(orders, error)
        except KeyLocked as error:
            if self._split_until is None:
                self._split_until = time.monotonic() + _MAX_SPLITTING_SECONDS
            if time.monotonic() > self._split_until:
                self._refuse(orders, _refusal(error))
            else:
                await self._split(orders, error)
        except CommitUnknown as error:
            log.debug("commit outcome unknown", orders=len(orders))
            await self._insert_again(orders, error)
        except DatabaseUnavailable as error:
            self._note(error)
            refusal = Unavailable("The database cannot store orders now.", retry_after=1.0)
            refusal.__cause__ = error
            self._refuse(orders, refusal)
        else:
            await self._settle(orders, inserted)

    async def _split(self, orders: Sequence[Order], error: BadValue | KeyLocked) -> None:
        """Halve orders of which one fails the whole statement, until only it is refused."""
        if len(orders) == 1:
            self._refuse(orders, _refusal(error))
            return
        middle = len(orders) // 2
        await self._insert(orders[:middle])
        await self._insert(orders[middle:])

    async def _insert_again(self, orders: Sequence[Order], unknown: CommitUnknown) -> None:
        """Repeat an INSERT of which nobody knows whether it was committed: that settles it.

        To look the keys up would not: what can be read need not be on the standby yet.
        """
        backoff = Backoff()
        while backoff.failures < _ATTEMPTS:
            try:
                inserted = await self._table.insert(orders)
            except BadValue as error:
                await self._split(orders, error)
                return
            except CommitUnknown:
                break
            except DatabaseUnavailable as error:
                self._note(error)
                await asyncio.sleep(backoff.next_delay())
            else:
                await self._settle(orders, inserted, repeated=True)
                return
        self._refuse(orders, unknown_outcome(unknown))

    async def _settle(
        self, orders: Sequence[Order], inserted: Inserted, *, repeated: bool = False
    ) -> None:
        """Separate the new orders of a committed statement from those whose keys were taken.

        A key committed concurrently is invisible to the statement that met it, so another one reads it.
        `repeated`: what an earlier attempt stored is new too. Nobody was told of its transaction.
        """
        if inserted.new == len(orders):
            self.commits.append(Commit(inserted.xid, orders))
            return
        found = await self._find(orders)
        new: dict[Xid, list[Order]] = {}
        for order in orders:
            stored = found.get(order.order_id)
            if stored is None:
                # The transaction that held the key rolled back in between; or reading failed.
                self._refuse([order], unknown_outcome(None))
            elif (stored.xid == inserted.xid and stored.order.order_id == order.order_id) or (
                repeated and stored.order == order
            ):
                new.setdefault(stored.xid, []).append(order)
            else:
                self._results[order.order_id.int] = stored.order
        self.commits += (Commit(xid, orders) for xid, orders in new.items())

    async def _find(self, orders: Sequence[Order]) -> dict[UUID, Stored]:
        """Read what the keys of orders stand for, with retries; empty if PostgreSQL stays away.

        A correction is found by what it voids, whatever its key: an order can be voided once.
        """
        voided = [order.voids for order in orders if order.voids is not None]
        backoff = Backoff()
        while backoff.failures < _ATTEMPTS:
            try:
                found = await self._table.find([order.order_id for order in orders])
                voids = await self._table.find_voids(voided) if voided else {}
            except DatabaseUnavailable:
                await asyncio.sleep(backoff.next_delay())
            else:
                found.update(
                    (order.order_id, voids[order.voids]) for order in orders if order.voids in voids
                )
                return found
        return {}

    def _note(self, error: DatabaseUnavailable) -> None:
        if isinstance(error, InsertRefused):
            self.refused = error

    def _refuse(self, orders: Sequence[Order], refusal: ApiError) -> None:
        self._results.update((order.order_id.int, refusal) for order in orders)


def _same(entry: PendingOrder, stored: Order) -> bool:
    if entry.draft is None:
        return stored.voids == entry.order.voids
    return stored.answers(entry.draft)


def _conflict() -> Conflict:
    return Conflict(
        "This order_id belongs to an order with other content.",
        errors=(FieldError("order_id", "is taken by an order with other content"),),
    )


def _refusal(error: BadValue | KeyLocked) -> ApiError:
    refusal: ApiError
    if isinstance(error, BadValue):
        refusal = Invalid("The database refuses a value of this order.")
    else:
        refusal = KeyContended(
            "An open transaction of another client holds this order_id.", retry_after=1.0
        )
    refusal.__cause__ = error
    return refusal


def unknown_outcome(error: Exception | None) -> OutcomeUnknown:
    """Make the refusal of an order that may be stored all the same."""
    unknown = OutcomeUnknown(
        "The database went away during the commit, so the outcome is not known. "
        "Sending the same order again is safe.",
        retry_after=1.0,
    )
    unknown.__cause__ = error
    return unknown
