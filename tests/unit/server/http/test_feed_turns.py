"""Whoever answers orders is not behind all who write at the same moment."""

from __future__ import annotations

import asyncio
from itertools import groupby

import pytest

from coffeert.server.http import feed
from coffeert.server.http.feed import Turns

HUGE = 1 << 30  # which has a turn of its own


@pytest.mark.parametrize("at_once", [1, 2, 3])
async def test_others_go_on_between_turns(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "_WRITTEN_AT_ONCE", 100 * at_once)
    turns, log = Turns(), list[str]()
    woken = asyncio.Event()

    async def write(number: int) -> None:
        await woken.wait()
        await turns.wait(100)
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
    runs = [len(list(run)) for kind, run in groupby(log, lambda one: one != "answer") if kind]
    assert max(runs) == at_once


async def test_who_gives_up_holds_nobody_up() -> None:
    turns = Turns()
    await turns.wait(HUGE)
    gave_up = [asyncio.ensure_future(turns.wait(HUGE)) for _ in range(3)]
    await asyncio.sleep(0)
    for task in gave_up:
        task.cancel()
    async with asyncio.timeout(5):
        await turns.wait(HUGE)
        await turns.wait(1)
