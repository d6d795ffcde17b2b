"""Recording the session, and replaying the recording."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from coffeert.client.events import GapFound, ViewChanged
from coffeert.domain.orders import Draft
from coffeert.errors import ServerUnavailable
from coffeert.tui.app import CoffeertApp
from coffeert.tui.history.event_lines import event_of
from coffeert.tui.history.recorder import RecordingError
from coffeert.tui.history.replayer import Replayer, read
from coffeert.tui.model.session import Session
from coffeert.tui.model.window import RANGE
from tests.tui.conftest import Launch, screen_text, sell_for
from tests.tui.scripted import NOON, FakeClock

RUSH = Path(__file__).parents[2] / "docs" / "recordings" / "rush.ndjson.gz"


@pytest.mark.long
async def test_a_recording_replays_to_the_same_screen(launch: Launch, tmp_path: Path) -> None:
    path = tmp_path / "watched.ndjson"
    # What only a server knows is missing in both.
    async with launch((80, 24), opened=False) as s:
        s.archive.failing = ServerUnavailable("The server does not answer.")
        s.app.state.span = RANGE["15 min"]
        await s.open()
        await sell_for(s, 3)
        s.app.tab.recording.start(path)
        await sell_for(s, 5)
        await s.happen(GapFound(4, 6))
        await sell_for(s, 5)
        s.app.tab.recording.stop()
        await s.settle()
        recorded = s.text().splitlines()
        clock = s.clock
        totals = s.house.view.cube.totals()

    replayer = Replayer(path, speed=1000)
    app = CoffeertApp(replayer, None, url=replayer.server, clock=clock)
    app.state.span = RANGE["15 min"]
    async with app.run_test(size=(80, 24)) as pilot:
        while app.session.link.state != "stopped":
            await pilot.pause(0.01)
        assert app.session.link.reason == "The recording is over."
        assert app.session.view is not None
        assert app.session.view.cube.totals() == totals
        app.session.link.state = "up"
        app.dashboard.tick()
        await pilot.pause()
        app.dashboard.tick()
        await pilot.pause()
        replayed = screen_text(app).splitlines()
    # All but the bar, which says that this is no live server, is the same.
    assert [line for line in replayed if "earlier" not in line] == [
        line for line in recorded if "earlier" not in line
    ]


async def test_time_stands_still_when_a_recording_is_over(launch: Launch, tmp_path: Path) -> None:
    path = tmp_path / "watched.ndjson"
    async with launch() as s:
        s.app.tab.recording.start(path)
        await sell_for(s, 5)
        s.app.tab.recording.stop()
        last = s.clock.now()
    replayer = Replayer(path, speed=1000)
    app = CoffeertApp(replayer, None, url=replayer.server, clock=replayer.clock)
    app.session.replaying = True
    async with app.run_test(size=(120, 40)) as pilot:
        while app.session.link.state != "stopped":
            await pilot.pause(0.01)
        over = app.session.now()
        app.dashboard.tick()
        await pilot.pause()
        assert "replay over" in screen_text(app)
        assert app.session.now() == over
        assert over >= last


async def test_a_recording_lists_each_order_once_for_injection(
    launch: Launch, tmp_path: Path
) -> None:
    path = tmp_path / "watched.ndjson"
    async with launch() as s:
        s.app.tab.recording.start(path)
        changes = await sell_for(s, 6)
        recorder = s.app.tab.recording.stop()
        assert recorder is not None
        assert recorder.orders == 12
        assert recorder.missed == 0
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    orders = [row for row in rows if "coffeert" not in row]
    expected = [order for change in changes for order in change.change.recent]
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
    launch: Launch, tmp_path: Path
) -> None:
    async with launch() as s:
        s.app.tab.recording.start(tmp_path / "watched.ndjson")
        s.clock.pass_time(1)
        orders = [s.house.order(s.clock.now()) for _ in range(80)]
        sent = s.house.tell(s.clock.now(), orders)
        shown = type(sent.change)(
            sent.change.retention, sent.change.data_time, sent.change.cells, tuple(orders[:50])
        )
        await s.happen(ViewChanged(shown, sent.version, sent.received, sent.totals))
        recorder = s.app.tab.recording.stop()
        assert recorder is not None
        assert (recorder.orders, recorder.missed) == (50, 30)


async def test_what_a_new_connection_catches_up_on_is_not_taken_for_news(
    launch: Launch, tmp_path: Path
) -> None:
    # A server may begin with a picture that is a while old, and bring it up to date at once.
    async with launch(opened=False) as s:
        s.app.tab.recording.start(tmp_path / "watched.ndjson")
        hello, reset, _ = s.house.opening(NOON)
        s.clock.pass_time(3600)  # this machine's clock is wrong
        late = NOON + timedelta(seconds=50)
        change = s.house.sell(late, 90, s.clock.monotonic())
        await s.happen(hello, reset, change, s.house.beat(late, lag=0.0))
        assert s.app.session.orders_seen == 0
        assert s.app.session.now() == late
        assert s.app.session.arrivals.rate(late.timestamp()) == 0
        s.clock.pass_time(1)
        now = s.app.session.now()
        await s.happen(s.house.sell(now, 2, s.clock.monotonic()), s.house.beat(now))
        recorder = s.app.tab.recording.stop()
        assert recorder is not None
        assert (recorder.orders, recorder.missed) == (2, 0)
    times = [line.at for line in read(tmp_path / "watched.ndjson")]
    assert times == sorted(times)
    assert times[0] == late.timestamp()


async def test_a_recording_never_overwrites(launch: Launch, tmp_path: Path) -> None:
    path = tmp_path / "kept.txt"
    path.write_text("mine")
    async with launch() as s:
        with pytest.raises(RecordingError, match="exists already"):
            s.app.tab.recording.start(path)
    assert path.read_text() == "mine"


@pytest.mark.parametrize(
    "spoil", [lambda t: "", lambda t: "x" + t, lambda t: t.replace("recording", "x")]
)
def test_a_file_that_is_no_recording_is_refused_in_a_sentence(
    tmp_path: Path, spoil: Callable[[str], str]
) -> None:
    path = tmp_path / "spoiled.ndjson"
    path.write_text(spoil('{"coffeert":"recording","at":1.0,"format":2,"server":"x"}\n'))
    with pytest.raises(RecordingError):
        Replayer(path)


def test_a_recording_of_an_earlier_version_is_named(tmp_path: Path) -> None:
    path = tmp_path / "earlier.ndjson"
    path.write_text('{"coffeert":"recording","at":1.0,"format":1,"server":"x"}\n')
    with pytest.raises(RecordingError, match="has format 1; this version reads 2"):
        Replayer(path)


@pytest.mark.parametrize(("old", "new"), [('"calendar_of":{}', '"calendar_of":{"uptown":1}')])
async def test_a_recording_that_contradicts_itself_is_refused_in_a_sentence(
    tmp_path: Path, old: str, new: str
) -> None:
    path = tmp_path / "damaged.ndjson"
    text = gzip.decompress(RUSH.read_bytes()).decode()
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(RecordingError, match="contradicts itself"):
        async for _ in Replayer(path, speed=1e6).events():
            pass


def test_a_compressed_recording_is_the_same(tmp_path: Path) -> None:
    text = b'{"coffeert":"recording","at":1.0,"format":2,"server":"x"}\n'
    path = tmp_path / "r.ndjson.gz"
    path.write_bytes(gzip.compress(text))
    assert Replayer(path).server == "x"


@pytest.mark.parametrize(
    "spoil", [lambda b: b"no gzip", lambda b: b[:-9], lambda b: b[:20] + b"\xff" * 9 + b[29:]]
)
def test_what_is_not_a_whole_gzip_file_is_refused_in_a_sentence(
    tmp_path: Path, spoil: Callable[[bytes], bytes]
) -> None:
    text = b'{"coffeert":"recording","at":1.0,"format":2,"server":"x"}\n'
    path = tmp_path / "r.ndjson.gz"
    path.write_bytes(spoil(gzip.compress(text)))
    with pytest.raises(RecordingError, match="no whole gzip file"):
        list(read(path))


def test_the_recording_in_the_docs_can_be_read_and_adds_up() -> None:
    assert RUSH.stat().st_size < 200_000
    clock = FakeClock()
    session = Session(clock)
    for line in read(RUSH):
        event = event_of(line, clock.monotonic())
        if event is not None:
            session.apply(event)
            assert session.totals_match() in ("equal", "unknown")
    assert session.totals_match() == "equal"
    assert session.gaps == 0
    assert session.orders_seen > 200


async def test_a_recording_takes_no_orders(tmp_path: Path) -> None:
    path = tmp_path / "r.ndjson"
    path.write_text('{"coffeert":"recording","at":1.0,"format":2,"server":"x"}\n')
    with pytest.raises(Exception, match="takes no orders"):
        await Replayer(path).place(Draft("uptown", "tea"))
    assert len(list(read(path))) == 1
