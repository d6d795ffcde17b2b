"""A server that dies, or is asked to end, in the middle of everything: no order lost, none twice."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from uuid import UUID

import aiohttp
import pytest

from coffeert.domain.orders import new_order_id
from tests.end_to_end.ledger import Ledger, shows_all
from tests.end_to_end.processes import Shell
from tests.end_to_end.watching import watching
from tests.ports import free_port
from tests.waiting import eventually

COUNT = 600
ANY_WAY = ("--rate", "300", "--via", "http,ws,batch", "--json")


@pytest.mark.long
async def test_an_injection_survives_the_servers_death(shell: Shell, books: Ledger) -> None:
    port = free_port()
    server, url = await shell.serve(port=port)
    for attempt in range(1, 6):
        numbers = (str(COUNT), "--seed", str(attempt), *ANY_WAY)
        injector = shell.start("inject", "--url", url, "--count", *numbers)
        await _more_than(books, (attempt - 1) * COUNT + COUNT // 4)
        await server.killed()
        server, _ = await shell.serve(port=port)
        injected = await injector.ended()
        assert injected.code == 0, injected.err
        report = json.loads(injected.out)
        assert report["accepted"] + report["replayed"] == COUNT
        assert report["lost"] == report["rejected"] == 0
        assert await books.count() == attempt * COUNT
        if report["retried"]:
            break  # else this test was so slow that the server died after the last order
    assert report["retried"] > 0
    await shows_all(url, books)
    assert (await shell.run("verify")).code == 0
    # The same seed makes the same orders under the same keys: each is there, once.
    again = json.loads((await shell.run("inject", "--url", url, "--count", *numbers)).out)
    assert (again["accepted"], again["replayed"]) == (0, COUNT)
    assert await books.count() == attempt * COUNT


@pytest.mark.long
async def test_an_end_under_load_drops_nothing_that_was_answered(
    shell: Shell, books: Ledger
) -> None:
    server, url = await shell.serve()
    acknowledged: set[UUID] = set()
    async with aiohttp.ClientSession(url) as session, asyncio.TaskGroup() as group:
        socket = await session.ws_connect("/ws/dashboard")
        goodbye = group.create_task(_until_goodbye(socket))
        tills = [group.create_task(_keep_ordering(session, acknowledged)) for _ in range(32)]
        await eventually(lambda: len(acknowledged) > 500)
        ended = await server.stopped()
        await asyncio.wait(tills)
        retry_after, code = await goodbye
    assert ended.code == 0, ended.err
    assert "Traceback" not in ended.err
    assert 0 < retry_after <= 2
    assert code == aiohttp.WSCloseCode.SERVICE_RESTART
    stored = await books.ids()
    assert not acknowledged - stored.keys()
    assert set(Counter(stored).values()) == {1}


async def test_a_draining_server_is_not_ready_and_answers_what_it_has_taken(
    shell: Shell, books: Ledger
) -> None:
    server, url = await shell.serve()
    async with aiohttp.ClientSession(url) as session, asyncio.TaskGroup() as group:
        await (await session.get("/readyz")).read()  # a connection that is open when the end comes
        async with books.locked():
            order = {"store": "uptown", "drink": "latte"}
            ordering = group.create_task(session.post("/api/orders", json=order))
            await books.someone_waits()
            stopping = group.create_task(server.stopped())
            async with asyncio.timeout(10):
                while (readiness := await session.get("/readyz")).status == 200:
                    await readiness.read()
            assert readiness.status == 503
            assert (await readiness.json())["closing"]
            late = await session.post("/api/orders", json=order)
            assert late.status == 503
            assert int(late.headers["Retry-After"]) >= 1
            assert server.running
            assert not ordering.done()
        assert (await ordering).status == 201
        assert (await stopping).code == 0
    assert await books.count() == 1


@pytest.mark.long
async def test_viewers_come_back_by_themselves(shell: Shell, books: Ledger) -> None:
    port = free_port()
    server, url = await shell.serve(port=port)
    async with watching(url) as feed:
        await shell.run("inject", "--url", url, "--count", "50", "--rate", "500")
        truth = await books.cells()
        await eventually(lambda: feed.view and dict(feed.view.cube.cells()) == truth)
        epoch = feed.epoch
        await server.stopped()
        await shell.serve(port=port)
        await eventually(lambda: feed.epoch != epoch)
        assert feed.view is not None
        await eventually(lambda: feed.view and dict(feed.view.cube.cells()) == truth)


async def _more_than(books: Ledger, orders: int) -> None:
    async with asyncio.timeout(20):
        while await books.count() <= orders:
            await asyncio.sleep(0.01)


async def _keep_ordering(session: aiohttp.ClientSession, acknowledged: set[UUID]) -> None:
    while True:
        order_id = new_order_id()
        order = {"order_id": str(order_id), "store": "uptown", "drink": "latte"}
        try:
            async with session.post("/api/orders", json=order) as response:
                body = await response.json(content_type=None)
        except (aiohttp.ClientError, ConnectionError):
            return
        if response.status == 201:
            assert body["order_id"] == str(order_id)
            acknowledged.add(order_id)
        else:
            assert response.status == 503


async def _until_goodbye(
    socket: aiohttp.ClientWebSocketResponse,
) -> tuple[float, int | None]:
    retry_after = 0.0
    async for message in socket:
        frame = json.loads(message.data)
        if frame["type"] == "goodbye":
            retry_after = frame["retry_after"]
    return retry_after, socket.close_code
