"""Send the coffee orders with an aiohttp ClientSession, which keeps its connection."""

import asyncio
import sys

import aiohttp


async def main(url: str) -> None:
    """Post twice, post a batch, then ask for the menu."""
    order = {"store": "uptown", "drink": "latte", "quantity": 2}
    lines = '{"store":"uptown","drink":"latte","quantity":2}\n{"store":"uptown","drink":"mocha","quantity":1}\n'
    async with aiohttp.ClientSession() as session:
        for _ in range(2):
            async with session.post(url + "/api/orders", json=order) as reply:
                await reply.read()
        headers = {"Content-Type": "application/x-ndjson"}
        async with session.post(url + "/api/orders/batch", data=lines, headers=headers) as reply:
            await reply.read()
        async with session.get(url + "/api/menu") as reply:
            await reply.read()


asyncio.run(main(sys.argv[1]))
