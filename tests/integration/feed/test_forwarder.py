"""Forwarding: the same orders there, once, and what is refused never holds up the rest."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager

import asyncpg
import msgspec
import pytest

from coffeert.cancellation import end
from coffeert.cli.forward import TOKEN_VARIABLE, forward_through_outages
from coffeert.client import OrderClient
from coffeert.config import load_config
from coffeert.domain.order_keys import void_key
from coffeert.domain.orders import Order
from coffeert.errors import ConfigError, ForwardBusy
from coffeert.forward import forwarder as forwarder_module
from coffeert.forward.forwarder import Forwarder
from coffeert.forward.lines import LineSender
from coffeert.postgres.feed import FeedTable, make_tick
from coffeert.postgres.forwarding import ForwardState, load_refusals, load_targets
from coffeert.postgres.pool import Connection, connect, open_pool
from tests.integration.server.conftest import RunServer
from tests.order_book import insert, order, stored_orders, void
from tests.servers import TestServers

Content = tuple[object, ...]


@pytest.fixture
def home_url(servers: TestServers, template_database: str) -> Iterator[str]:
    """The database of the installation that forwards; the other one's is that of the server."""
    with servers.database(template_database) as url:
        yield url


@pytest.fixture
async def home(home_url: str) -> AsyncIterator[Connection]:
    """A connection there."""
    connection = await connect(home_url, application_name="test")
    yield connection
    connection.terminate()


@pytest.fixture
async def there(database_url: str, server_url: str) -> AsyncIterator[Connection]:
    """A connection to the database of the server."""
    connection = await connect(database_url, application_name="test")
    yield connection
    connection.terminate()


@asynccontextmanager
async def forwarding(home_url: str, target: str) -> AsyncIterator[asyncio.Task[None]]:
    async with AsyncExitStack() as stack:
        connection = await connect(home_url, application_name="forward")
        stack.callback(connection.terminate)
        pool = await open_pool(home_url, size=1, application_name="forward")
        stack.push_async_callback(pool.close)
        client = await stack.enter_async_context(OrderClient(target, patience=2))
        state = ForwardState(connection, target)
        sender = LineSender(client, target, 2, None)
        task = asyncio.create_task(
            Forwarder(FeedTable(pool), state, sender).run(await state.begin())
        )
        stack.push_async_callback(end, task)
        yield task


def contents(orders: list[Order]) -> set[Content]:
    """What must be the same in both: all but when it was received."""
    return {
        (
            *(one.order_id, one.store, one.drink, one.quantity, one.price_cents, one.placed_at),
            *(one.voids, one.amount, one.source, one.receipt),
        )
        for one in orders
    }


async def arrived(there: Connection, count: int) -> list[Order]:
    async with asyncio.timeout(20):
        while len(found := await stored_orders(there)) < count:
            await asyncio.sleep(0.02)
    return found


async def refused(home: Connection, count: int) -> None:
    """Wait until so many orders are kept as refused."""
    async with asyncio.timeout(20):
        while len(await load_refusals(home, 1_000)) != count:
            await asyncio.sleep(0.02)


async def test_orders_and_voids_arrive_as_they_are(
    home: Connection, home_url: str, there: Connection, server_url: str
) -> None:
    sales = [order(), order(quantity=6, price_cents=83, amount=500), order(quantity=-2)]
    await insert(home, *sales)
    await make_tick(home)
    # As servers void: by an id that follows from the order's.
    await insert(home, sales[0].correction(void_key(sales[0].order_id), sales[0].received_at))
    await make_tick(home)
    async with forwarding(home_url, server_url):
        found = await arrived(there, 4)
        async with asyncio.timeout(20):
            while (await load_targets(home))[0].stored < 4:
                await asyncio.sleep(0.02)
    assert contents(found) == contents(await stored_orders(home))
    (target,) = await load_targets(home)
    assert (target.stored, target.replayed, target.refused) == (4, 0, 0)
    await home.execute("UPDATE forward_target SET cursor = 'beginning'")
    async with forwarding(home_url, server_url):
        async with asyncio.timeout(20):
            while (await load_targets(home))[0].replayed < 4:
                await asyncio.sleep(0.02)
    assert len(await stored_orders(there)) == 4


async def test_what_is_refused_is_kept_with_both_contents(
    home: Connection, home_url: str, there: Connection, server_url: str
) -> None:
    ours, unknown = order(), order(drink="cold-brew")
    await insert(there, msgspec.structs.replace(ours, store="central", quantity=9))
    await insert(home, ours, unknown, void(ours), void(unknown))
    good = [order() for _ in range(60)]
    bad = [order(drink="cold-brew") for _ in range(60)]  # more than a batch names
    await insert(home, *good, *bad)
    await make_tick(home)
    async with forwarding(home_url, server_url):
        await arrived(there, 61)
        await refused(home, 64)
    refusals = {one.order_id: one for one in await load_refusals(home, 1_000)}
    assert len(refusals) == 64
    (target,) = await load_targets(home)
    assert (target.stored, target.replayed) == (60, 0)
    conflict = refusals[ours.order_id]
    assert conflict.status == 409
    assert b'"quantity":1' in bytes(conflict.ours).replace(b" ", b"")
    assert conflict.theirs is not None
    assert b'"quantity":9' in bytes(conflict.theirs).replace(b" ", b"")
    assert refusals[unknown.order_id].status == 422
    assert "cold-brew" in refusals[unknown.order_id].reason
    # Their order of our id was not voided.
    assert [one.voids for one in await stored_orders(there)] == [None] * 61


async def test_what_was_refused_is_sent_again(
    home: Connection,
    home_url: str,
    there: Connection,
    server_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(forwarder_module, "_AGAIN_SECONDS", 0.1)
    sale = order(drink="cold-brew")
    await insert(home, sale, void(sale))
    await make_tick(home)
    async with forwarding(home_url, server_url):
        await refused(home, 2)
        await there.execute("INSERT INTO menu_drink VALUES ('cold-brew', 'Cold Brew', 500)")
        found = await arrived(there, 2)
        await refused(home, 0)
    assert {one.voids for one in found} == {None, sale.order_id}
    (target,) = await load_targets(home)
    assert (target.stored, target.replayed, target.refused) == (2, 0, 0)


async def test_what_is_never_taken_does_not_hide_what_was_refused_later(
    home: Connection,
    home_url: str,
    there: Connection,
    server_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(forwarder_module, "_AGAIN_SECONDS", 0.1)
    monkeypatch.setattr(forwarder_module, "_AGAIN_AT_ONCE", 3)
    never = [order(drink="unknown") for _ in range(9)]
    sales = [order(drink="cold-brew") for _ in range(4)]
    await insert(home, *never, *map(void, never))
    await insert(home, *sales, *map(void, sales))
    await make_tick(home)
    async with forwarding(home_url, server_url):
        await refused(home, 26)
        await there.execute("INSERT INTO menu_drink VALUES ('cold-brew', 'Cold Brew', 500)")
        found = await arrived(there, 8)
        await refused(home, 18)
    assert {one.voids for one in found} == {None, *(sale.order_id for sale in sales)}


async def test_a_cursor_that_leads_nowhere_begins_again(
    home: Connection, home_url: str, there: Connection, server_url: str
) -> None:
    await insert(home, order())
    await make_tick(home)
    async with forwarding(home_url, server_url):
        await arrived(there, 1)
    await home.execute("UPDATE feed_tick SET time = time + interval '1 s'")
    await insert(home, order())
    await make_tick(home)
    async with forwarding(home_url, server_url):
        await arrived(there, 2)
    assert contents(await stored_orders(there)) == contents(await stored_orders(home))


async def test_one_process_forwards_to_a_target(home_url: str, server_url: str) -> None:
    async with forwarding(home_url, server_url):
        with pytest.raises(ForwardBusy):
            async with forwarding(home_url, server_url):
                pass


async def forgotten(state: ForwardState) -> bool:
    try:
        return await state.forget()
    except ForwardBusy:  # PostgreSQL has not noticed yet that the connection is gone
        return False


async def test_a_target_that_is_gone_is_forgotten(
    home: Connection, home_url: str, there: Connection, server_url: str
) -> None:
    await insert(home, order(), order(drink="unknown"))
    await make_tick(home)
    state = ForwardState(home, server_url)
    async with forwarding(home_url, server_url):
        await arrived(there, 1)
        await refused(home, 1)
        with pytest.raises(ForwardBusy):
            await state.forget()
    async with asyncio.timeout(20):
        while not await forgotten(state):
            await asyncio.sleep(0.02)
    assert not await state.forget()
    assert await load_targets(home) == []
    assert await load_refusals(home, 1) == []


async def test_another_currency_is_another_meaning(
    home: Connection, home_url: str, server_url: str, database_url: str
) -> None:
    await insert(home, order())
    await make_tick(home)
    database = await asyncpg.connect(database_url)
    await database.execute("UPDATE installation SET currency = 'EUR'")
    await database.close()
    async with OrderClient(server_url) as client, asyncio.timeout(20):
        while (await client.menu()).currency is None:
            await asyncio.sleep(0.02)
    async with forwarding(home_url, server_url) as task:
        with pytest.raises(ConfigError, match="EUR"):
            await asyncio.wait_for(task, 20)


@pytest.mark.parametrize("token", [None, "another-than-is-asked-for"])
async def test_a_refused_token_says_where_the_right_one_goes(
    home_url: str,
    home: Connection,
    run_server: RunServer,
    monkeypatch: pytest.MonkeyPatch,
    token: str | None,
) -> None:
    if token is not None:
        monkeypatch.setenv(TOKEN_VARIABLE, token)
    await insert(home, order())
    await make_tick(home)
    async with run_server(token="the-one-that-is-asked-for", read_token="reads-only") as url:
        with pytest.raises(ConfigError, match=f"{TOKEN_VARIABLE}: "):
            await forward_through_outages(load_config(), home_url, url)
