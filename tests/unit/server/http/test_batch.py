"""Prefetching: order, bound, and what happens when either side ends early."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import pytest

from coffeert.server.http.batch import prefetch
from tests.waiting import eventually


class Source:
    """Gives numbers from 0; notes how many were asked for, and whether it was closed."""

    def __init__(self, count: int, error: Exception | None = None) -> None:
        self.asked = 0
        self.closed = False
        self.hold: asyncio.Event | None = None
        self._count = count
        self._error = error

    async def pieces(self) -> AsyncGenerator[int, None]:
        try:
            for number in range(self._count):
                self.asked += 1
                if self.hold is not None:
                    await self.hold.wait()
                yield number
            self.asked += 1
            if self._error is not None:
                raise self._error
        finally:
            self.closed = True


async def test_pieces_come_in_order_and_end() -> None:
    source = Source(4)
    assert [piece async for piece in prefetch(source.pieces())] == [0, 1, 2, 3]
    assert source.closed


async def test_the_next_piece_is_fetched_meanwhile_and_no_more_than_that() -> None:
    source = Source(10)
    async with aclosing(prefetch(source.pieces())) as ahead:
        for number in range(5):
            assert await anext(ahead) == number
            for _ in range(20):  # turns in which more could be fetched
                await asyncio.sleep(0)
            assert source.asked == number + 2
    assert source.closed


async def test_an_error_comes_after_the_pieces_before_it() -> None:
    async with aclosing(prefetch(Source(2, ValueError("broken")).pieces())) as ahead:
        for number in range(2):
            assert await anext(ahead) == number
            await asyncio.sleep(0)  # in which the error has happened already, at the second
        with pytest.raises(ValueError, match="broken"):
            await anext(ahead)


async def test_an_error_that_nobody_waits_for_any_more_is_not_reported_as_lost() -> None:
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    source = Source(1, ValueError("broken"))
    async with aclosing(prefetch(source.pieces())) as ahead:
        assert await anext(ahead) == 0
        await eventually(lambda: source.closed)
    gc.collect()
    assert told == []


async def test_what_is_being_fetched_is_given_up_by_who_leaves_early() -> None:
    source = Source(10)
    async with aclosing(prefetch(source.pieces())) as ahead:
        assert await anext(ahead) == 0
        await eventually(lambda: source.asked == 2)
        source.hold = asyncio.Event()
        assert await anext(ahead) == 1
        await eventually(lambda: source.asked == 3)
    assert source.closed
    assert {task.get_name() for task in asyncio.all_tasks()}.isdisjoint({"read ahead"})


async def test_who_is_cancelled_while_waiting_takes_the_fetching_along() -> None:
    source = Source(10)
    source.hold = asyncio.Event()

    async def consume() -> None:
        async with aclosing(prefetch(source.pieces())) as ahead:
            async for _ in ahead:
                pass

    task = asyncio.create_task(consume())
    await eventually(lambda: source.asked == 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert source.closed
    assert {one.get_name() for one in asyncio.all_tasks()}.isdisjoint({"read ahead"})
