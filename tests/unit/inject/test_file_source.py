"""A file of orders: keys that make a second load add nothing, its pace, and reading it in a thread."""

from __future__ import annotations

import asyncio
import io
import queue
import random
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coffeert.domain.orders import Draft
from coffeert.errors import ConfigError
from coffeert.inject.file_source import Pace, RecordingClock, RowKeys, orders_from, read_in_thread
from coffeert.inject.order_reader import order_reader
from coffeert.inject.report import OutcomeRecorder
from coffeert.inject.rows import BadRow, Rows
from coffeert.inject.scheduled_order import ScheduledOrder
from coffeert.wire.order_requests import decode_order
from coffeert.wire.orders import MenuBody
from tests.waiting import eventually

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
READER = order_reader(MenuBody((), ()))

drafts = st.lists(
    st.builds(
        Draft,
        store=st.sampled_from(["uptown", "central"]),
        drink=st.sampled_from(["tea", "latte"]),
        quantity=st.integers(1, 2),
        price_cents=st.sampled_from([None, 290]),
        placed_at=st.sampled_from([None, NOON, NOON + timedelta(seconds=1)]),
    ),
    max_size=30,
)


def keys(rows: list[Draft]) -> list[object]:
    made = RowKeys()
    return [made.key(draft) for draft in rows]


@settings(deadline=None)
@given(drafts, st.randoms())
def test_keys_are_distinct_and_do_not_depend_on_the_order_of_rows(
    rows: list[Draft], rng: random.Random
) -> None:
    assert len(set(keys(rows))) == len(rows), "equal rows are different orders"
    reversed_rows = list(rows)
    rng.shuffle(reversed_rows)
    assert set(keys(reversed_rows)) == set(keys(rows))


@settings(deadline=None)
@given(drafts, drafts)
def test_rows_appended_later_leave_the_others_their_keys(
    rows: list[Draft], more: list[Draft]
) -> None:
    assert keys(rows + more)[: len(rows)] == keys(rows)


@settings(deadline=None)
@given(drafts)
def test_a_key_always_stands_for_the_same_content(rows: list[Draft]) -> None:
    content: dict[object, Draft] = {}
    for seen in (rows, rows[::-1], rows[::2]):
        for key, draft in zip(keys(seen), seen, strict=True):
            assert content.setdefault(key, draft) == draft


def test_the_same_instant_in_another_zone_has_the_same_key() -> None:
    there = datetime.fromisoformat("2026-03-01T14:00:00+02:00")
    assert keys([Draft("a", "b", placed_at=NOON)]) == keys([Draft("a", "b", placed_at=there)])


AT_ONCE = Pace()


def orders(
    data: bytes, pace: Pace = AT_ONCE, count: int | None = None
) -> list[ScheduledOrder | BadRow]:
    return list(orders_from(Rows(io.BytesIO(data)), READER, pace, count))


FILE = b"""{"coffeert":"recording"}
{"store":"uptown","drink":"tea","placed_at":"2026-03-01T12:00:00Z"}
{"store":"uptown","drink":"tea","placed_at":"2026-03-01T12:00:00Z"}
{"store":"uptown","drink":"","placed_at":"2026-03-01T12:00:01Z"}
{"store":"uptown","drink":"latte","placed_at":"2026-03-01T12:00:30Z"}
{"store":"uptown","drink":"mocha","placed_at":"2026-03-01T12:00:10Z"}
"""


def test_rows_become_orders_and_bad_ones_are_reported() -> None:
    made = orders(FILE)
    good = [order for order in made if isinstance(order, ScheduledOrder)]
    assert [decode_order(order.body).drink for order in good] == ["tea", "tea", "latte", "mocha"]
    assert [order.line for order in good] == [2, 3, 5, 6]
    assert {order.due for order in good} == {None}
    assert [row for row in made if isinstance(row, BadRow)] == [BadRow(4, "drink is empty")]


def test_a_file_loaded_twice_makes_the_same_orders() -> None:
    assert orders(FILE) == orders(FILE)
    lines = FILE.splitlines(keepends=True)
    reversed_rows = b"".join([lines[0], *lines[:0:-1]])
    bodies = [order.body for order in orders(FILE) if isinstance(order, ScheduledOrder)]
    again = [order.body for order in orders(reversed_rows) if isinstance(order, ScheduledOrder)]
    assert Counter(again) == Counter(bodies)


def test_count_takes_the_first_orders() -> None:
    assert [order.line for order in orders(FILE, count=3)] == [2, 3, 4, 5]
    assert orders(FILE, count=4) == orders(FILE)


def test_recorded_pace() -> None:
    made = [order for order in orders(FILE, Pace(speed=10)) if isinstance(order, ScheduledOrder)]
    assert [order.due for order in made] == [0.0, 0.0, 3.0, 3.0], "never before the row above it"


def test_a_rate_of_its_own() -> None:
    clock = RecordingClock(Pace(rate=4))
    assert [clock.due(None), clock.due(NOON), clock.due(NOON)] == [0, 0.25, 0.5]


class LiveRows:
    """Rows that arrive when the test says."""

    def __init__(self) -> None:
        self.coming: queue.Queue[ScheduledOrder | BadRow | None] = queue.Queue()

    def ready(self) -> bool:
        return not self.coming.empty()

    def rows(self) -> Iterator[ScheduledOrder | BadRow]:
        while (row := self.coming.get()) is not None:
            yield row


async def test_a_live_row_is_not_held_back_for_others() -> None:
    live = LiveRows()
    chunks = read_in_thread(live.rows(), live.ready, OutcomeRecorder())
    live.coming.put(ScheduledOrder(b"1", None))
    assert await anext(chunks) == [ScheduledOrder(b"1", None)]
    for body in (b"2", b"3"):
        live.coming.put(ScheduledOrder(body, None))
    live.coming.put(None)
    rest = [order.body async for chunk in chunks for order in chunk]
    assert rest == [b"2", b"3"]


async def test_bad_rows_go_to_the_recorder() -> None:
    recorder = OutcomeRecorder()
    rows: list[ScheduledOrder | BadRow] = [
        ScheduledOrder(b"1", None),
        BadRow(3, "is torn"),
        ScheduledOrder(b"2", None),
    ]
    chunks = read_in_thread(iter(rows), lambda: True, recorder)
    assert [order.body async for chunk in chunks for order in chunk] == [b"1", b"2"]
    assert recorder.bad_rows == 1
    assert recorder.errors[0].line == 3


async def test_what_breaks_the_reading_is_raised_here() -> None:
    def broken() -> Iterator[ScheduledOrder | BadRow]:
        yield ScheduledOrder(b"1", None)
        raise ConfigError("The file is torn.")

    chunks = read_in_thread(broken(), lambda: False, OutcomeRecorder())
    assert len(await anext(chunks)) == 1
    with pytest.raises(ConfigError, match="torn"):
        await anext(chunks)


def test_an_event_loop_ends_though_the_thread_still_has_rows() -> None:
    def endless() -> Iterator[ScheduledOrder | BadRow]:
        while True:
            yield ScheduledOrder(b"1", None)

    async def take_one() -> None:
        chunks = read_in_thread(endless(), lambda: True, OutcomeRecorder())
        await anext(chunks)
        await chunks.aclose()

    asyncio.run(take_one())
    asyncio.run(eventually(lambda: "rows" not in {t.name for t in threading.enumerate()}))
