"""The feed of a streaming standby is that of its primary, and a promoted one is not believed further."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import asyncpg
import pytest

from coffeert.domain.feed import FeedCursor, FeedPosition
from coffeert.embedded import PostgresServer
from coffeert.errors import Gone, Unavailable
from coffeert.postgres.feed import FeedTable, make_tick
from coffeert.postgres.migrations import migrate
from coffeert.postgres.pool import Connection, connect, open_pool
from tests.integration.feed.play import newest_tick, read_all
from tests.order_book import insert, order
from tests.standby import standby_of


async def tick(connection: Connection, orders: int = 2) -> None:
    await insert(connection, *(order() for _ in range(orders)))
    assert (await make_tick(connection)).number is not None


async def arrived(table: FeedTable, number: int) -> None:
    async with asyncio.timeout(30):
        while await newest_tick(table) < number:
            await asyncio.sleep(0.02)


@pytest.mark.long
async def test_a_standby_has_the_same_feed_until_it_is_promoted(
    own_postgres: PostgresServer, opened: AsyncExitStack
) -> None:
    own_postgres.ensure_database("feed")
    url = own_postgres.database_url("feed")
    await migrate(url)
    connection = await connect(url, application_name="test")
    opened.callback(connection.terminate)
    pool = await open_pool(url, size=2, application_name="test")
    opened.push_async_callback(pool.close)
    primary = FeedTable(pool)
    await tick(connection)
    held = await asyncpg.connect(url)
    opened.callback(held.terminate)
    late = held.transaction()
    await late.start()
    await insert(held, order())
    await tick(connection)
    with standby_of(own_postgres) as standby:
        other_pool = await open_pool(standby.url("feed"), size=2, application_name="test")
        opened.push_async_callback(other_pool.close)
        replica = FeedTable(other_pool)
        await late.commit()
        await tick(connection)
        await arrived(replica, 3)
        whole = await read_all(primary, FeedPosition())
        assert len(whole) == 7
        assert await read_all(replica, FeedPosition(), [2]) == whole
        await replica.want_ticks(5)  # which it cannot write down
        shared = (await primary.now()).cursor()
        replaying = await asyncpg.connect(standby.url("feed"))
        opened.callback(replaying.terminate)
        await replaying.execute("SELECT pg_wal_replay_pause()")
        await tick(connection)
        lost = (await primary.now()).cursor()
        with pytest.raises(Unavailable):  # it has not come so far, and will
            await replica.find(FeedCursor.parse(lost))
        own_postgres.stop("immediate")
        standby.stop()
        standby.start()
        # What had arrived is replayed when it starts, so the tick may be there after all: another branch.
        standby.promote()
        promoted = await connect(standby.url("feed"), application_name="test")
        opened.callback(promoted.terminate)
        await promoted.execute("DELETE FROM feed_tick WHERE number > 3")
        await promoted.execute("UPDATE feed_state SET tick = 3")
        pool_there = await open_pool(standby.url("feed"), size=2, application_name="test")
        opened.push_async_callback(pool_there.close)
        there = FeedTable(pool_there)
        with pytest.raises(Gone):
            await there.find(FeedCursor.parse(lost))
        await tick(promoted)
        with pytest.raises(Gone):
            await there.find(FeedCursor.parse(lost))
        position = await there.find(FeedCursor.parse(shared))
        assert len(await read_all(there, position)) >= 2
        assert (await there.now()).cursor()[:12] != shared[:12]
        await pool_there.close()
        promoted.terminate()
        other_pool.terminate()
