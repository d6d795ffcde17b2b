"""The injector: open loop, counts that add up, and an orderly stop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from coffeert.errors import ConfigError, Invalid, OutcomeUnknown, ServerUnavailable, Unavailable
from coffeert.inject.injector import Injector
from coffeert.inject.report import OutcomeRecorder, Report
from coffeert.inject.scheduled_order import ScheduledOrder
from coffeert.inject.senders import record_failure, ways_named
from tests.waiting import eventually


class HeldCarrier:
    """Keeps every order under way until the test lets go."""

    retries = 0

    def __init__(self, workers: int = 8, orders: int = 1) -> None:
        self.workers = workers
        self.orders = orders
        self.gate = asyncio.Event()
        self.handfuls: list[list[bytes]] = []
        self.due: list[float] = []
        self.fails = False

    async def deliver(
        self, shots: list[ScheduledOrder], due: list[float], recorder: OutcomeRecorder
    ) -> None:
        self.handfuls.append([shot.body for shot in shots])
        self.due += due
        if self.fails:
            raise ZeroDivisionError
        await self.gate.wait()
        for _ in shots:
            recorder.stored(0.001, replayed=False)


async def shots(count: int, due: float | None = None) -> AsyncIterator[Sequence[ScheduledOrder]]:
    yield [ScheduledOrder(str(number).encode(), due, number) for number in range(count)]


def started(
    injector: Injector, chunks: AsyncIterator[Sequence[ScheduledOrder]]
) -> asyncio.Task[Report]:
    return asyncio.create_task(injector.run(chunks))


async def test_arrivals_do_not_wait_for_answers_up_to_the_bound_in_flight() -> None:
    carrier = HeldCarrier(workers=8)
    run = started(Injector([carrier], OutcomeRecorder()), shots(20, due=0.0))
    await eventually(lambda: len(carrier.handfuls) == 8)
    assert not run.done()
    carrier.gate.set()
    report = await run
    assert (report.sent, report.accepted, report.lost) == (20, 20, 0)
    assert report.clean
    assert not report.stopped
    assert len(set(carrier.due)) == 1, "an order is due when it is due, however late it is sent"


async def test_carriers_take_turns() -> None:
    one, two = HeldCarrier(), HeldCarrier()
    one.gate.set()
    two.gate.set()
    await Injector([one, two], OutcomeRecorder()).run(shots(10))
    assert [bodies for (bodies,) in one.handfuls] == [b"0", b"2", b"4", b"6", b"8"]
    assert [bodies for (bodies,) in two.handfuls] == [b"1", b"3", b"5", b"7", b"9"]


async def test_what_came_while_a_batch_was_under_way_becomes_the_next() -> None:
    carrier = HeldCarrier(workers=1, orders=100)
    all_due = asyncio.Event()

    async def chunks() -> AsyncIterator[Sequence[ScheduledOrder]]:
        yield [ScheduledOrder(str(number).encode(), None) for number in range(250)]
        all_due.set()

    run = started(Injector([carrier], OutcomeRecorder()), chunks())
    await all_due.wait()
    carrier.gate.set()
    await run
    assert sum(map(len, carrier.handfuls)) == 250
    assert max(map(len, carrier.handfuls)) == 100


async def test_a_stop_forgets_what_waits_and_waits_for_what_is_under_way() -> None:
    carrier = HeldCarrier(workers=3)
    injector = Injector([carrier], OutcomeRecorder())
    run = started(injector, shots(1_000))
    await eventually(lambda: len(carrier.handfuls) == 3)
    injector.stop()
    await asyncio.sleep(0)
    carrier.gate.set()
    report = await run
    assert (report.sent, report.accepted, report.lost) == (3, 3, 0)
    assert report.stopped
    assert report.clean


async def test_a_stop_before_anything_is_due() -> None:
    injector = Injector([HeldCarrier()], OutcomeRecorder())
    run = started(injector, shots(5, due=3_600.0))
    await asyncio.sleep(0)
    injector.stop()
    assert (await run).sent == 0


async def test_a_second_stop_cuts_off_and_says_what_is_unknown() -> None:
    carrier = HeldCarrier(workers=3)
    injector = Injector([carrier], OutcomeRecorder())
    run = started(injector, shots(10))
    await eventually(lambda: len(carrier.handfuls) == 3)
    injector.stop()
    injector.stop()
    report = await run
    assert (report.sent, report.accepted, report.lost) == (3, 0, 3)
    assert not report.clean
    assert {error.detail for error in report.errors} == {"stopped before its answer came"}


async def test_a_source_that_breaks_off_is_one_error() -> None:
    async def broken() -> AsyncIterator[Sequence[ScheduledOrder]]:
        yield [ScheduledOrder(b"1", None)]
        raise ConfigError("The file is torn.")

    carrier = HeldCarrier()
    carrier.gate.set()
    with pytest.raises(ConfigError, match="torn"):
        await Injector([carrier], OutcomeRecorder()).run(broken())


async def test_a_defect_is_not_hidden() -> None:
    carrier = HeldCarrier()
    carrier.fails = True
    with pytest.raises(ExceptionGroup) as raised:
        await Injector([carrier], OutcomeRecorder()).run(shots(3))
    assert raised.group_contains(ZeroDivisionError)


def test_only_what_the_server_refuses_for_good_is_rejected() -> None:
    recorder = OutcomeRecorder()
    record_failure(recorder, 7, Invalid("No."))
    record_failure(recorder, 8, OutcomeUnknown("It may be stored."))
    record_failure(recorder, 9, Unavailable("Busy."))
    record_failure(recorder, 10, ServerUnavailable("Gone."))
    report = recorder.report(retried=2, stopped=False)
    assert (report.sent, report.rejected, report.lost, report.retried) == (4, 1, 3, 2)
    assert [(error.line, error.status) for error in report.errors] == [
        (7, 422),
        (8, 0),
        (9, 0),
        (10, 0),
    ]


def test_latencies_are_those_recorded() -> None:
    recorder = OutcomeRecorder()
    for milliseconds in range(1, 1_001):
        recorder.stored(milliseconds / 1e3, replayed=milliseconds % 2 == 0)
    latency = recorder.report(retried=0, stopped=False).latency_ms
    assert (recorder.accepted, recorder.replayed) == (500, 500)
    assert latency.p50 == pytest.approx(500, rel=2e-3)
    assert latency.p90 == pytest.approx(900, rel=2e-3)
    assert latency.p99 == pytest.approx(990, rel=2e-3)
    assert latency.p99_9 == pytest.approx(999, rel=2e-3)
    assert latency.max == pytest.approx(1_000, rel=2e-3)


def test_ways_are_read_and_an_unknown_one_is_named() -> None:
    assert ways_named("http, ws,batch,http") == ("http", "ws", "batch")
    with pytest.raises(ConfigError, match="no way 'pigeon'"):
        ways_named("http,pigeon")
