"""What is kept of forwarding: how far each target has come, and what it has refused."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from coffeert.domain.orders import Order
from coffeert.errors import ForwardBusy
from coffeert.postgres.errors import translate_errors
from coffeert.postgres.pool import Connection
from coffeert.postgres.queries import sql


class ForwardTarget(msgspec.Struct, frozen=True):
    """An installation that is forwarded to, and what has come of it so far."""

    url: str
    cursor: str
    stored: int
    replayed: int
    updated_at: datetime
    refused: int


class ForwardRefusal(msgspec.Struct, frozen=True):
    """What a target has refused: our order, and its own of the same id if it has one, both as JSON."""

    url: str
    order_id: UUID
    status: int
    reason: str
    ours: msgspec.Raw
    theirs: msgspec.Raw | None
    noticed_at: datetime | None = None


class ForwardProgress(msgspec.Struct, frozen=True):
    """What came of forwarding some orders."""

    stored: int = 0
    replayed: int = 0
    refused: tuple[ForwardRefusal, ...] = ()
    taken: tuple[UUID, ...] = ()

    def plus(self, other: ForwardProgress) -> ForwardProgress:
        """Return what came of both."""
        return ForwardProgress(
            self.stored + other.stored,
            self.replayed + other.replayed,
            self.refused + other.refused,
            self.taken + other.taken,
        )


class ForwardState:
    """The state of one target; every method raises `DatabaseUnavailable`."""

    def __init__(self, connection: Connection, url: str) -> None:
        self._connection = connection
        self._url = url

    async def begin(self) -> str:
        """Take the target for this process and return its cursor; raises `ForwardBusy`."""
        with translate_errors():
            await self._lock(sql("forward_lock"))
            cursor: str = await self._connection.fetchval(sql("forward_target"), self._url)
        return cursor

    async def forget(self) -> bool:
        """Delete the target with what it has refused; False if it is not known. Raises `ForwardBusy`."""
        with translate_errors():
            async with self._connection.transaction():
                await self._lock(sql("forward_transaction_lock"))
                return await self._connection.fetchval(sql("forward_forget"), self._url) is not None

    async def advance(self, cursor: str, progress: ForwardProgress) -> None:
        """Move on, and note what was refused, in one transaction."""
        with translate_errors():
            async with self._connection.transaction():
                await self._note(progress)
                await self._connection.execute(
                    sql("forward_advance"),
                    *(self._url, cursor, progress.stored, progress.replayed),
                )

    async def note(self, progress: ForwardProgress) -> None:
        """Note what came of orders that were refused before."""
        with translate_errors():
            async with self._connection.transaction():
                await self._note(progress)
                await self._connection.execute(
                    sql("forward_taken"), self._url, progress.stored, progress.replayed
                )

    async def refused(self, order_ids: Sequence[UUID]) -> set[UUID]:
        """Return which of some orders the target has refused."""
        with translate_errors():
            rows = await self._connection.fetch(
                sql("forward_refused_orders"), self._url, list(order_ids)
            )
        return {row["order_id"] for row in rows}

    async def to_send_again(self, limit: int, behind: Order | None) -> list[Order]:
        """Return refused orders that may be taken by now, those `behind` one, orders before their voids."""
        place = (None, None) if behind is None else (behind.voids is not None, behind.order_id)
        with translate_errors():
            rows = await self._connection.fetch(sql("forward_again"), self._url, limit, *place)
        return [Order(*row) for row in rows]

    async def _lock(self, query: str) -> None:
        if not await self._connection.fetchval(query, self._url):
            raise ForwardBusy(f"Another process forwards to {self._url}.")

    async def _note(self, progress: ForwardProgress) -> None:
        for one in progress.refused:
            await self._connection.execute(
                sql("forward_refused"),
                *(self._url, one.order_id, one.status, one.reason, bytes(one.ours).decode()),
                None if one.theirs is None else bytes(one.theirs).decode(),
            )
        if progress.taken:
            await self._connection.execute(sql("forward_accepted"), self._url, list(progress.taken))


async def load_targets(connection: Connection) -> list[ForwardTarget]:
    """Read every target; raises `DatabaseUnavailable`."""
    with translate_errors():
        return [ForwardTarget(**row) for row in await connection.fetch(sql("forward_targets"))]


async def load_refusals(connection: Connection, limit: int) -> list[ForwardRefusal]:
    """Read what targets have refused, the latest first; raises `DatabaseUnavailable`."""
    with translate_errors():
        rows = await connection.fetch(sql("forward_refusals"), limit)
    return [
        ForwardRefusal(
            *(row["url"], row["order_id"], row["status"], row["reason"]),
            msgspec.Raw(row["ours"].encode()),
            None if row["theirs"] is None else msgspec.Raw(row["theirs"].encode()),
            row["noticed_at"],
        )
        for row in rows
    ]
