"""What an order, a batch, a pass and a change cost, in counts: these do not depend on the machine."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from types import FrameType

import pytest

from coffeert.aggregator.aggregation_pass import LeaderLease, run_pass
from coffeert.cancellation import end
from coffeert.domain.menu import Menu
from coffeert.domain.orders import Draft, new_order_id, resolve
from coffeert.domain.pending_batches import PendingBatches
from coffeert.domain.rollups import CellKey, Totals, floor
from coffeert.domain.watermark import Xid
from coffeert.postgres.menu import load_menu
from coffeert.postgres.orders import OrderRepository
from coffeert.postgres.pool import Connection, Pool, close, connect, open_pool
from coffeert.postgres.queries import sql
from coffeert.server.ingest.admission import Admission
from coffeert.server.ingest.batch_writer import BatchWriter
from coffeert.server.ingest.order_service import OrderService
from coffeert.server.live.broadcaster import Broadcaster
from coffeert.server.live.change_log import ChangeLog
from coffeert.server.live.live_view import LiveView
from coffeert.wire.order_requests import decode_order
from coffeert.wire.orders import OrderBody, encode
from tests.calendars import calendars_around
from tests.waiting import eventually

ROWS, WRITERS = 500, 2
ORDERS = 1_000
SCREENS = 100
ONE_CHANGE_BYTES = 1_000
CALLS_AN_ORDER = 90
"""Python functions entered for one order, from its bytes to the bytes of its answer, without HTTP."""


class Counter:
    """Counts the statements that connections send."""

    def __init__(self) -> None:
        self.statements: list[str] = []

    def watch(self, connection: Connection) -> None:
        connection.add_query_logger(lambda record: self.statements.append(record.query))


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    pool = await open_pool(database_url, size=WRITERS, application_name="test")
    yield pool
    await pool.close()


@asynccontextmanager
async def _intake(pool: Pool) -> AsyncIterator[tuple[OrderService, BatchWriter]]:
    async with pool.acquire() as connection:
        menu: Menu = await load_menu(connection)
    table = OrderRepository(pool)
    writer = BatchWriter(
        table,
        Admission(wait_limit=60, batch_rows=ROWS, writers=WRITERS),
        batch_rows=ROWS,
        writers=WRITERS,
        on_commit=lambda xid, orders: None,
    )
    task = asyncio.create_task(writer.run())
    try:
        yield OrderService(writer, table, lambda: menu), writer
    finally:
        await end(task)


def _body() -> bytes:
    return b'{"store":"uptown","drink":"latte","quantity":2,"order_id":"%s"}' % (
        str(new_order_id()).encode()
    )


async def _place(intake: OrderService, body: bytes) -> bytes:
    placed = await intake.place(decode_order(body))
    return encode(OrderBody.of(placed.order))


@contextmanager
def _calls() -> Iterator[Callable[[], int]]:
    """Count the Python functions that this thread enters."""
    entered = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal entered
        entered += event == "call"

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        yield lambda: entered
    finally:
        sys.setprofile(before)


async def test_orders_that_come_at_once_share_their_commits(pool: Pool) -> None:
    async with _intake(pool) as (intake, writer):
        await asyncio.gather(*(_place(intake, _body()) for _ in range(ORDERS)))
    async with pool.acquire() as connection:
        commits = await connection.fetchval("SELECT count(DISTINCT xid) FROM orders")
        stored = await connection.fetchval("SELECT count(*) FROM orders")
    assert stored == writer.accepted == ORDERS
    assert commits <= ORDERS / ROWS + WRITERS


async def test_a_batch_is_one_statement(pool: Pool) -> None:
    table, counter = OrderRepository(pool), Counter()
    async with pool.acquire() as first, pool.acquire() as second:
        menu = await load_menu(first)
        counter.watch(first)
        counter.watch(second)
    # The loggers stay with the connections: nothing is reset when they come back to the pool.
    for _ in range(2):
        counter.statements.clear()  # a connection's first batch looks the types up
        now = datetime.now(UTC)
        orders = [resolve(Draft("uptown", "latte"), menu, now) for _ in range(ROWS)]
        inserted = await table.insert(sorted(orders, key=lambda order: order.order_id))
        assert inserted.new == ROWS
    assert counter.statements == [sql("insert_orders")]


async def test_an_order_enters_few_functions(pool: Pool) -> None:
    async with _intake(pool) as (intake, _):
        bodies = [_body() for _ in range(ORDERS)]
        await _place(intake, _body())  # what is done once
        with _calls() as calls:
            await asyncio.gather(*(_place(intake, body) for body in bodies))
            entered = calls()
    assert entered / ORDERS < CALLS_AN_ORDER


async def test_a_pass_sends_as_many_statements_whatever_it_counts(database_url: str) -> None:
    connection = await connect(database_url, application_name="test")
    other = await connect(database_url, application_name="test")
    sent: list[int] = []
    try:
        projection = (await run_pass(connection, None, LeaderLease())).projection
        counter = Counter()
        counter.watch(connection)
        for orders in (0, 10, 2_000):
            await other.execute(sql("lab_fill_orders"), orders, 10.0)
            counter.statements.clear()
            passed = await run_pass(connection, projection, LeaderLease())
            assert passed.result.rows == orders
            projection = passed.projection
            sent.append(len(counter.statements))
    finally:
        await close(connection)
        await close(other)
    assert len(set(sent)) == 1
    assert sent[0] <= 5  # begin, two settings, the lock, the pass; the commit is of the driver's


class Unchanged:
    """A source of nothing: the view is changed at once."""

    def flush_to_view(self) -> int:
        return 0


class Screen:
    """A sink to which everything can be written."""

    busy = False

    def __init__(self) -> None:
        self.payloads: list[bytes] = []

    def try_write(self, frame: bytes) -> bool:
        self.payloads.append(frame)
        return True

    def send(self, payload: bytes) -> int:
        self.payloads.append(payload)
        return len(payload)

    def close(self, code: int, reason: str) -> None:
        raise AssertionError("nobody is sent away here")


async def test_a_change_is_encoded_once_and_written_once_to_each_screen() -> None:
    now = datetime.now(UTC)
    live = LiveView(calendars_around(now), now)
    broadcaster = Broadcaster(
        ChangeLog(live), min_frame_interval=0, slow_client_timeout=10, max_clients=SCREENS
    )
    screens = [Screen() for _ in range(SCREENS)]
    for screen in screens:
        broadcaster.join(screen)
        screen.payloads.clear()
    task = asyncio.create_task(broadcaster.run(Unchanged()))
    key = CellKey("minute", floor(int(now.timestamp()), "minute"), "uptown", "latte")
    live.apply_pending([PendingBatches.of({Xid(1): {key: Totals(1, 1, 480)}})], [])
    broadcaster.notify()
    await eventually(lambda: all(screen.payloads for screen in screens))
    await end(task)
    assert all(len(screen.payloads) == 1 for screen in screens)
    assert len({id(screen.payloads[0]) for screen in screens}) == 1
    assert len(screens[0].payloads[0]) <= ONE_CHANGE_BYTES
