"""Made-up orders are told from real ones, and taken back as a run; files may hold voids."""

from __future__ import annotations

import json

import pytest

from coffeert.client import OrderClient
from coffeert.domain.order_query import OrderQuery
from coffeert.domain.orders import Draft
from coffeert.domain.rollups import Totals
from tests.integration.inject.command import run


async def total(client: OrderClient) -> Totals:
    return (await client.dashboard()).view.totals.minute


@pytest.mark.long
async def test_a_run_is_taken_back_and_nothing_else_however_often(server_url: str) -> None:
    async with OrderClient(server_url) as client:
        await client.place(Draft("uptown", "tea", 2, source="till 1", receipt="7"))
        await client.place(Draft("uptown", "tea", source="inject"))
        real = await total(client)
        runs = []
        for _ in range(2):
            done = await run(
                *("inject", "--url", server_url, "--rate", "5000", "--count", "600", "--json"),
                *("--via", "batch"),
            )
            runs.append(done.report().run)
        assert runs[0] != runs[1]
        listed = await client.orders(OrderQuery(sources=("inject",), receipt=runs[0]))
        assert {order.source for order in listed.orders} == {"inject"}
        assert (await total(client)).orders == real.orders + 1200

        undo = ("inject", "--url", server_url, "--undo")
        first = await run(*undo, runs[0])
        assert (first.code, "Voided 600 made-up orders; 0 had" in first.out) == (0, True)
        again = await run(*undo, runs[0])
        assert (again.code, "Voided 0 made-up orders; 600 had" in again.out) == (0, True)
        assert (await total(client)).orders == real.orders + 600
        await run(*undo, runs[1])
        assert await total(client) == real

        unknown = await run(*undo, "7")
        assert (unknown.code, "no made-up orders of a run '7'" in unknown.err) == (2, True)
        assert await total(client) == real


@pytest.mark.long
async def test_a_file_may_void_orders_of_its_own_and_earlier_ones(server_url: str) -> None:
    async with OrderClient(server_url) as client:
        earlier = await client.place(Draft("central", "latte", 3))
        lines = [
            {"store": "uptown", "drink": "tea", "order_id": "A-1"},
            {"store": "uptown", "drink": "tea", "order_id": "A-2"},
            {"void": "A-1"},
            {"void": str(earlier.order.order_id)},
            {"store": "uptown", "drink": "latte", "order_id": "A-3"},
            {"void": "A-1"},
            {"void": "never-seen"},
            {"void": "A-2", "store": "uptown"},
        ]
        data = "\n".join(map(json.dumps, lines)).encode()
        for via in ("http", "ws", "batch"):
            done = await run("inject", "--url", server_url, "--file", "-", "--via", via, data=data)
            assert done.code == 1
            assert "rejected 1 " in done.out, done.out
            assert "bad rows 1" in done.out
            assert "line 7: " in done.err
            assert "line 8: a void names an order, and nothing else" in done.err
            assert (await total(client)).orders == 2
