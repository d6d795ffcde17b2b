"""Whoever answers orders is not behind all who write at the same moment."""

from __future__ import annotations

import asyncio
from itertools import pairwise

from coffeert.server.http.feed import Turns


async def test_others_go_on_between_two_turns() -> None:
    turns, log = Turns(), list[str]()
    woken = asyncio.Event()

    async def write(number: int) -> None:
        await woken.wait()
        await turns.wait()
        log.append(f"write {number}")

    async def answer() -> None:
        while len(log) < 30:
            log.append("answer")
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        for number in range(10):
            group.create_task(write(number))
        await asyncio.sleep(0)
        woken.set()
        group.create_task(answer())
    written = [one for one in log if one != "answer"]
    assert written == [f"write {number}" for number in range(10)]
    places = [index for index, one in enumerate(log) if one != "answer"]
    assert all("answer" in log[a:b] for a, b in pairwise(places))


async def test_who_gives_up_holds_nobody_up() -> None:
    turns = Turns()
    gave_up = [asyncio.ensure_future(turns.wait()) for _ in range(3)]
    await asyncio.sleep(0)
    for task in gave_up:
        task.cancel()
    async with asyncio.timeout(5):
        await turns.wait()
