"""A dashboard that waits finds a server wherever it is started meanwhile."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

from coffeert.client.events import Connected, Disconnected
from coffeert.tui.live_source import LiveSource
from coffeert.tui.model.server_address import ServerAddress
from tests.ports import free_port


async def test_it_asks_again_until_a_server_has_answered(server_url: str) -> None:
    nowhere, asked = f"http://127.0.0.1:{free_port()}", 0

    def find() -> str:
        nonlocal asked
        asked += 1
        return nowhere if asked <= 3 else server_url

    address = ServerAddress("http://127.0.0.1:1")
    source = LiveSource(address, None, find=find)
    lost = 0
    async with asyncio.timeout(60), aclosing(source.events()) as events:  # type: ignore[type-var]  # a generator
        async for event in events:
            if isinstance(event, Disconnected):
                lost += 1
                assert address.url == nowhere
            if isinstance(event, Connected):
                break
    assert lost == 3
    assert address.url == server_url
    assert asked == 4


async def test_a_given_url_is_the_one(server_url: str) -> None:
    address = ServerAddress(server_url)
    source = LiveSource(address, None)
    async with asyncio.timeout(60):
        async for event in source.events():
            if isinstance(event, Connected):
                break
    assert address.url == server_url
