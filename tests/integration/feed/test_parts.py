"""Every committed order is in the feed once, at a place that never changes, a void after its order."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coffeert.domain.feed import FeedCursor, FeedPosition
from coffeert.errors import Gone
from coffeert.postgres.feed import FeedTable, make_tick, prune_ticks
from coffeert.postgres.pool import Connection
from tests.integration.feed.play import (
    WRITERS,
    End,
    Play,
    Savepoint,
    Step,
    Tick,
    VoidOne,
    Write,
    newest_tick,
    read_all,
)
from tests.order_book import insert, order, stored_orders

writers = st.integers(0, WRITERS - 1)
steps: st.SearchStrategy[Step] = st.one_of(
    st.builds(Write, writers, st.integers(1, 4)),
    st.builds(VoidOne, writers, st.integers(0, 99)),
    st.builds(Savepoint, writers),
    st.builds(End, writers, commit=st.sampled_from((True, True, False))),
    st.builds(Tick),
)
plans = st.lists(steps, min_size=4, max_size=25)
page_sizes = st.lists(st.integers(1, 7), min_size=1, max_size=4)


async def check(play: Play, plan: list[Step], rows: list[int]) -> None:
    start = await play.table.now()
    before = {one.order_id for one in await stored_orders(play.ticker)}
    early: dict[int, list[UUID]] = {}
    between: list[FeedPosition] = []
    for step in plan:
        await play.step(step)
        number = await newest_tick(play.table)
        if isinstance(step, Tick) and number:
            early[number] = await part_in_sql(play.ticker, number)
            between.append(await play.table.now())
    await play.end()
    whole = await read_all(play.table, start)
    known = [one.order_id for one in whole]
    assert len(set(known)) == len(known)
    after = _number(start)
    assert {one.order_id for one in await stored_orders(play.ticker)} - before == set(known)
    assert await read_all(play.table, start, rows) == whole
    for place, one in enumerate(whole):
        assert one.voids is None or one.voids not in known[place:]
    last = await newest_tick(play.table)
    parts = {n: await part_in_sql(play.ticker, n) for n in range(after + 1, last + 1)}
    assert known == [order_id for n in sorted(parts) for order_id in parts[n]]
    assert all(parts[n] for n in parts), "a tick without anything new"
    for position in between:  # from behind a tick at which transactions were in progress, too
        rest = [order_id for n in sorted(parts) if n > _number(position) for order_id in parts[n]]
        for sizes in ([1_000], rows):
            found = await read_all(play.table, position, sizes)
            assert [one.order_id for one in found] == rest
    for number, ids in early.items():
        if number in parts:
            assert parts[number] == ids


def _number(position: FeedPosition) -> int:
    return 0 if position.after is None else position.after.number


async def part_in_sql(connection: Connection, number: int) -> list[UUID]:
    return [row[0] for row in await connection.fetch("SELECT order_id FROM feed_part($1)", number)]


@pytest.mark.long
def test_the_feed_is_the_same_list_however_it_is_read(database_url: str) -> None:
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        play = runner.run(Play.begin(database_url, stack))

        @settings(max_examples=80)
        @given(plans, page_sizes)
        def examples(plan: list[Step], rows: list[int]) -> None:
            runner.run(check(play, plan, rows))

        try:
            examples()
        finally:
            runner.run(stack.aclose())


@pytest.fixture
async def play(database_url: str, opened: AsyncExitStack) -> Play:
    return await Play.begin(database_url, opened)


HELD: tuple[Step, ...] = (
    Write(0, 2),
    Savepoint(0),
    Write(0, 1),
    Write(1, 2),
    End(1, commit=True),
    Tick(),
    Write(2, 1),
    End(2, commit=True),
    Tick(),
    End(0, commit=True),
    VoidOne(1, 0),
    Write(2, 3),
    End(1, commit=True),
    End(2, commit=True),
)

NEXT: tuple[
    Step, ...
] = (  # at the tick, the transaction in progress is the next after all that have ended
    Write(1, 1),
    End(1, commit=True),
    Write(0, 2),
    Tick(),
    End(0, commit=True),
    Tick(),
    Write(1, 1),
    End(1, commit=True),
    Tick(),
)


@pytest.mark.parametrize("plan", [HELD, NEXT])
@pytest.mark.parametrize("rows", [[1], [2], [3, 1], [1000]])
async def test_a_transaction_that_commits_late_comes_in_a_later_part(
    play: Play, rows: list[int], plan: tuple[Step, ...]
) -> None:
    await check(play, [*plan], rows)


async def test_a_void_comes_last_though_its_transaction_began_first(play: Play) -> None:
    await play.step(Write(0, 1))  # which has the lower transaction id
    await play.step(Write(1, 1))
    await play.step(End(1, commit=True))
    await play.step(VoidOne(0, 0))
    await play.end()
    found = await read_all(play.table, FeedPosition())
    assert [one.voids is None for one in found] == [True, True, False]
    assert found[-1].voids in (found[0].order_id, found[1].order_id)


async def test_many_parts_are_read_together_and_a_large_one_alone(play: Play) -> None:
    for _ in range(5):
        await insert(play.ticker, *(order() for _ in range(3)))
        await make_tick(play.ticker)
    await insert(play.ticker, *(order() for _ in range(40)))
    await make_tick(play.ticker)
    start = FeedPosition()
    assert [len(part.rows) for part in await play.table.read(start)] == [3] * 5 + [40]
    assert [len(part.rows) for part in await play.table.read(start, 20)] == [3]
    assert await read_all(play.table, start, [20]) == await read_all(play.table, start)


async def stand(table: FeedTable, text: str) -> FeedPosition:
    return await table.find(FeedCursor.parse(text))


async def test_cursors_of_deleted_ticks_are_gone_and_others_stay(play: Play) -> None:
    cursors = []
    for _ in range(4):
        await insert(play.ticker, order(), order())
        await make_tick(play.ticker)
        cursors.append((await play.table.now()).cursor())
    half = (await play.table.read(FeedPosition(), 1))[0].end.cursor()
    whole = await read_all(play.table, FeedPosition())
    assert await read_all(play.table, await stand(play.table, half)) == whole[1:]
    within = (await play.table.read(await stand(play.table, cursors[1]), 1))[0].end.cursor()
    await play.ticker.execute("DELETE FROM feed_tick WHERE number <= 2")
    for cursor in (half, cursors[0], cursors[1], within):
        with pytest.raises(Gone):
            await stand(play.table, cursor)
    assert await read_all(play.table, await stand(play.table, cursors[2])) == whole[6:]
    # What came before the oldest tick is one part.
    merged = await read_all(play.table, FeedPosition(), [3])
    assert {one.order_id for one in merged} == {one.order_id for one in whole}
    assert merged[6:] == whole[6:]


async def test_only_old_ticks_are_pruned_and_the_last_one_stays(play: Play) -> None:
    for _ in range(3):
        await insert(play.ticker, order())
        await make_tick(play.ticker)
    await play.ticker.execute(
        "UPDATE feed_tick SET time = time - interval '8 days' WHERE number < 3"
    )
    assert not await prune_ticks(play.ticker, timedelta(days=7))
    assert await play.ticker.fetchval("SELECT array_agg(number) FROM feed_tick") == [3]
    assert not await prune_ticks(play.ticker, timedelta(0))
    assert await newest_tick(play.table) == 3
    assert len(await read_all(play.table, FeedPosition())) == 3


async def test_a_tick_of_another_history_is_gone(play: Play) -> None:
    """Files were put back: the same numbers, snapshots and lineage, but another moment."""
    await insert(play.ticker, order())
    await make_tick(play.ticker)
    cursor = (await play.table.now()).cursor()
    await play.ticker.execute("UPDATE feed_tick SET time = time + interval '1 microsecond'")
    with pytest.raises(Gone):
        await stand(play.table, cursor)
    position = await play.table.now()
    await play.ticker.execute("DELETE FROM feed_tick")
    with pytest.raises(Gone):
        await play.table.read(position)


async def test_another_timeline_begins_a_lineage_and_keeps_what_is_the_same(play: Play) -> None:
    await insert(play.ticker, order())
    await make_tick(play.ticker)
    before = (await play.table.now()).cursor()
    await play.ticker.execute("UPDATE feed_lineage SET timeline = '00000000'")
    assert (await make_tick(play.ticker)).number is None
    await insert(play.ticker, order())
    assert (await make_tick(play.ticker)).number == 2
    after = (await play.table.now()).cursor()
    assert before[:12] != after[:12]
    assert len(await read_all(play.table, await stand(play.table, before))) == 1
    forged = f"{before[:12]}{after[12:]}"
    with pytest.raises(Gone):
        await stand(play.table, forged)


async def test_another_cluster_begins_again(play: Play) -> None:
    await insert(play.ticker, order())
    await make_tick(play.ticker)
    cursor = (await play.table.now()).cursor()
    await play.ticker.execute("UPDATE feed_lineage SET system_identifier = 1")
    await play.ticker.execute("UPDATE feed_tick SET snapshot = '999999:999999:'")
    assert (await make_tick(play.ticker)).number == 2
    with pytest.raises(Gone):
        await stand(play.table, cursor)
    assert len(await read_all(play.table, FeedPosition())) == 1


async def test_what_breaks_a_rule_of_the_table_is_left_out(play: Play) -> None:
    await play.ticker.execute("ALTER TABLE orders DROP CONSTRAINT orders_placed_at")
    await play.ticker.execute(
        "INSERT INTO orders (order_id, placed_at, quantity, price_cents, store, drink)"
        " VALUES (gen_random_uuid(), '4000-01-01 BC', 1, 1, 'uptown', 'latte')"
    )
    good = order()
    await insert(play.ticker, good)
    await make_tick(play.ticker)
    found = await read_all(play.table, FeedPosition())
    assert [one.order_id for one in found] == [good.order_id]
    assert await part_in_sql(play.ticker, 1) == [good.order_id]


async def test_where_a_moment_begins(play: Play) -> None:
    moments = []
    for _ in range(3):
        await insert(play.ticker, order())
        await make_tick(play.ticker)
        moments.append(await play.ticker.fetchval("SELECT max(time) FROM feed_tick"))
    whole = await read_all(play.table, FeedPosition())
    for number, moment in enumerate(moments):
        position = await play.table.at(moment)
        assert await read_all(play.table, position) == whole[number:]
    now = await play.ticker.fetchval("SELECT clock_timestamp()")
    assert await play.table.at(now) == await play.table.now()
