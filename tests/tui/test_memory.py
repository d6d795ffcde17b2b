"""Rewinding the session, recording it, and replaying the recording."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from coffeert.client.events import Connected, GapFound, ViewChanged
from coffeert.order import Draft
from coffeert.tui.app import CoffeertApp
from coffeert.tui.memory.lines import event_of
from coffeert.tui.memory.player import Player, read
from coffeert.tui.memory.recorder import RecordingError
from coffeert.tui.memory.tape import Tape
from coffeert.tui.present import models
from coffeert.tui.present.filter import EVERYTHING
from coffeert.tui.present.ranges import RANGE
from coffeert.tui.session import Session
from tests.tui.conftest import Stage, StageMaker, screen_text
from tests.tui.scripted import NOON, FakeClock, House, lost


async def sell_for(s: Stage, seconds: int) -> list[ViewChanged]:
    """Let a second of business pass, so many times."""
    told = []
    for _ in range(seconds):
        s.clock.pass_time(1)
        change = s.house.sell(s.clock.now(), 2, s.clock.monotonic())
        told.append(change)
        s.feed.put(change, s.house.beat(s.clock.now()))
        while not s.feed.drained:
            await s.pilot.pause()
    await s.settle()
    return told


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
        start = s.house.view.picture.horizon.as_of - 14 * 60
        assert live.sums.total == s.house.view.picture.total("minute", start)
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
        assert board.scrub(-60)
        then = board.scene().window
        assert then is not None
        assert then.previous is None
        assert "prev 1h not known" in {tile.against for tile in models.tiles(board, board.scene())}


def test_the_tape_shows_every_second_as_it_was_and_stays_within_its_bounds() -> None:
    clock, house = FakeClock(), House()
    session = Session(clock)
    tape = Tape(session, limit=500_000)
    for event in house.opening():
        session.take(event)
        tape.hear(event)
    seen = {}
    for _ in range(400):
        clock.pass_time(1)
        for event in (house.sell(clock.now(), 1), house.beat(clock.now())):
            session.take(event)
            tape.hear(event)
        assert session.view is not None
        seen[clock.now().timestamp()] = session.view.picture.totals()
    assert tape.size <= 500_000
    span = tape.span
    assert span is not None
    kept = [moment for moment in seen if moment >= span[0]]
    assert 60 <= len(kept) < 400
    for moment in kept[::7]:
        past = tape.session_at(moment)
        assert past is not None
        assert past.view is not None
        assert past.view.picture.totals() == seen[moment]
        assert past.agreement() == "equal"


async def test_a_recording_replays_to_the_same_screen(stage: StageMaker, tmp_path: Path) -> None:
    path = tmp_path / "watched.ndjson"
    async with stage() as s:
        await sell_for(s, 3)
        s.app.start_recording(path)
        await sell_for(s, 5)
        await s.happen(GapFound(4, 6))
        await sell_for(s, 5)
        s.app.stop_recording()
        await s.settle()
        recorded = s.text().splitlines()
        clock = s.clock
        totals = s.house.view.picture.totals()

    player = Player(path, speed=1000)
    app = CoffeertApp(player, None, url=player.server, clock=clock)
    async with app.run_test(size=(120, 40)) as pilot:
        while app.session.link.state != "stopped":
            await pilot.pause(0.01)
        assert app.session.link.reason == "The recording is over."
        assert app.session.view is not None
        assert app.session.view.picture.totals() == totals
        app.session.link.state = "up"
        app.refresh_dashboard()
        await pilot.pause()
        app.refresh_dashboard()
        await pilot.pause()
        replayed = screen_text(app).splitlines()
    # All but the bar, which tells how far back the memory reaches, is the same.
    assert [line for line in replayed if "rewind" not in line] == [
        line for line in recorded if "rewind" not in line
    ]


async def test_time_stands_still_when_a_recording_is_over(
    stage: StageMaker, tmp_path: Path
) -> None:
    path = tmp_path / "watched.ndjson"
    async with stage() as s:
        s.app.start_recording(path)
        await sell_for(s, 5)
        s.app.stop_recording()
        last = s.clock.now()
    player = Player(path, speed=1000)
    app = CoffeertApp(player, None, url=player.server, clock=player.clock)
    app.session.replaying = True
    async with app.run_test(size=(120, 40)) as pilot:
        while app.session.link.state != "stopped":
            await pilot.pause(0.01)
        over = app.session.now()
        app.refresh_dashboard()
        await pilot.pause()
        assert "REPLAY over" in screen_text(app)
        assert app.session.now() == over
        assert over >= last


async def test_a_recording_lists_each_order_once_for_injection(
    stage: StageMaker, tmp_path: Path
) -> None:
    path = tmp_path / "watched.ndjson"
    async with stage() as s:
        s.app.start_recording(path)
        told = await sell_for(s, 6)
        recorder = s.app.stop_recording()
        assert recorder is not None
        assert recorder.orders == 12
        assert recorder.missed == 0
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    orders = [row for row in rows if "coffeert" not in row]
    expected = [order for change in told for order in change.change.recent]
    assert {row["order_id"] for row in orders} == {str(order.order_id) for order in expected}
    assert len(orders) == len(expected)
    for row in orders:
        order = next(o for o in expected if str(o.order_id) == row["order_id"])
        assert (row["store"], row["drink"], row["quantity"]) == (
            order.store,
            order.drink,
            order.quantity,
        )


async def test_orders_the_frames_did_not_list_are_counted_as_missing(
    stage: StageMaker, tmp_path: Path
) -> None:
    async with stage() as s:
        s.app.start_recording(tmp_path / "watched.ndjson")
        s.clock.pass_time(1)
        orders = [s.house.order(s.clock.now()) for _ in range(80)]
        told = s.house.tell(s.clock.now(), orders)
        shown = type(told.change)(
            told.change.horizon, told.change.data_time, told.change.cells, tuple(orders[:50])
        )
        await s.happen(ViewChanged(shown, told.version, told.received, told.totals))
        recorder = s.app.stop_recording()
        assert recorder is not None
        assert (recorder.orders, recorder.missed) == (50, 30)


async def test_what_a_new_connection_catches_up_on_is_not_taken_for_news(
    stage: StageMaker, tmp_path: Path
) -> None:
    # A server may begin with a picture that is a while old, and bring it up to date at once.
    async with stage(opened=False) as s:
        s.app.start_recording(tmp_path / "watched.ndjson")
        hello, reset, _ = s.house.opening(NOON)
        s.clock.pass_time(3600)  # this machine's clock is wrong
        late = NOON + timedelta(seconds=50)
        change = s.house.sell(late, 90, s.clock.monotonic())
        await s.happen(hello, reset, change, s.house.beat(late, lag=0.0))
        assert s.app.session.orders_seen == 0
        assert s.app.session.now() == late
        assert s.app.session.arrivals.rate(late.timestamp()) == 0
        span = s.app.board.tape.span
        assert span is not None
        assert span[0] == late.timestamp()
        s.clock.pass_time(1)
        now = s.app.session.now()
        await s.happen(s.house.sell(now, 2, s.clock.monotonic()), s.house.beat(now))
        recorder = s.app.stop_recording()
        assert recorder is not None
        assert (recorder.orders, recorder.missed) == (2, 0)
    times = [line.at for line in read(tmp_path / "watched.ndjson")]
    assert times == sorted(times)
    assert times[0] == late.timestamp()


async def test_catching_up_after_an_outage_is_no_rate(stage: StageMaker) -> None:
    async with stage() as s:
        await sell_for(s, 10)
        await s.happen(lost())
        s.clock.pass_time(20)
        now = s.clock.now()
        hello = Connected(s.house.hello(), resumed=True)
        await s.happen(hello, s.house.sell(now, 200, s.clock.monotonic()), s.house.beat(now))
        assert s.app.session.arrivals.rate(now.timestamp()) is None
        await sell_for(s, 15)
        rate = s.app.session.arrivals.rate(s.app.session.now().timestamp())
        assert rate is not None
        assert rate < 5


async def test_a_recording_never_overwrites(stage: StageMaker, tmp_path: Path) -> None:
    path = tmp_path / "kept.txt"
    path.write_text("mine")
    async with stage() as s:
        with pytest.raises(RecordingError, match="exists already"):
            s.app.start_recording(path)
    assert path.read_text() == "mine"


@pytest.mark.parametrize(
    "spoil", [lambda t: "", lambda t: "x" + t, lambda t: t.replace("recording", "x")]
)
def test_a_file_that_is_no_recording_is_refused_in_a_sentence(
    tmp_path: Path, spoil: Callable[[str], str]
) -> None:
    path = tmp_path / "spoiled.ndjson"
    path.write_text(spoil('{"coffeert":"recording","at":1.0,"format":1,"server":"x"}\n'))
    with pytest.raises(RecordingError):
        Player(path)


def test_a_compressed_recording_is_the_same(tmp_path: Path) -> None:
    text = b'{"coffeert":"recording","at":1.0,"format":1,"server":"x"}\n'
    path = tmp_path / "r.ndjson.gz"
    path.write_bytes(gzip.compress(text))
    assert Player(path).server == "x"


@pytest.mark.parametrize(
    "spoil", [lambda b: b"no gzip", lambda b: b[:-9], lambda b: b[:20] + b"\xff" * 9 + b[29:]]
)
def test_what_is_not_a_whole_gzip_file_is_refused_in_a_sentence(
    tmp_path: Path, spoil: Callable[[bytes], bytes]
) -> None:
    text = b'{"coffeert":"recording","at":1.0,"format":1,"server":"x"}\n'
    path = tmp_path / "r.ndjson.gz"
    path.write_bytes(spoil(gzip.compress(text)))
    with pytest.raises(RecordingError, match="no whole gzip file"):
        list(read(path))


def test_the_recording_in_the_docs_can_be_read_and_adds_up() -> None:
    path = Path(__file__).parents[2] / "docs" / "recordings" / "rush.ndjson.gz"
    assert path.stat().st_size < 200_000
    clock = FakeClock()
    session = Session(clock)
    for line in read(path):
        event = event_of(line, clock.monotonic())
        if event is not None:
            session.take(event)
            assert session.agreement() in ("equal", "unknown")
    assert session.agreement() == "equal"
    assert session.gaps == 0
    assert session.orders_seen > 200


async def test_a_recording_takes_no_orders(tmp_path: Path) -> None:
    path = tmp_path / "r.ndjson"
    path.write_text('{"coffeert":"recording","at":1.0,"format":1,"server":"x"}\n')
    with pytest.raises(Exception, match="takes no orders"):
        await Player(path).place(Draft("uptown", "tea"))
    assert len(list(read(path))) == 1


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
