"""The rivals' counts and loads, with a rival that counts at once, late, or never."""

from __future__ import annotations

import asyncio
import importlib.util
from datetime import UTC, datetime

import msgspec
import pytest

from coffeert.errors import ConfigError
from coffeert.lab.rivals.counts import CountReader, Counts, count_reader
from coffeert.lab.rivals.load import closed_loop, make_orders, open_loop
from coffeert.lab.rivals.measure import TINY, measure_rival
from coffeert.lab.rivals.results import LateOutcome
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
    assert str(LateOutcome(100, 10, 90, 100, 100)) == "of 100: minutes 90, hours 100, days 100"


async def test_a_rival_that_is_not_installed_is_skipped_with_a_reason() -> None:
    for name in ("nats", "quix"):
        found = await measure_rival(RIVALS[name](), TINY, 1, lambda _: None)
        if importlib.util.find_spec("nats" if name == "nats" else "quixstreams") is None:
            assert found.skipped.startswith("not installed: ")
            assert found.maximum == 0


def test_only_rivals_that_exist_can_be_named() -> None:
    assert select_rivals(()) == tuple(RIVALS)
    assert select_rivals(("nats", "coffeert")) == ("coffeert", "nats")
    with pytest.raises(ConfigError, match="no rival 'kafka'"):
        select_rivals(("kafka",))
