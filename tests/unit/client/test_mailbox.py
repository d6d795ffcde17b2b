"""A slow reader gets less often told, and is told everything that counts."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coffeert.client.event_buffer import EventBuffer
from coffeert.client.events import (
    Connecting,
    Disconnected,
    FeedEvent,
    GapFound,
    ViewChanged,
    ViewReset,
)
from coffeert.domain.rollups import CellKey, RetentionWindow, Totals, WindowTotals
from coffeert.domain.view import Change, View

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
RETENTION = RetentionWindow.at(NOW, UTC)


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


def drain(mailbox: EventBuffer) -> list[FeedEvent]:
    async def take_all() -> list[FeedEvent]:
        mailbox.close()
        events = []
        while (event := await mailbox.take()) is not None:
            events.append(event)
        return events

    return asyncio.run(take_all())


def test_events_come_in_order() -> None:
    mailbox = EventBuffer()
    events: list[FeedEvent] = [Connecting(1), changed(1, {0: 1}), GapFound(1, 3)]
    for event in events:
        mailbox.put(event)
    assert drain(mailbox) == events


def test_changes_merge_and_keep_when_the_first_came() -> None:
    mailbox = EventBuffer()
    for event in (changed(4, {0: 1, 1: 1}), Disconnected("gone", 1.0), changed(5, {1: 2, 2: 2})):
        mailbox.put(event)
    assert drain(mailbox) == [
        Disconnected("gone", 1.0),
        ViewChanged(change({0: 1, 1: 2, 2: 2}), 5, 4.0, WindowTotals()),
    ]


def test_a_reset_makes_what_is_pending_moot() -> None:
    mailbox = EventBuffer()
    reset = ViewReset(change({0: 9}), "e", 6, WindowTotals())
    for event in (ViewReset(change({}), "d", 1, WindowTotals()), changed(5, {1: 1}), reset):
        mailbox.put(event)
    assert drain(mailbox) == [reset]


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
    told, reader = View(change({})), View(change({}))
    mailbox = EventBuffer()
    for version, (cells, reset) in enumerate(steps, 1):
        told.apply(change(cells))
        if reset:
            mailbox.put(ViewReset(told.as_change(), "e", version, WindowTotals()))
        else:
            mailbox.put(changed(version, cells))
        if data.draw(st.booleans()):
            for event in drain(mailbox):
                reader = read(reader, event)
    for event in drain(mailbox):
        reader = read(reader, event)
    assert dict(reader.cube.cells()) == dict(told.cube.cells())


def read(view: View, event: FeedEvent) -> View:
    if isinstance(event, ViewReset):
        return View(event.change)
    assert isinstance(event, ViewChanged)
    view.apply(event.change)
    return view


async def test_memory_is_bounded_however_long_nobody_reads() -> None:
    mailbox = EventBuffer()
    for version in range(1_000):
        mailbox.put(changed(version, {version % 60: version}))
        mailbox.put(Connecting(version))
    first, second = await mailbox.take(), await mailbox.take()
    assert isinstance(first, ViewChanged)
    assert len(first.change.cells) == 60
    assert second == Connecting(999)


async def test_a_failure_reaches_the_reader_after_what_is_pending() -> None:
    mailbox = EventBuffer()
    mailbox.put(Connecting(1))
    mailbox.close(RuntimeError("broken"))
    mailbox.close()
    assert await mailbox.take() == Connecting(1)
    with pytest.raises(RuntimeError, match="broken"):
        await mailbox.take()
