"""Rewinding the session: the past as it was, while the present goes on."""

from __future__ import annotations

import os
from datetime import timedelta

import pytest

from coffeert.domain.rollups import Cells
from coffeert.tui.history.rewind_buffer import TAPE_BYTES, RewindBuffer
from coffeert.tui.model.filter import EVERYTHING
from coffeert.tui.model.ranges import RANGE
from coffeert.tui.model.session import Session
from coffeert.tui.screens import view_models as models
from tests.tui.conftest import StageMaker, sell_for
from tests.tui.scripted import FakeClock, House, lost


async def test_rewinding_shows_the_screen_as_it_was_and_end_is_live(stage: StageMaker) -> None:
    async with stage() as s:
        await sell_for(s, 20)
        before = s.app.board.scene().window
        assert before is not None
        then = s.clock.now()
        await sell_for(s, 30)
        await s.press(*["left_square_bracket"] * 3)
        assert "REWIND 30s ago" in s.text()
        assert f" {then:%H:%M:%S} " in s.text()
        rewound = s.app.board.scene().window
        assert rewound is not None
        assert rewound.sums == before.sums
        await s.press("right_square_bracket")
        assert "REWIND 20s ago" in s.text()
        await s.press("end")
        assert "LIVE" in s.text()
        live = s.app.board.scene().window
        assert live is not None
        start = s.house.view.cube.retention.as_of - 14 * 60
        assert live.sums.total == s.house.view.cube.total("minute", start)
        assert live.sums != before.sums


async def test_data_goes_on_while_rewound(stage: StageMaker) -> None:
    async with stage() as s:
        await sell_for(s, 15)
        await s.press("left_square_bracket")
        shown = s.app.board.scene().window
        await sell_for(s, 5)
        still = s.app.board.scene().window
        assert shown is not None
        assert still is not None
        assert still.sums == shown.sums
        await s.press("escape")
        assert s.app.board.session is s.app.session
        assert s.app.session.agreement() == "equal"


async def test_the_rate_of_the_past_is_that_of_then(stage: StageMaker) -> None:
    async with stage() as s:
        await sell_for(s, 40)  # two orders a second
        for step in range(10):
            moment = s.clock.now().timestamp() - 12 - step
            past = s.app.board.tape.session_at(moment)
            assert past is not None
            assert past.arrivals.rate(moment) == pytest.approx(2, abs=0.2)


async def test_looking_back_changes_nothing_of_what_is_live(stage: StageMaker) -> None:
    async with stage() as s:
        await sell_for(s, 30)
        await s.happen(lost())
        s.clock.pass_time(5)
        session, board = s.app.session, s.app.board
        slots = session.arrivals.starts(60, s.clock.now().timestamp())
        before = [session.arrivals.tally(slot, EVERYTHING) for slot in slots]
        outages = [(outage.start, outage.end) for outage in session.outages]
        for _ in range(3):
            assert board.scrub(-5)
        assert [session.arrivals.tally(slot, EVERYTHING) for slot in slots] == before
        assert [(outage.start, outage.end) for outage in session.outages] == outages
        assert any(before)


async def test_another_moments_past_is_not_compared_with(stage: StageMaker) -> None:
    async with stage() as s:
        board = s.app.board
        board.span = RANGE["1h"]
        while "1h" not in board.past:
            await s.pilot.pause(0.02)
        await sell_for(s, 90)
        while abs(board.past["1h"].moment - s.clock.now().timestamp()) > 20:
            await s.pilot.pause(0.02)
        live = board.scene().window
        assert live is not None
        assert live.previous is not None
        assert board.scrub(-80)  # what was fetched holds for 40 s, and may be 20 old
        then = board.scene().window
        assert then is not None
        assert then.previous is None
        assert "prev 1h not known" in {tile.against for tile in models.tiles(board, board.scene())}


def watched(seconds: int, limit: int = TAPE_BYTES) -> tuple[RewindBuffer, dict[float, Cells]]:
    """Return the tape of a session with an order a second, and what was to be seen of each second."""
    clock, house = FakeClock(), House()
    session = Session(clock)
    tape = RewindBuffer(session, limit)
    for event in house.opening():
        session.take(event)
        tape.hear(event)
    seen = {}
    for _ in range(seconds):
        clock.pass_time(1)
        for event in (house.beat(clock.now()), house.sell(clock.now(), 1)):
            session.take(event)
            tape.hear(event)
        assert session.view is not None
        seen[clock.now().timestamp()] = dict(session.view.cube.cells())
    return tape, seen


def test_the_tape_shows_every_second_as_it_was_and_stays_within_its_bounds() -> None:
    tape, seen = watched(400, limit=100_000)
    assert tape.size <= 100_000
    span = tape.span
    assert span is not None
    kept = [moment for moment in seen if moment >= span[0]]
    assert 60 <= len(kept) < 400
    for moment in kept[::7]:
        past = tape.session_at(moment)
        assert past is not None
        assert past.view is not None
        assert dict(past.view.cube.cells()) == seen[moment]
        assert past.agreement() == "equal"


def test_looking_into_the_oldest_chapter_of_a_full_tape_lets_nothing_go() -> None:
    tape, seen = watched(150)
    full, _ = watched(150, limit=tape.size)
    span = full.span
    assert span == tape.span
    for moment, cells in seen.items():  # the last of them is still collected, not written
        past = full.session_at(moment)
        assert past is not None
        assert past.view is not None
        assert dict(past.view.cube.cells()) == cells
    assert full.span == span


def test_what_the_disk_does_not_give_back_cannot_be_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    tape, seen = watched(150)
    monkeypatch.setattr(os, "pread", lambda *_: b"")
    assert tape.session_at(min(seen)) is None
    assert tape.session_at(max(seen)) is not None  # the newest chapter is still in memory


def test_the_tape_goes_on_reaching_as_far_back() -> None:
    clock, house = FakeClock(), House(orders=0)
    session = Session(clock)
    tape = RewindBuffer(session, limit=140_000)
    for event in house.opening():
        session.take(event)
        tape.hear(event)
    reaches = []
    for second in range(1500):
        clock.pass_time(1)
        for event in (house.sell(clock.now(), 1), house.beat(clock.now())):
            session.take(event)
            tape.hear(event)
        assert tape.size <= 140_000
        assert tape.span is not None
        if second % 60 == 59:
            reaches.append(tape.span[1] - tape.span[0])
    full = reaches[8:]  # since chapters have to go
    assert max(full) - min(full) <= 60
    assert min(full) >= 120


def test_what_was_before_the_server_began_anew_is_still_what_it_was() -> None:
    clock = FakeClock()
    session = Session(clock)
    tape = RewindBuffer(session)
    seen = {}
    for seed in (1, 2):  # another history, of which no bucket need be the same
        clock.pass_time(1)
        house = House(seed, now=clock.now())
        for event in house.opening(clock.now()):
            session.take(event)
            tape.hear(event)
        for _ in range(150):
            clock.pass_time(1)
            for event in (house.sell(clock.now(), 1), house.beat(clock.now())):
                session.take(event)
                tape.hear(event)
            assert session.view is not None
            seen[clock.now().timestamp()] = dict(session.view.cube.cells())
    for moment, cells in seen.items():
        past = tape.session_at(moment)
        assert past is not None
        assert past.view is not None
        assert dict(past.view.cube.cells()) == cells


async def test_a_lost_connection_can_be_seen_in_the_past(stage: StageMaker) -> None:
    async with stage() as s:
        await sell_for(s, 12)
        await s.happen(lost())
        s.clock.pass_time(20)
        await s.open()
        await sell_for(s, 3)
        moment = (s.clock.now() - timedelta(seconds=15)).timestamp()
        past = s.app.board.tape.session_at(moment)
        assert past is not None
        assert past.link.state == "waiting"
