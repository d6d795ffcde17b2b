"""Whatever happens to a day, each of its closings says what the orders themselves add up to."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import msgspec
import pytest
from hypothesis import Phase, event, given, settings
from hypothesis import strategies as st

from coffeert.domain.calendar import BusinessCalendar
from coffeert.domain.orders import Order
from coffeert.errors import Invalid
from coffeert.postgres.calendars import set_store_calendar
from coffeert.postgres.closings import (
    ClosingCounts,
    load_closed_lines,
    load_closed_stores,
    load_closings,
    load_late_orders,
    verify_closings,
)
from coffeert.postgres.pool import Connection, connect, open_pool
from coffeert.server.reports.day_closer import DayCloser
from tests.integration.postgres.passing import run_pass
from tests.integration.server.reports.expected import calendar_of, day_of
from tests.order_book import insert, order, void
from tests.servers import TestServers

RULES = {
    "uptown": ("Europe/Berlin", 0),
    "downtown": ("America/New_York", 240),
    "central": ("UTC", 0),  # the default calendar
}
MIDNIGHT = datetime(2026, 3, 29, tzinfo=UTC)
"""Of the day on which Berlin skips an hour; the days around it are looked at too."""
DAYS = [date(2026, 3, 28), date(2026, 3, 29), date(2026, 3, 30)]

Key = tuple[str, str]


@dataclass
class Counted:
    """What a closing must say."""

    lines: dict[Key, ClosingCounts]
    receipts: dict[str, int | None]
    first: dict[str, datetime | None]
    orders: frozenset[UUID]


@dataclass
class Book:
    """The orders that are committed, those of open transactions, and the closings that were made."""

    rules: dict[str, BusinessCalendar]
    committed: list[Order] = field(default_factory=list)
    closings: dict[int, tuple[date, Counted, dict[str, BusinessCalendar]]] = field(
        default_factory=dict
    )

    def count(self, day: date, rules: dict[str, BusinessCalendar]) -> Counted:
        """Count the day's orders one by one."""
        placed = [
            one
            for one in self.committed
            if day_of(rules[one.store], one.placed_at.timestamp()) == day
        ]
        voided = {one.voids for one in placed}
        lines: dict[Key, ClosingCounts] = defaultdict(ClosingCounts)
        receipts: dict[str, set[tuple[str | None, str]]] = defaultdict(set)
        numbered = {one.store for one in placed if one.receipt is not None}
        sales: dict[str, list[datetime]] = defaultdict(list)
        for one in placed:
            lines[one.store, one.drink] = lines[one.store, one.drink].plus(counts_of(one))
            if one.voids is None and one.quantity > 0 and one.order_id not in voided:
                sales[one.store].append(one.placed_at)
                if one.receipt is not None:
                    receipts[one.store].add((one.source, one.receipt))
        stores = {one.store for one in placed}
        return Counted(
            dict(lines),
            {store: len(receipts[store]) if store in numbered else None for store in stores},
            {store: min(sales[store], default=None) for store in stores},
            frozenset(one.order_id for one in placed),
        )


def counts_of(one: Order) -> ClosingCounts:
    amount = one.quantity * one.price_cents if one.amount is None else one.amount
    is_void = one.voids is not None
    count = (0 if one.quantity < 0 else 1) if not is_void else (-1 if one.quantity < 0 else 0)
    sale = (one.quantity > 0) != is_void
    has_number = one.receipt is not None
    return ClosingCounts(
        count,
        one.quantity,
        amount,
        amount if sale else 0,
        int(is_void),
        -amount if is_void else 0,
        count if has_number else 0,
        amount if has_number else 0,
    )


placings = st.builds(
    lambda minutes, store, drink, quantity, price, amount, source, receipt: msgspec.structs.replace(
        order(
            MIDNIGHT + timedelta(minutes=minutes),
            store,
            drink,
            quantity=quantity,
            price_cents=price,
            amount=None if amount is None else amount * (1 if quantity > 0 else -1),
        ),
        source=source,
        receipt=receipt,
    ),
    st.integers(-2000, 3000),
    st.sampled_from(list(RULES)),
    st.sampled_from(("latte", "tea")),
    st.sampled_from((1, 1, 2, -1)),
    st.sampled_from((0, 290, 480)),
    st.sampled_from((None, None, 123)),
    st.sampled_from((None, "till")),
    st.sampled_from((None, "1", "2")),
)
steps = st.one_of(
    st.tuples(st.just("sell"), st.lists(placings, min_size=1, max_size=4)),
    st.tuples(st.just("begin"), st.lists(placings, min_size=1, max_size=2)),
    st.tuples(st.just("commit"), st.none()),
    st.tuples(st.just("void"), st.integers(0, 100)),
    st.tuples(st.just("close"), st.sampled_from(DAYS)),
    st.tuples(st.just("move"), st.sampled_from(("Asia/Tokyo", "Europe/Berlin"))),
)


@pytest.mark.long
@settings(max_examples=15, phases=[Phase.generate])
@given(st.lists(steps, min_size=8, max_size=30))
def test_closings_say_what_the_orders_add_up_to(
    servers: TestServers, template_database: str, chosen: list[tuple[str, object]]
) -> None:
    with servers.database(template_database) as url:
        asyncio.run(run_steps(url, chosen))


async def run_steps(url: str, chosen: Iterable[tuple[str, object]]) -> None:
    async with AsyncExitStack() as opened:
        pool = await open_pool(url, size=2, application_name="test")
        opened.callback(pool.terminate)
        connection, writer = [await connect(url, application_name="test") for _ in range(2)]
        opened.callback(connection.terminate)
        opened.callback(writer.terminate)
        for store in ("uptown", "downtown"):
            await set_store_calendar(connection, store, *RULES[store])
        book = Book({store: calendar_of(*rule) for store, rule in RULES.items()})
        closer = DayCloser(pool, None)
        open_orders: list[Order] = []
        for step, what in (*chosen, ("commit", None), ("close", DAYS[1]), ("void", 0)):
            match step, what:
                case "sell", list(orders):
                    await insert(connection, *orders)
                    book.committed += orders
                case "begin", list(orders) if not open_orders:
                    await writer.execute("BEGIN")
                    await insert(writer, *orders)
                    open_orders = orders
                case "commit", None if open_orders:
                    await writer.execute("COMMIT")
                    book.committed += open_orders
                    open_orders = []
                case "void", int(number):
                    await void_one(connection, book, number)
                case "close", date() as day:
                    await close(closer, book, day)
                case "move", str(zone):
                    await set_store_calendar(connection, "uptown", zone)
                    book.rules = book.rules | {"uptown": calendar_of(zone, 0)}
            if step == "close":
                await check(connection, book)
        await check(connection, book)
        await run_pass(connection)
        checked = await verify_closings(connection)
        assert (checked.exact, checked.closings) == (True, len(book.closings))


async def void_one(connection: Connection, book: Book, number: int) -> None:
    voided = {one.voids for one in book.committed}
    open_to_it = [one for one in book.committed if one.voids is None and one.order_id not in voided]
    if open_to_it:
        correction = void(open_to_it[number % len(open_to_it)])
        await insert(connection, correction)
        book.committed.append(correction)


async def close(closer: DayCloser, book: Book, day: date) -> None:
    right = book.count(day, book.rules)
    last = max((n for n, (of, _, _) in book.closings.items() if of == day), default=None)
    try:
        closed = await closer.close(day)
    except Invalid:
        event("nothing to close")
        assert not right.orders
        return
    unchanged = last is not None and book.count(day, book.closings[last][2]).orders == (
        book.closings[last][1].orders
    )
    assert closed.new != unchanged
    if closed.new:
        event("closed" if last is None else "closed again")
        assert closed.number == len(book.closings) + 1
        book.closings[closed.number] = day, right, book.rules
    else:
        assert closed.number == last


async def check(connection: Connection, book: Book) -> None:
    numbers = list(book.closings)
    found = {one.number: one for one in await load_closings(connection, numbers)}
    assert found.keys() == book.closings.keys()
    for number, (day, then, rules) in book.closings.items():
        now = book.count(day, rules)
        late = now.orders - then.orders
        closing = found[number]
        assert closing.date == day
        assert {row.order_id for row in await load_late_orders(connection, number, 1000)} == late
        lines = await load_closed_lines(connection, number)
        nothing = ClosingCounts()
        assert {(line.store, line.drink) for line in lines} == now.lines.keys()
        for line in lines:
            key = line.store, line.drink
            assert line.counts == then.lines.get(key, nothing)
            assert line.counts.plus(line.late_counts) == now.lines[key]
        assert closing.counts == total(then.lines.values())
        assert closing.counts.plus(closing.late_counts) == total(now.lines.values())
        assert closing.late == len(late)
        assert closing.receipts == some(then.receipts.values())
        if late:
            assert closing.receipts_now == some(now.receipts.values())
        stores = await load_closed_stores(connection, number)
        assert {one.store: one.receipts_now for one in stores} == now.receipts
        for one in stores:
            assert one.receipts == then.receipts.get(one.store)
            assert one.first_sale == then.first.get(one.store)
            begins, ends = rules[one.store].day(int(midnight(day).timestamp()))
            assert (one.begins.timestamp(), one.ends.timestamp()) == (begins, ends)


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def total(lines: Iterable[ClosingCounts]) -> ClosingCounts:
    found = ClosingCounts()
    for line in lines:
        found = found.plus(line)
    return found


def some(numbers: Iterable[int | None]) -> int | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if known else None
