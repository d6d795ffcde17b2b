"""The look at a file before anything is stored: its rows are staged, named, compared and summed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from itertools import islice

from coffeert.domain.menu import Drink, Menu, Store
from coffeert.domain.orders import MAX_PLACED_AT_AHEAD
from coffeert.errors import ImportRefused
from coffeert.importer.load.identity import Identity, identify
from coffeert.importer.load.menu_names import MenuNames
from coffeert.importer.load.row_resolver import RowResolver, staged
from coffeert.importer.rows import RejectedRow, SaleLine, SkippedRow
from coffeert.postgres.import_staging import (
    DaySum,
    ExampleRow,
    LeftOut,
    ReasonCount,
    StagedRange,
    StagedRow,
    Staging,
    StoreSum,
)
from coffeert.postgres.pool import Connection

_CHUNK_ROWS = 10_000
_EXAMPLES = 3
_REASONS = 50

Lines = Iterable[SaleLine | RejectedRow | SkippedRow]


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuAdditions:
    """What the menu lacks and a load puts on it, and the names of what is retired there.

    The days of these stores begin at 00:00 in `zone`; `None` leaves them to the default calendar.
    """

    stores: list[Store]
    drinks: list[Drink]
    retired: list[str]
    zone: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """What would be stored, and what is left out, summed.

    `in_file` is what all rows cost that can be read, also those that are stored already, in minor units.
    """

    in_file: int
    days: list[DaySum]
    stores: list[StoreSum]
    examples: list[ExampleRow]
    rejected: int
    skipped: int
    rejections: list[ReasonCount]
    skips: list[ReasonCount]


class Look:
    """One file's look: `read`, then `identify` until nothing is undecided, then `sums`."""

    def __init__(
        self,
        connection: Connection,
        menu: Menu,
        now: datetime,
        *,
        currency: str | None,
        has_orders: bool,
        zone: tzinfo = UTC,
        new_calendar: str | None = None,
    ) -> None:
        """`now` is the database's clock; `currency` is that of the file's amounts, `zone` of its times.

        `new_calendar` is the zone in which the days of new stores begin at 00:00, if not by the default.

        Raises `ImportRefused` if they cannot be added to those that are stored.
        """
        self.staging = Staging(connection)
        self.staged = StagedRange(0, None, None, False, False)
        self.additions = MenuAdditions(stores=[], drinks=[], retired=[], zone=None)
        self.rate = 0.0
        self.sets_currency = sets_currency(menu, currency, has_orders=has_orders)
        self.currency = currency if self.sets_currency else menu.currency
        self._connection = connection
        self._names = MenuNames(menu)
        self._latest = now + MAX_PLACED_AT_AHEAD
        self._zone = zone
        self._new_calendar = new_calendar

    async def read(self, lines: Lines, progress: Callable[[int], None]) -> None:
        """Read a file from beginning to end; `progress` gets the number of lines read so far.

        Raises `ImportRefused` if the menu lacks too much, or the price of a drink.
        """
        started = time.perf_counter()
        await self.staging.create()
        read = 0
        results = staged(lines, RowResolver(self._names, self._latest, self._zone))
        while chunk := list(islice(results, _CHUNK_ROWS)):
            rows = [row for row in chunk if isinstance(row, StagedRow)]
            left_out = [row for row in chunk if isinstance(row, LeftOut)]
            await self.staging.add(rows, left_out)
            read += len(chunk)
            progress(read)
        self.rate = read / max(time.perf_counter() - started, 1e-6)
        self.staged = await self.staging.seal()
        await self._meet_menu()

    async def identify(self, digest: bytes, *, source: str, same: bool) -> Identity:
        """Compare the rows with what is stored, as `coffeert.importer.load.identity.identify` does."""
        return await identify(
            self._connection, self.staging, self.staged, digest, source=source, same=same
        )

    async def sums(self) -> Sums:
        """Sum the rows that are to be stored, and reject those that contradict what is."""
        await self.staging.reject_conflicts(getattr(self._zone, "key", "UTC"))
        days, stores = await self.staging.sums()
        rejected, skipped = await self.staging.left_out_counts()
        return Sums(
            in_file=await self.staging.amount(),
            days=days,
            stores=stores,
            examples=await self.staging.examples(_EXAMPLES),
            rejected=rejected,
            skipped=skipped,
            rejections=await self.staging.reasons(rejected=True, limit=_REASONS),
            skips=await self.staging.reasons(rejected=False, limit=_REASONS),
        )

    async def _meet_menu(self) -> None:
        """Find out what the menu lacks of the rows, and what each drink costs."""
        found = await self.staging.names()
        used = {name.code for name in found if name.kind == "store"}
        proposed = {name.code: name.price_cents for name in found if name.kind == "drink"}
        stores = [store for store in self._names.new_stores() if store.code in used]
        drinks = self._names.new_drinks(proposed)
        zone = self._new_calendar if stores else None
        if zone is not None:
            await self.staging.set_calendar([store.code for store in stores], zone)
        self.additions = MenuAdditions(
            stores=stores,
            zone=zone,
            drinks=drinks,
            retired=self._names.retired(used, "store")
            + self._names.retired(proposed.keys(), "drink"),
        )
        listed = self._names.list_prices() | {drink.code: drink.price_cents for drink in drinks}
        await self.staging.set_list_prices({code: listed[code] for code in proposed})


def sets_currency(menu: Menu, currency: str | None, *, has_orders: bool) -> bool:
    """Return whether the file's currency is to become that of the installation.

    Raises `ImportRefused` if its amounts cannot be added to those that are stored.
    """
    if currency is None or currency == menu.currency:
        return False
    if menu.currency is not None:
        raise ImportRefused(
            f"The file's amounts are in {currency}, and this installation's in {menu.currency}: "
            "orders of two currencies cannot be added up."
        )
    if has_orders:
        raise ImportRefused(
            f"The file's amounts are in {currency}, and those that are stored in no currency yet: "
            f"`coffeert menu currency {currency}` says that it is theirs too."
        )
    return True
