"""A slow reader gets fewer events, and its view ends up the same."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coffeert.client.events import (
    Connecting,
    Disconnected,
    EventBuffer,
    FeedEvent,
    GapFound,
    ViewChanged,
    ViewReset,
)
from coffeert.domain.rollup_cube import WindowTotals
from coffeert.domain.rollups import CellKey, Totals
from coffeert.domain.view import Change, View
from tests.calendars import retention

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
RETENTION = retention(NOW)


def change(cells: dict[int, int]) -> Change:
    return Change(
        RETENTION,
        NOW,
        {
            CellKey("minute", RETENTION.as_of - 60 * ago, "uptown", "tea"): Totals(n, n, n)
            for ago, n in cells.items()
        },
    )


def changed(version: int, cells: dict[int, int]) -> ViewChanged:
    return ViewChanged(change(cells), version, float(version), WindowTotals())


def drain(buffer: EventBuffer) -> list[FeedEvent]:
    async def get_all() -> list[FeedEvent]:
        buffer.close()
        events = []
        while (event := await buffer.get()) is not None:
            events.append(event)
        return events

    return asyncio.run(get_all())


def test_events_are_returned_in_order() -> None:
    buffer = EventBuffer()
    events: list[FeedEvent] = [Connecting(1), changed(1, {0: 1}), GapFound(1, 3)]
    for event in events:
        buffer.put(event)
    assert drain(buffer) == events


def test_changes_merge_and_keep_when_the_first_arrived() -> None:
    buffer = EventBuffer()
    for event in (changed(4, {0: 1, 1: 1}), Disconnected("gone", 1.0), changed(5, {1: 2, 2: 2})):
        buffer.put(event)
    assert drain(buffer) == [
        Disconnected("gone", 1.0),
        ViewChanged(change({0: 1, 1: 2, 2: 2}), 5, 4.0, WindowTotals()),
    ]


def test_a_reset_replaces_pending_changes() -> None:
    buffer = EventBuffer()
    reset = ViewReset(change({0: 9}), "e", 6, WindowTotals())
    for event in (ViewReset(change({}), "d", 1, WindowTotals()), changed(5, {1: 1}), reset):
        buffer.put(event)
    assert drain(buffer) == [reset]


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.dictionaries(st.integers(0, 70), st.integers(0, 3), max_size=4), st.booleans())
    ),
    st.data(),
)
def test_whatever_the_reader_misses_its_view_ends_up_the_same(
    steps: list[tuple[dict[int, int], bool]], data: st.DataObject
) -> None:
    server, reader = View(change({})), View(change({}))
    buffer = EventBuffer()
    for version, (cells, reset) in enumerate(steps, 1):
        server.apply(change(cells))
        if reset:
            buffer.put(ViewReset(server.as_change(), "e", version, WindowTotals()))
        else:
            buffer.put(changed(version, cells))
        if data.draw(st.booleans()):
            for event in drain(buffer):
                reader = read(reader, event)
    for event in drain(buffer):
        reader = read(reader, event)
    assert dict(reader.cube.cells()) == dict(server.cube.cells())


def read(view: View, event: FeedEvent) -> View:
    if isinstance(event, ViewReset):
        return View(event.change)
    assert isinstance(event, ViewChanged)
    view.apply(event.change)
    return view


async def test_memory_is_bounded_without_a_reader() -> None:
    buffer = EventBuffer()
    for version in range(1_000):
        buffer.put(changed(version, {version % 60: version}))
        buffer.put(Connecting(version))
    first, second = await buffer.get(), await buffer.get()
    assert isinstance(first, ViewChanged)
    assert len(first.change.cells) == 60
    assert second == Connecting(999)


async def test_a_failure_reaches_the_reader_after_what_is_pending() -> None:
    buffer = EventBuffer()
    buffer.put(Connecting(1))
    buffer.close(RuntimeError("broken"))
    buffer.close()
    assert await buffer.get() == Connecting(1)
    with pytest.raises(RuntimeError, match="broken"):
        await buffer.get()
