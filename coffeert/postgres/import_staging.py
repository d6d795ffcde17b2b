"""The rows of a file in temporary tables: named, and compared with the orders that are stored."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import date, datetime
from itertools import product
from typing import Any, Final, NamedTuple
from uuid import UUID

from coffeert.postgres.errors import translate_errors
from coffeert.postgres.pool import Connection
from coffeert.postgres.queries import sql

_CURSOR_ROWS: Final = 1000


class StagedRow(NamedTuple):
    """A row that can be stored: codes instead of names. `n` counts them from 0, in the file's order.

    `price_cents` is `None` for the list price, `total` if it is quantity times price.
    """

    n: int
    line: int
    store: str
    drink: str
    quantity: int
    price_cents: int | None
    total: int | None
    placed_at: datetime
    receipt: str | None
    receipt_line: str | None
    own_id: UUID | None


class LeftOut(NamedTuple):
    """A line that is not stored: rejected, to be corrected by its owner, or no sale."""

    line: int
    rejected: bool
    reasons: tuple[str, ...]


class StagedRange(NamedTuple):
    """How many rows are staged, between which times, and whether some have order ids or receipts."""

    rows: int
    first_at: datetime | None
    last_at: datetime | None
    own_ids: bool
    receipts: bool


class StagedName(NamedTuple):
    """A code that rows name; of a drink also the most frequent price of one piece."""

    kind: str
    code: str
    price_cents: int | None
    rows: int


class Fate(NamedTuple):
    """Rows that are not stored, and the import that stands against them.

    `stored`: they are already. `equal`: they equal sales of another import. `voided`: they were voided by
    hand before their import was taken back. `repeated`: they have the id of an earlier row, and its values.
    `id taken`, `receipt taken`: what is stored under their id or receipt is something else.
    """

    fate: str
    import_id: int | None
    rows: int
    first_line: int


class Candidate(NamedTuple):
    """Another import whose orders may equal rows. `comparable`: its source can be the same till."""

    id: int
    same_source: bool
    comparable: bool


class ReasonCount(NamedTuple):
    """How many lines have a reason, and the first of them."""

    reason: str
    lines: int
    first_lines: list[int]


class DaySum(NamedTuple):
    """Sums of a business day; `amount` in minor units."""

    date: date
    orders: int
    refunds: int
    quantity: int
    amount: int


class StoreSum(NamedTuple):
    """Sums of a store; `amount` in minor units."""

    store: str
    orders: int
    refunds: int
    quantity: int
    amount: int


class ExampleRow(NamedTuple):
    """A row as it would be stored."""

    line: int
    store: str
    drink: str
    quantity: int
    price_cents: int
    amount: int
    placed_at: datetime
    receipt: str | None


class Staging:
    """The staged rows of one file, in a session that keeps nothing of them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def create(self) -> None:
        """Make the tables, in place of those of an earlier file."""
        await self._execute(sql("create_staging"))

    async def add(self, rows: Sequence[StagedRow], left_out: Sequence[LeftOut]) -> None:
        """Copy rows into the tables."""
        with translate_errors():
            for table, records in (("import_row", rows), ("import_left_out", left_out)):
                if records:
                    await self._connection.copy_records_to_table(table, records=records)

    async def seal(self) -> StagedRange:
        """Note that all rows are there."""
        await self._execute(sql("index_staging"))
        (row,) = await self._fetch(sql("staged_range"))
        return StagedRange(*row)

    async def names(self) -> list[StagedName]:
        """Return the stores and drinks of the rows."""
        return [StagedName(*row) for row in await self._fetch(sql("staged_names"))]

    async def set_list_prices(self, prices: Mapping[str, int]) -> None:
        """Say what the drinks of the rows cost if a row does not."""
        with translate_errors():
            await self._connection.copy_records_to_table("import_drink", records=prices.items())

    async def derive_keys(self, source: str, *, own_ids: bool) -> None:
        """Name all rows within a source; keys that were taken back give further ones."""
        with translate_errors():
            await self._connection.execute(sql("clear_keys"))
            await self._connection.execute(sql("derive_keys"), source)
            await self._connection.execute(sql("index_keys"))
            if own_ids:
                await self._connection.execute(sql("find_repeated_ids"))
            while await self._connection.execute(sql("rename_undone")) != "UPDATE 0":
                pass

    async def find_stored(self, own_import: int) -> None:
        """Find the rows whose keys are stored; `own_import` is the one that goes on, or 0."""
        with translate_errors():
            await self._connection.execute(sql("find_stored"), own_import)

    async def count_unread(self, own_import: int) -> int:
        """Return how many orders of an import are none of the rows."""
        with translate_errors():
            count: int = await self._connection.fetchval(sql("count_unread"), own_import)
        return count

    async def candidates(
        self, source: str, own_import: int, staged: StagedRange
    ) -> list[Candidate]:
        """Return the other imports that rows may be equal to."""
        rows = await self._fetch(
            sql("find_candidates"),
            source,
            own_import,
            staged.first_at,
            staged.last_at,
            staged.own_ids,
        )
        return [Candidate(*row) for row in rows]

    async def match(self, imports: Collection[int], *, same_source: Collection[int]) -> None:
        """Pair rows with equal orders of imports, and find changed receipts of those of the same source."""
        async with self._joined_by_hash():
            for same_time, same_receipt in product((True, False), repeat=2):
                await self._connection.execute(sql("match_equal"), imports, same_receipt, same_time)
            await self._connection.execute(sql("find_changed_receipts"), same_source)

    async def fates(self) -> list[Fate]:
        """Return what becomes of the rows that are not stored."""
        return [Fate(*row) for row in await self._fetch(sql("count_fates"))]

    async def release_equal(self, imports: Collection[int]) -> None:
        """Have rows stored although they equal orders of these imports."""
        with translate_errors():
            await self._connection.execute(sql("release_equal"), imports)

    async def count_equal_elsewhere(self, imports: Collection[int]) -> dict[int, int]:
        """Return how many rows to be stored equal orders of imports of other sources, by import."""
        if not imports:
            return {}
        async with self._joined_by_hash():
            return dict(await self._fetch(sql("count_equal_elsewhere"), imports))

    async def reject_conflicts(self, zone: str) -> None:
        """Reject the rows that contradict what is stored, whose times are said in `zone`."""
        with translate_errors():
            await self._connection.execute(sql("reject_conflicts"), zone)

    async def set_calendar(self, stores: Collection[str], zone: str) -> None:
        """Let the days of stores that are not on the menu begin at 00:00 in a zone, in `sums`."""
        with translate_errors():
            await self._connection.execute(sql("set_import_calendar"), stores)
            await self._connection.execute(sql("fill_import_calendar"), zone)

    async def left_out_counts(self) -> tuple[int, int]:
        """Return how many lines are rejected, and how many are no sale."""
        ((rejected, skipped),) = await self._fetch(sql("left_out_counts"))
        return rejected, skipped

    async def reasons(self, *, rejected: bool, limit: int) -> list[ReasonCount]:
        """Return why lines are left out, the most frequent reasons first."""
        rows = await self._fetch(sql("left_out_reasons"), rejected, limit)
        return [ReasonCount(*row) for row in rows]

    async def rejected_lines(self) -> AsyncIterator[tuple[int, list[str]]]:
        """Iterate over the rejected lines and all their reasons, in the order of the file."""
        with translate_errors():
            async with self._connection.transaction():
                async for row in self._connection.cursor(
                    sql("rejected_lines"), prefetch=_CURSOR_ROWS
                ):
                    yield row["line"], row["reasons"]

    async def sums(self) -> tuple[list[DaySum], list[StoreSum]]:
        """Sum what would be stored, by business day and by store."""
        async with self._joined_by_hash():
            await self._execute(sql("sum_import_days"))
        days = [DaySum(*row) for row in await self._fetch(sql("import_days"))]
        return days, [StoreSum(*row) for row in await self._fetch(sql("import_stores"))]

    async def amount(self) -> int:
        """Return what all rows cost, also those that are not stored, in minor units."""
        ((amount,),) = await self._fetch(sql("staged_amount"))
        return int(amount)

    async def examples(self, count: int) -> list[ExampleRow]:
        """Return the first rows that would be stored."""
        return [ExampleRow(*row) for row in await self._fetch(sql("import_examples"), count)]

    @asynccontextmanager
    async def _joined_by_hash(self) -> AsyncIterator[None]:
        with translate_errors():
            async with self._connection.transaction():
                await self._connection.execute(sql("join_by_hash"))
                yield

    async def _execute(self, query: str) -> None:
        with translate_errors():
            await self._connection.execute(query)

    async def _fetch(self, query: str, *values: object) -> list[Any]:
        with translate_errors():
            return await self._connection.fetch(query, *values)
