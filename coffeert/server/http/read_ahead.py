"""Reading ahead: the next piece of a stream is made ready while the last one is being stored."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TypeVar

from coffeert.tasks import end

_T = TypeVar("_T")


async def one_ahead(pieces: AsyncGenerator[_T, None]) -> AsyncGenerator[_T, None]:
    """Give pieces in order, and have the next one fetched meanwhile, never more than that one.

    What fetching raises comes after the piece before. To be closed when left early, since only then
    what is being fetched is given up (`contextlib.aclosing`).
    """
    async with aclosing(pieces):
        ahead = asyncio.create_task(_next(pieces), name="read ahead")
        try:
            while fetched := await ahead:
                ahead = asyncio.create_task(_next(pieces), name="read ahead")
                yield fetched[0]
        finally:
            await end(ahead)
            if not ahead.cancelled():
                ahead.exception()  # nobody asks any more, and it is not to be reported as lost


async def _next(pieces: AsyncGenerator[_T, None]) -> tuple[_T] | None:
    try:
        return (await anext(pieces),)
    except StopAsyncIteration:  # which no task may raise
        return None
