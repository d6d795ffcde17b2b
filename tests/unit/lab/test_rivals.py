"""The rivals' counts and loads, with a rival that counts at once, late, or never."""

from __future__ import annotations

import asyncio
import os
import threading
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from coffeert.errors import ConfigError
from coffeert.lab.resource_usage import describe_machine
from coffeert.lab.rivals.counts import CountReader, Counts, count_reader
from coffeert.lab.rivals.flink import FlinkRival, LogSender
from coffeert.lab.rivals.load import backlog_ended, closed_loop, make_orders, open_loop
from coffeert.lab.rivals.measure import TINY, measure_rival
from coffeert.lab.rivals.programs.cell_table import CellTable
from coffeert.lab.rivals.results import (
    KillOutcome,
    LateOutcome,
    RivalResult,
    RivalResults,
    render_rivals,
)
from coffeert.lab.rivals.runner import RIVALS, select_rivals


class Counting:
    """Acknowledges every order, and has counted it after some polls."""

    def __init__(self, reader: CountReader, *, polls: int = 0) -> None:
        self.acknowledged = 0
        self._reader = reader
        self._polls = polls
        self._waiting: list[int] = []

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    def send(self, order: bytes) -> None:
        self.acknowledged += 1
        self._waiting.append(self._polls)

    def poll(self) -> None:
        counted = sum(left <= 0 for left in self._waiting)
        self._waiting = [left - 1 for left in self._waiting if left > 0]
        total = min(self._reader.latest) + counted
        self._reader.note(Counts(total, total, total))


async def test_lines_of_counts_have_the_time_at_which_they_came() -> None:
    async with count_reader() as reader:
        _, writer = await asyncio.open_connection("127.0.0.1", reader.port)
        writer.write(b"1 2 3\n2 3")
        assert await reader.reached(1, 5.0)
        assert reader.latest == Counts(1, 2, 3)
        writer.write(b" 4\n")
        assert await reader.reached(2, 5.0)
        first, second = reader.moment(1), reader.moment(2)
        assert first is not None
        assert second is not None
        assert first <= second
        assert reader.moment(3) is None
        writer.close()


def test_after_a_kill_counting_goes_on_at_the_end_of_the_longest_pause(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reader = CountReader()
    assert reader.longest_pause_end(0.0) is None
    for counted, moment in enumerate((1.0, 5.0, 5.1, 7.0, 7.1), 1):
        monkeypatch.setattr("time.monotonic", lambda moment=moment: moment)
        reader.note(Counts(counted, counted, counted))
    assert reader.longest_pause_end(5.0) == 7.0
    assert reader.longest_pause_end(4.0) == 7.0
    assert reader.longest_pause_end(2.0) == 5.0
    assert reader.longest_pause_end(7.1) is None


async def test_an_order_is_counted_when_the_smallest_grain_has_it() -> None:
    reader = CountReader()
    reader.note(Counts(5, 9, 9))
    assert reader.moment(6) is None
    assert not await reader.reached(6, 0.01)


async def test_each_order_of_an_open_loop_has_a_delay() -> None:
    reader = CountReader()
    load = await open_loop(Counting(reader, polls=2), reader, 500, 0.3, seed=1)
    assert load.sent == load.acknowledged == load.counted > 50
    assert 0 < load.p50 <= load.p99


async def test_a_closed_loop_has_only_so_many_orders_unseen() -> None:
    reader = CountReader()
    sender = Counting(reader, polls=1_000_000)
    sender.poll()
    running = asyncio.create_task(closed_loop(sender, reader, make_orders(100, 1), 0.05, unseen=10))
    await asyncio.sleep(0.1)
    assert sender.acknowledged == 10
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_an_order_that_is_counted_before_its_acknowledgement_belongs_to_its_own_load() -> (
    None
):
    class LateToAcknowledge(Counting):
        def send(self, order: bytes) -> None:
            super().send(order)
            self.acknowledged -= 1
            loop.call_later(0.05, self._acknowledge)

        def _acknowledge(self) -> None:
            self.acknowledged += 1

    loop, reader = asyncio.get_running_loop(), CountReader()
    load = await open_loop(LateToAcknowledge(reader), reader, 500, 0.1, seed=1)
    assert load.acknowledged == load.counted == load.sent


async def test_a_closed_loop_lasts_until_the_last_order_is_counted() -> None:
    reader = CountReader()
    sender = Counting(reader, polls=100)
    load = await closed_loop(sender, reader, make_orders(50, 1), 0.01, unseen=50)
    assert load.sent == load.counted == 50
    assert load.elapsed > 0.05


@pytest.mark.parametrize(("acknowledged", "ended"), [(3, True), (4, False)])
async def test_a_backlog_is_what_was_acknowledged_and_is_not_counted(
    acknowledged: int, ended: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coffeert.lab.rivals.load._BACKLOG_SECONDS", 0.05)
    reader = CountReader()
    reader.note(Counts(3, 3, 3))
    sender = Counting(reader, polls=1_000_000)
    sender.acknowledged = acknowledged
    assert await backlog_ended(sender, reader, sent=5) is ended


def test_what_was_not_measured_amid_a_backlog_is_told() -> None:
    slow, fast = RivalResult(name="slow"), RivalResult(name="fast", maximum=5.0)
    said = render_rivals(
        RivalResults(machine=describe_machine(), started="now", seconds=1.0, rivals=(slow, fast))
    )
    assert "not measured: slow." in said


def test_orders_say_when_they_were_placed_and_some_are_late() -> None:
    now = datetime.now(UTC)
    placed = [
        datetime.fromisoformat(msgspec.json.decode(order)["placed_at"])
        for order in make_orders(400, 1, late_share=0.5)
    ]
    late = sum((now - at).total_seconds() > 50 for at in placed)
    assert 150 < late < 250


def test_grains_that_disagree_are_not_exact() -> None:
    assert str(LateOutcome(100, 10, 100, 100, 100)) == "exact"
    assert str(LateOutcome(100, 10, 90, 100, 100)) == (
        "of 100 within a minute: minutes 90, hours 100, days 100"
    )


def test_a_kill_that_loses_or_adds_says_how_many() -> None:
    assert str(KillOutcome("worker", 100, 100, 0.52)) == "worker: all counted, back in 0.5 s"
    assert str(KillOutcome("server", 100, 97, 45.0)) == (
        "server: 3 of 100 acknowledged not counted, back in 45.0 s"
    )
    assert str(KillOutcome("server", 100, 104, 1.0)) == (
        "server: all counted, and 4 that were not acknowledged, back in 1.0 s"
    )


_PACKAGES = {
    "nats": "nats", "nats-unflushed": "nats", "kafka": "confluent_kafka", "quix": "quixstreams",
    "pathway": "pathway", "flink": "pyflink",
}  # fmt: skip


@pytest.mark.parametrize("name", _PACKAGES)
async def test_a_rival_that_is_not_installed_is_skipped_with_a_reason(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find_none_of_its_own(package: str) -> object:
        return None if package == _PACKAGES[name] else object()

    monkeypatch.setattr("coffeert.lab.rivals.rival.find_spec", find_none_of_its_own)
    found = await measure_rival(RIVALS[name](), TINY, 1, lambda _: None)
    assert found.skipped.startswith(f"not installed: {_PACKAGES[name]}")
    assert found.maximum == 0


def test_flink_without_a_compiler_is_skipped_with_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coffeert.lab.rivals.rival.find_spec", lambda _: object())
    monkeypatch.setattr("shutil.which", lambda name: None if name == "javac" else name)
    assert FlinkRival().missing() == "not installed: javac of a JDK 17"


async def test_the_log_has_whole_lines_and_acknowledges_what_is_flushed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, flushed = tmp_path / "orders.log", threading.Event()
    fsync, entered = os.fsync, asyncio.Event()
    loop = asyncio.get_running_loop()

    def fsync_when_told(descriptor: int) -> None:
        loop.call_soon_threadsafe(entered.set)
        flushed.wait(10)
        fsync(descriptor)

    monkeypatch.setattr("os.fsync", fsync_when_told)
    sender = LogSender(log)
    await sender.open()
    orders = make_orders(3, 1)
    for order in orders:
        sender.send(order)
    await entered.wait()
    assert sender.acknowledged == 0
    flushed.set()
    async with asyncio.timeout(10):
        while sender.acknowledged < 3:
            await asyncio.sleep(0)
    await sender.close()
    assert log.read_bytes() == b"".join(order + b"\n" for order in orders)


def test_cells_and_the_position_survive_together(tmp_path: Path) -> None:
    orders = make_orders(40, 1, late_share=0.5)
    CellTable(tmp_path / "cells.db").add(orders, 40)
    again = CellTable(tmp_path / "cells.db")
    assert again.position() == 40
    assert again.counted == [40, 40, 40]
    again.add(orders[:2], 42)
    assert again.counted == [42, 42, 42]


def test_only_rivals_that_exist_can_be_named() -> None:
    assert select_rivals(()) == tuple(RIVALS)
    assert select_rivals(("nats", "coffeert")) == ("coffeert", "nats")
    with pytest.raises(ConfigError, match="no rival 'spark'"):
        select_rivals(("spark",))
