"""Rewinding the session: the past as it was, while the present goes on."""

from __future__ import annotations

import os
from datetime import timedelta

import pytest

from coffeert.domain.rollups import Cells
from coffeert.tui.history.rewind_buffer import MAX_BUFFER_BYTES, RewindBuffer
from coffeert.tui.model.filter import EVERYTHING
from coffeert.tui.model.session import Session
from coffeert.tui.model.window import RANGE
from coffeert.tui.screens import view_models as models
from tests.tui.conftest import Launch, sell_for
from tests.tui.scripted import FakeClock, House, lost


@pytest.mark.long
async def test_rewinding_shows_the_screen_as_it_was_and_end_is_live(
    launch: Launch,
) -> None:
    async with launch() as s:
        await sell_for(s, 20)
        before = s.app.state.frame_context().window
        assert before is not None
        then = s.clock.now()
        await sell_for(s, 30)
        await s.press(*["left_square_bracket"] * 3)
        assert "○ 30 s ago" in s.text()
        assert f" {then:%H:%M:%S} " in s.text()
        rewound = s.app.state.frame_context().window
        assert rewound is not None
        assert rewound.sums == before.sums
        await s.press("right_square_bracket")
        assert "○ 20 s ago" in s.text()
        await s.press("end")
        assert "LIVE" in s.text()
        live = s.app.state.frame_context().window
        assert live is not None
        start = s.house.view.cube.retention.as_of - 14 * 60
        assert live.sums.total == s.house.view.cube.total("minute", start)
        assert live.sums != before.sums


async def test_data_goes_on_while_rewound(launch: Launch) -> None:
    async with launch() as s:
        await sell_for(s, 15)
        await s.press("left_square_bracket")
        shown = s.app.state.frame_context().window
        await sell_for(s, 5)
        still = s.app.state.frame_context().window
        assert shown is not None
        assert still is not None
        assert still.sums == shown.sums
        await s.press("escape")
        assert s.app.state.session is s.app.session
        assert s.app.session.totals_match() == "equal"


async def test_the_rate_of_the_past_is_that_of_then(launch: Launch) -> None:
    async with launch() as s:
        await sell_for(s, 40)  # two orders a second
        for step in range(10):
            moment = s.clock.now().timestamp() - 12 - step
            past = s.app.state.rewind_buffer.session_at(moment)
            assert past is not None
            assert past.arrivals.rate(moment) == pytest.approx(2, abs=0.2)


async def test_looking_back_changes_nothing_of_what_is_live(launch: Launch) -> None:
    async with launch() as s:
        await sell_for(s, 30)
        await s.happen(lost())
        s.clock.pass_time(5)
        session, state = s.app.session, s.app.state
        slots = session.arrivals.starts(60, s.clock.now().timestamp())
        before = [session.arrivals.totals(slot, EVERYTHING) for slot in slots]
        outages = [(outage.start, outage.end) for outage in session.outages]
        for _ in range(3):
            assert state.seek(-5)
        assert [session.arrivals.totals(slot, EVERYTHING) for slot in slots] == before
        assert [(outage.start, outage.end) for outage in session.outages] == outages
        assert any(before)


@pytest.mark.long
async def test_another_moments_past_is_not_compared_with(launch: Launch) -> None:
    async with launch() as s:
        state = s.app.state
        state.span = RANGE["1h"]
        while "1h" not in state.comparisons:
            await s.pilot.pause(0.02)
        await sell_for(s, 90)
        while abs(state.comparisons["1h"].moment - s.clock.now().timestamp()) > 20:
            await s.pilot.pause(0.02)
        live = state.frame_context().window
        assert live is not None
        assert live.previous is not None
        assert state.seek(-80)  # what was fetched holds for 40 s, and may be 20 old
        then = state.frame_context().window
        assert then is not None
        assert then.previous is None
        assert "prev 1h not known" in {
            tile.against for tile in models.tiles(state, state.frame_context())
        }


def watched(
    seconds: int, max_bytes: int = MAX_BUFFER_BYTES
) -> tuple[RewindBuffer, dict[float, Cells]]:
    """Return the buffer of a session with an order a second, and the cells of each second."""
    clock, house = FakeClock(), House()
    session = Session(clock)
    rewind_buffer = RewindBuffer(session, max_bytes)
    for event in house.opening():
        session.apply(event)
        rewind_buffer.record(event)
    seen = {}
    for _ in range(seconds):
        clock.pass_time(1)
        for event in (house.beat(clock.now()), house.sell(clock.now(), 1)):
            session.apply(event)
            rewind_buffer.record(event)
        assert session.view is not None
        seen[clock.now().timestamp()] = dict(session.view.cube.cells())
    return rewind_buffer, seen


@pytest.mark.long
def test_every_second_is_shown_as_it_was_within_the_bound_of_memory() -> None:
    rewind_buffer, seen = watched(400, max_bytes=100_000)
    assert rewind_buffer.size <= 100_000
    span = rewind_buffer.span
    assert span is not None
    kept = [moment for moment in seen if moment >= span[0]]
    assert 60 <= len(kept) < 400
    for moment in kept[::7]:
        past = rewind_buffer.session_at(moment)
        assert past is not None
        assert past.view is not None
        assert dict(past.view.cube.cells()) == seen[moment]
        assert past.totals_match() == "equal"


@pytest.mark.long
def test_looking_into_the_oldest_segment_of_a_full_buffer_drops_nothing() -> None:
    rewind_buffer, seen = watched(150)
    full, _ = watched(150, max_bytes=rewind_buffer.size)
    span = full.span
    assert span == rewind_buffer.span
    for moment, cells in seen.items():  # the last of them is still collected, not written
        past = full.session_at(moment)
        assert past is not None
        assert past.view is not None
        assert dict(past.view.cube.cells()) == cells
    assert full.span == span


def test_what_the_disk_does_not_return_cannot_be_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    rewind_buffer, seen = watched(150)
    monkeypatch.setattr(os, "pread", lambda *_: b"")
    assert rewind_buffer.session_at(min(seen)) is None
    assert rewind_buffer.session_at(max(seen)) is not None  # the newest segment is still in memory


def test_a_full_buffer_goes_on_reaching_as_far_back() -> None:
    clock, house = FakeClock(), House(orders=0)
    session = Session(clock)
    rewind_buffer = RewindBuffer(session, max_bytes=140_000)
    for event in house.opening():
        session.apply(event)
        rewind_buffer.record(event)
    reaches = []
    for second in range(1500):
        clock.pass_time(1)
        for event in (house.sell(clock.now(), 1), house.beat(clock.now())):
            session.apply(event)
            rewind_buffer.record(event)
        assert rewind_buffer.size <= 140_000
        assert rewind_buffer.span is not None
        if second % 60 == 59:
            reaches.append(rewind_buffer.span[1] - rewind_buffer.span[0])
    full = reaches[8:]  # since segments are dropped
    assert max(full) - min(full) <= 60
    assert min(full) >= 120


@pytest.mark.long
def test_what_was_before_a_new_lineage_stays_as_it_was() -> None:
    clock = FakeClock()
    session = Session(clock)
    rewind_buffer = RewindBuffer(session)
    seen = {}
    for seed in (1, 2):  # another history, of which no bucket need be the same
        clock.pass_time(1)
        house = House(seed, now=clock.now())
        for event in house.opening(clock.now()):
            session.apply(event)
            rewind_buffer.record(event)
        for _ in range(150):
            clock.pass_time(1)
            for event in (house.sell(clock.now(), 1), house.beat(clock.now())):
                session.apply(event)
                rewind_buffer.record(event)
            assert session.view is not None
            seen[clock.now().timestamp()] = dict(session.view.cube.cells())
    for moment, cells in seen.items():
        past = rewind_buffer.session_at(moment)
        assert past is not None
        assert past.view is not None
        assert dict(past.view.cube.cells()) == cells


async def test_a_lost_connection_can_be_seen_in_the_past(launch: Launch) -> None:
    async with launch() as s:
        await sell_for(s, 12)
        await s.happen(lost())
        s.clock.pass_time(20)
        await s.open()
        await sell_for(s, 3)
        moment = (s.clock.now() - timedelta(seconds=15)).timestamp()
        past = s.app.state.rewind_buffer.session_at(moment)
        assert past is not None
        assert past.link.state == "waiting"
