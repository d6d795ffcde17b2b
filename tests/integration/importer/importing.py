"""Files imported in the test's own process, without the readers of files."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from coffeert.importer.load.identity import Identity
from coffeert.importer.load.loading import Progress, extend_menu, load, undo
from coffeert.importer.load.look import Lines, Look, Sums
from coffeert.importer.rows import RejectedRow, SaleLine, SkippedRow
from coffeert.postgres.imports import NewImport, begin_session, database_time, has_orders
from coffeert.postgres.installation import load_currency
from coffeert.postgres.menu import load_menu
from coffeert.postgres.pool import Connection

OPENED = datetime(2024, 3, 1, 8, tzinfo=UTC)


def line(
    number: int,
    *,
    minutes: int = 0,
    drink: str = "Latte",
    store: str = "Uptown",
    quantity: int = 1,
    price: int | None = 480,
    total: int | None = None,
    receipt: str | None = None,
    receipt_line: str | None = None,
    order_id: str | None = None,
    placed_at: datetime | None = None,
) -> SaleLine:
    """A line of a file, `minutes` after the shop opened."""
    return SaleLine(
        number,
        store,
        drink,
        quantity,
        price,
        total,
        placed_at or OPENED + timedelta(minutes=minutes),
        receipt,
        receipt_line,
        order_id,
    )


class Looked(NamedTuple):
    """A look that can be stored."""

    look: Look
    identity: Identity
    sums: Sums
    new: NewImport


def digest_of(lines: Lines, source: str = "") -> bytes:
    """A digest that equal files of one till share."""
    return hashlib.sha256(repr([source, *lines]).encode()).digest()


class Importer:
    """Imports and takes back over one connection."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    async def look(
        self,
        lines: Sequence[SaleLine | RejectedRow | SkippedRow],
        *,
        name: str = "sales.csv",
        source: str = "",
        same: bool = False,
        currency: str | None = None,
        digest: bytes | None = None,
        new_calendar: str | None = None,
    ) -> Looked:
        """Look at a file."""
        look = Look(
            self.connection,
            await load_menu(self.connection),
            await database_time(self.connection),
            currency=currency,
            has_orders=await has_orders(self.connection),
            new_calendar=new_calendar,
        )
        await look.read(lines, lambda read: None)
        digest = digest or digest_of(lines, source)
        identity = await look.identify(digest, source=source, same=same)
        sums = await look.sums()
        new = NewImport(
            file=name,
            digest=digest,
            source=source,
            same=identity.same,
            own_ids=look.staged.own_ids,
            arguments=[],
            rejected=sums.rejected,
            skipped=sums.skipped,
        )
        return Looked(look, identity, sums, new)

    async def store(
        self, looked: Looked, *, stopped: Callable[[], bool] = lambda: False
    ) -> Progress:
        """Store what was looked at."""
        assert not looked.identity.undecided
        await extend_menu(self.connection, looked.look.additions)
        return await load(
            self.connection,
            looked.new,
            looked.identity.earlier,
            looked.identity.rows,
            report=lambda done: None,
            stopped=stopped,
        )

    async def load(
        self,
        lines: Sequence[SaleLine],
        *,
        source: str = "",
        same: bool = False,
        digest: bytes | None = None,
    ) -> Progress:
        """Look and store."""
        return await self.store(await self.look(lines, source=source, same=same, digest=digest))

    async def undo(self, number: int, *, stopped: Callable[[], bool] = lambda: False) -> Progress:
        """Take an import back."""
        return await undo(self.connection, number, report=lambda done: None, stopped=stopped)

    async def totals(self) -> tuple[int, int, int]:
        """Count orders, pieces and cents, as the rollups count them."""
        row = await self.connection.fetchrow(
            "SELECT coalesce(sum(order_count(quantity, voids)), 0), coalesce(sum(quantity), 0), "
            "coalesce(sum(order_amount(quantity, price_cents, amount)), 0) FROM orders"
        )
        assert row is not None
        return tuple(map(int, row))  # type: ignore[return-value] # three columns


async def importer_on(connection: Connection) -> Importer:
    """An importer that holds the lock."""
    await begin_session(connection)
    assert await load_currency(connection) is None
    return Importer(connection)
