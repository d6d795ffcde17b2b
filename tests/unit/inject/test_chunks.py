"""Rows read in a thread reach the event loop at once, and the thread never keeps it."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Iterator

import pytest

from coffeert.errors import ConfigError
from coffeert.inject.chunks import from_thread
from coffeert.inject.report import OutcomeRecorder
from coffeert.inject.rows import BadRow
from coffeert.inject.scheduled_order import ScheduledOrder
from tests.waiting import eventually


class LiveRows:
    """Rows that come when the test says."""

    def __init__(self) -> None:
        self.coming: queue.Queue[ScheduledOrder | BadRow | None] = queue.Queue()

    def ready(self) -> bool:
        return not self.coming.empty()

    def rows(self) -> Iterator[ScheduledOrder | BadRow]:
        while (row := self.coming.get()) is not None:
            yield row


async def test_a_live_row_is_not_held_back_for_others() -> None:
    live = LiveRows()
    chunks = from_thread(live.rows(), live.ready, OutcomeRecorder())
    live.coming.put(ScheduledOrder(b"1", None))
    assert await anext(chunks) == [ScheduledOrder(b"1", None)]
    for body in (b"2", b"3"):
        live.coming.put(ScheduledOrder(body, None))
    live.coming.put(None)
    rest = [shot.body async for chunk in chunks for shot in chunk]
    assert rest == [b"2", b"3"]


async def test_bad_rows_go_to_the_recorder() -> None:
    recorder = OutcomeRecorder()
    rows: list[ScheduledOrder | BadRow] = [
        ScheduledOrder(b"1", None),
        BadRow(3, "is torn"),
        ScheduledOrder(b"2", None),
    ]
    chunks = from_thread(iter(rows), lambda: True, recorder)
    assert [shot.body async for chunk in chunks for shot in chunk] == [b"1", b"2"]
    assert recorder.bad_rows == 1
    assert recorder.errors[0].line == 3


async def test_what_breaks_the_reading_is_raised_here() -> None:
    def broken() -> Iterator[ScheduledOrder | BadRow]:
        yield ScheduledOrder(b"1", None)
        raise ConfigError("The file is torn.")

    chunks = from_thread(broken(), lambda: False, OutcomeRecorder())
    assert len(await anext(chunks)) == 1
    with pytest.raises(ConfigError, match="torn"):
        await anext(chunks)


def test_an_event_loop_ends_though_the_thread_still_has_rows() -> None:
    def endless() -> Iterator[ScheduledOrder | BadRow]:
        while True:
            yield ScheduledOrder(b"1", None)

    async def take_one() -> None:
        chunks = from_thread(endless(), lambda: True, OutcomeRecorder())
        await anext(chunks)
        await chunks.aclose()

    asyncio.run(take_one())
    asyncio.run(eventually(lambda: "rows" not in {t.name for t in threading.enumerate()}))
