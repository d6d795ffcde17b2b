"""The demo's own data: a month of made-up sales in a zone where it is about noon."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import click
import msgspec

from coffeert.cli.server_address import announced_url
from coffeert.cli.services import report_account
from coffeert.client import OrderClient
from coffeert.domain.menu import Store
from coffeert.domain.orders import Draft, Order
from coffeert.embedded import DataDirectory, EmbeddedServices, embedded_services
from coffeert.embedded.lease import FileLock
from coffeert.embedded.postgres import PostgresServer
from coffeert.embedded.valkey import ValkeyServer
from coffeert.errors import CoffeertError
from coffeert.inject.shop_habits import CURRENCY, DRINKS, SHOPS
from coffeert.inject.shop_sales import Sale, sales_from
from coffeert.postgres.installation import set_currency
from coffeert.postgres.menu import add_drink, add_store
from coffeert.postgres.migrations import migrate
from coffeert.postgres.minute_retention import prune_minutes
from coffeert.postgres.order_copy import copy_orders
from coffeert.postgres.pool import Connection, close, connect

HISTORY_DAYS: Final = 36
"""Five weeks, and one day more: the four same weekdays before last week's are complete."""

_OPEN_FROM, _OPEN_UNTIL = 9.5, 17.0
_BEST_HOUR: Final = 12.7
_ZONES: Final = (
    "Pacific/Honolulu", "America/Anchorage", "America/Los_Angeles", "America/Denver", "America/Chicago",
    "America/New_York", "America/Sao_Paulo", "Atlantic/South_Georgia", "Atlantic/Azores",
    "Europe/London", "Europe/Berlin", "Europe/Athens", "Asia/Dubai", "Asia/Karachi", "Asia/Kolkata",
    "Asia/Dhaka", "Asia/Bangkok", "Asia/Singapore", "Asia/Tokyo", "Australia/Sydney",
    "Pacific/Noumea", "Pacific/Auckland",
)  # fmt: skip
_RECORD: Final = "demo.json"
_RECORD_OF_EARLIER_VERSIONS: Final = "history-loaded"
_MINUTES_KEPT: Final = timedelta(days=9)
_LOCK: Final = "demo.lock"
_OF_A_CLUSTER: Final = ("PG_VERSION", "global/pg_control")
_LOG: Final = "demo.log"
_KEPT: Final = frozenset({_LOCK, "lease", "start.lock", _RECORD})
_OVERLAP: Final = timedelta(minutes=5)  # a till's last orders, if the demo was killed


class DemoFailed(CoffeertError):
    """A part of the demonstration did not start, or ended by itself."""


class DemoRecord(msgspec.Struct, frozen=True):
    """What a demo's data are: the shops' zone, and until when sales are in; `None` while it is filled."""

    zone: str
    filled_until: datetime | None = None


class DemoData:
    """A data directory of the demo, and the databases in it."""

    def __init__(
        self,
        directory: Path,
        record: DemoRecord,
        services: EmbeddedServices,
        history: Future[History] | None,
    ) -> None:
        self.directory = directory
        self.services = services
        self.record = record
        self._history = history

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.record.zone)

    @property
    def is_new(self) -> bool:
        """Whether no sale is in it yet."""
        return self.record.filled_until is None

    async def prepare(self) -> None:
        """Make the tables and the menu."""
        await migrate(self.services.database_url, timezone=self.record.zone)
        async with self._connection() as connection:
            await set_currency(connection, CURRENCY)
            for shop in SHOPS:
                await add_store(connection, Store(shop.code, shop.name))
            for drink in DRINKS:
                await add_drink(connection, drink)
            # The first pass takes half as long without them; what needs older minutes reads the orders.
            await prune_minutes(connection, _MINUTES_KEPT, None)

    async def fill(self) -> int:
        """Copy the sales of the past into an empty table; returns how many."""
        assert self._history is not None
        history = await asyncio.wrap_future(self._history)
        async with self._connection() as connection:
            copied = await copy_orders(connection, history.orders)
        self._note(history.until)
        return copied

    async def catch_up(self, client: OrderClient) -> int:
        """Store the sales since the last time, as far as they are missing; returns how many were."""
        assert self.record.filled_until is not None
        now = datetime.now(UTC)
        begin = self.record.filled_until - _OVERLAP

        async def missing() -> AsyncIterator[Draft]:
            for sale in _until(now, sales_from(begin, self.zone)):
                yield sale.draft

        result = await client.batch(missing())
        self._note(now)
        return result.accepted

    def sales(self) -> Iterator[Sale]:
        """Return the sales that are still to come."""
        assert self.record.filled_until is not None
        return sales_from(self.record.filled_until, self.zone)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        connection = await connect(self.services.database_url, application_name="coffeert demo")
        try:
            yield connection
        finally:
            await close(connection)

    def _note(self, filled_until: datetime) -> None:
        self.record = DemoRecord(self.record.zone, filled_until)
        _write(self.directory, self.record)


class History(NamedTuple):
    """The sales of the last weeks as orders, and the moment at which they end."""

    orders: list[Order]
    until: datetime


def make_history(zone: ZoneInfo, until: datetime) -> History:
    """Make the sales of `HISTORY_DAYS` whole days and of today until a moment."""
    prices = {drink.code: drink.price_cents for drink in DRINKS}
    today = until.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    orders = []
    for draft, sent_at in _until(until, sales_from(today - timedelta(HISTORY_DAYS), zone)):
        assert draft.order_id is not None
        assert draft.placed_at is not None
        order = Order(
            draft.order_id,
            draft.store,
            draft.drink,
            draft.quantity,
            prices[draft.drink],
            draft.placed_at,
            sent_at,
            source=draft.source,
            receipt=draft.receipt,
        )
        orders.append(order)
    return History(orders, until)


@contextmanager
def demo_data(
    path: Path, timezone: str, *, reset: bool, is_default: bool = False
) -> Iterator[DemoData]:
    """Open the demo's data directory and start its databases; one demo at a time.

    It begins again if asked to, if its shops are closed now or its sales too old, or if it was never
    filled to the end. Raises `DemoFailed`, also for a directory with other data. `is_default`: it is the
    one that only the demo uses.
    """
    try:
        directory = DataDirectory.at(path)
        directory.log(_LOG).parent.mkdir(exist_ok=True)
    except OSError as error:
        raise DemoFailed(f"{path} cannot hold the demo's data: {error.strerror}.") from None
    if directory.account.drops:
        report_account(directory.account.name)
    with ExitStack() as stack:
        lock = stack.enter_context(FileLock(directory.path / _LOCK))
        if not lock.try_exclusive():
            url = announced_url(directory.path)
            shown = f"; coffeert-tui --url {url} shows it" if url else ""
            raise DemoFailed(f"The demo runs already{shown}.")
        record, reason = _record(
            directory.path,
            datetime.now(UTC),
            reset=reset,
            may_hold_remains=reset or is_default,
        )
        if record is None:
            if reason:
                click.echo(f"{reason} The demo begins again.")
            record = DemoRecord(noon_zone(timezone, datetime.now(UTC)))
            # First: if this is interrupted, the rest of the data is still known to be the demo's.
            _write(directory.path, record)
            _remove(directory)
        history = None
        if record.filled_until is None:
            # Meanwhile: making the sales takes as long as starting PostgreSQL for the first time.
            maker = stack.enter_context(ThreadPoolExecutor(1))
            history = maker.submit(make_history, ZoneInfo(record.zone), datetime.now(UTC))
        click.echo("Starting PostgreSQL and Valkey ...")
        services = stack.enter_context(embedded_services(directory.path, restart=True))
        yield DemoData(directory.path, record, services, history)


def noon_zone(preferred: str, now: datetime) -> str:
    """Return a zone in which shops are busy now: the preferred one, or that where it is nearest to noon."""
    if _is_busy(preferred, now):
        return preferred
    return min(_ZONES, key=lambda zone: abs(_hour(zone, now) - _BEST_HOUR))


def _is_busy(zone: str, now: datetime) -> bool:
    return _OPEN_FROM <= _hour(zone, now) < _OPEN_UNTIL


def _hour(zone: str, now: datetime) -> float:
    local = now.astimezone(ZoneInfo(zone))
    return local.hour + local.minute / 60


def _record(
    path: Path, now: datetime, *, reset: bool, may_hold_remains: bool
) -> tuple[DemoRecord | None, str]:
    """Return what is in a data directory, or `None` if it is to begin again, and why in a sentence.

    `may_hold_remains`: a cluster that is not complete was the demo's.
    """
    try:
        record = msgspec.json.decode((path / _RECORD).read_bytes(), type=DemoRecord)
    except FileNotFoundError:
        if (path / _RECORD_OF_EARLIER_VERSIONS).exists():
            return None, "The data are those of an earlier version's demo."
        if not (path / "postgres").exists():
            return None, ""
        # Only a demo's server writes this log.
        if (path / "log" / _LOG).exists() or (may_hold_remains and not _has_cluster(path)):
            return None, "What is left of an interrupted demo is removed."
        raise DemoFailed(
            f"{path} holds data that are not the demo's; name another directory by --data-dir."
        ) from None
    except msgspec.DecodeError:
        return None, f"{path / _RECORD} cannot be read."
    if reset:
        return None, ""
    if record.filled_until is None:
        return None, "Loading the history was interrupted."
    if now - record.filled_until > timedelta(HISTORY_DAYS):
        return None, "The last sales are more than a month old."
    if not _is_busy(record.zone, now):
        local = now.astimezone(ZoneInfo(record.zone))
        return None, f"It is {local:%H:%M} in {record.zone}, and the shops are not busy."
    return record, ""


def _has_cluster(path: Path) -> bool:
    """Whether anybody could read PostgreSQL's data there: it has been set up, and no part is removed."""
    try:
        return all((path / "postgres" / name).exists() for name in _OF_A_CLUSTER)
    except OSError:
        return True  # of another account


def _write(path: Path, record: DemoRecord) -> None:
    file = path / _RECORD
    unfinished = file.with_suffix(".unfinished")
    unfinished.write_bytes(msgspec.json.encode(record))
    unfinished.replace(file)


def _remove(directory: DataDirectory) -> None:
    """Remove everything but locks and record. Servers that outlived a killed demo are stopped first."""
    with FileLock(directory.path / "lease") as lease:
        if not lease.try_exclusive():
            raise DemoFailed(f"Another command uses {directory.path}; end it first.")
        ValkeyServer(directory).stop()
        PostgresServer(directory).stop("immediate")
        for each in directory.path.iterdir():
            if each.is_dir() and not each.is_symlink():
                shutil.rmtree(each)
            elif each.name not in _KEPT:
                each.unlink()
    directory.log(_LOG).parent.mkdir(exist_ok=True)


def _until(end: datetime, sales: Iterator[Sale]) -> Iterator[Sale]:
    for sale in sales:
        if sale.sent_at >= end:
            return
        yield sale
