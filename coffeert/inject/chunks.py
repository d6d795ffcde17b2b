"""Shots in chunks for the event loop: from memory, or from a thread that may wait for a stream."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from itertools import islice

from coffeert.inject.report import OutcomeRecorder
from coffeert.inject.rows import BadRow
from coffeert.inject.scheduled_order import ScheduledOrder

_CHUNK = 256
_CHUNKS_AHEAD = 4

Chunk = list[ScheduledOrder | BadRow]


async def in_memory(shots: Iterator[ScheduledOrder]) -> AsyncIterator[list[ScheduledOrder]]:
    """Give shots that cost nothing to wait for."""
    while chunk := list(islice(shots, _CHUNK)):
        yield chunk


async def from_thread(
    shots: Iterator[ScheduledOrder | BadRow], ready: Callable[[], bool], recorder: OutcomeRecorder
) -> AsyncGenerator[list[ScheduledOrder], None]:
    """Give shots as they are read; bad rows go to the recorder.

    `ready` tells whether the next shot is at hand, so a live stream's order is not held back until a
    chunk is full. The thread is a daemon: one that waits for a terminal must not keep us from ending.
    """
    loop = asyncio.get_running_loop()
    read: asyncio.Queue[Chunk | Exception] = asyncio.Queue()
    room = threading.Semaphore(_CHUNKS_AHEAD)
    abandoned = threading.Event()

    def read_all() -> None:
        for item in _chunks(shots, ready):
            room.acquire()
            if abandoned.is_set():
                return
            loop.call_soon_threadsafe(read.put_nowait, item)

    threading.Thread(target=read_all, name="rows", daemon=True).start()
    try:
        while item := await read.get():
            room.release()
            if isinstance(item, Exception):
                raise item
            yield [shot for shot in item if isinstance(shot, ScheduledOrder)]
            for row in item:
                if isinstance(row, BadRow):
                    recorder.bad_row(row.line, row.reason)
    finally:
        abandoned.set()
        room.release()


def _chunks(
    shots: Iterator[ScheduledOrder | BadRow], ready: Callable[[], bool]
) -> Iterator[Chunk | Exception]:
    """Give chunks, an empty one at the end, or what broke the reading off."""
    try:
        while chunk := _next_chunk(shots, ready):
            yield chunk
        yield []
    except Exception as error:  # noqa: BLE001 (raised again where the chunks are awaited)
        yield error


def _next_chunk(shots: Iterator[ScheduledOrder | BadRow], ready: Callable[[], bool]) -> Chunk:
    chunk = list(islice(shots, 1))
    while chunk and len(chunk) < _CHUNK and ready():
        more = next(shots, None)
        if more is None:
            break
        chunk.append(more)
    return chunk
