"""The injector: open loop, counts that add up, and a clean stop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from coffeert.errors import ConfigError, Invalid, OutcomeUnknown, ServerUnavailable, Unavailable
from coffeert.inject.injector import Injector
from coffeert.inject.report import InjectionReport, OutcomeRecorder
from coffeert.inject.scheduled_order import ScheduledOrder
from coffeert.inject.senders import record_failure, transports_named
from tests.waiting import eventually


class HeldSender:
    """Keeps every order in flight until the test releases it."""

    retries = 0

    def __init__(self, workers: int = 8, max_orders: int = 1) -> None:
        self.workers = workers
        self.max_orders = max_orders
        self.released = asyncio.Event()
        self.batches: list[list[bytes]] = []
        self.due: list[float] = []
        self.fails = False

    async def send(
        self, orders: list[ScheduledOrder], due: list[float], recorder: OutcomeRecorder
    ) -> None:
        self.batches.append([order.body for order in orders])
        self.due += due
        if self.fails:
            raise ZeroDivisionError
        await self.released.wait()
        for _ in orders:
            recorder.stored(0.001, replayed=False)


async def orders(count: int, due: float | None = None) -> AsyncIterator[Sequence[ScheduledOrder]]:
    yield [ScheduledOrder(str(number).encode(), due, number) for number in range(count)]


def started(
    injector: Injector, chunks: AsyncIterator[Sequence[ScheduledOrder]]
) -> asyncio.Task[InjectionReport]:
    return asyncio.create_task(injector.run(chunks))


async def test_arrivals_do_not_wait_for_answers_up_to_the_bound_in_flight() -> None:
    sender = HeldSender(workers=8)
    run = started(Injector([sender], HeldSender(), OutcomeRecorder()), orders(20, due=0.0))
    await eventually(lambda: len(sender.batches) == 8)
    assert not run.done()
    sender.released.set()
    report = await run
    assert (report.sent, report.accepted, report.lost) == (20, 20, 0)
    assert report.clean
    assert not report.stopped
    assert len(set(sender.due)) == 1, "an order is due when it is due, however late it is sent"


async def test_orders_alternate_between_senders() -> None:
    one, two = HeldSender(), HeldSender()
    one.released.set()
    two.released.set()
    await Injector([one, two], HeldSender(), OutcomeRecorder()).run(orders(10))
    assert [bodies for (bodies,) in one.batches] == [b"0", b"2", b"4", b"6", b"8"]
    assert [bodies for (bodies,) in two.batches] == [b"1", b"3", b"5", b"7", b"9"]


async def test_what_is_due_while_a_batch_is_in_flight_becomes_the_next() -> None:
    sender = HeldSender(workers=1, max_orders=100)
    all_due = asyncio.Event()

    async def chunks() -> AsyncIterator[Sequence[ScheduledOrder]]:
        yield [ScheduledOrder(str(number).encode(), None) for number in range(250)]
        all_due.set()

    run = started(Injector([sender], HeldSender(), OutcomeRecorder()), chunks())
    await all_due.wait()
    sender.released.set()
    await run
    assert sum(map(len, sender.batches)) == 250
    assert max(map(len, sender.batches)) == 100


async def test_a_stop_drops_what_is_queued_and_waits_for_what_is_in_flight() -> None:
    sender = HeldSender(workers=3)
    injector = Injector([sender], HeldSender(), OutcomeRecorder())
    run = started(injector, orders(1_000))
    await eventually(lambda: len(sender.batches) == 3)
    injector.stop()
    await asyncio.sleep(0)
    sender.released.set()
    report = await run
    assert (report.sent, report.accepted, report.lost) == (3, 3, 0)
    assert report.stopped
    assert report.clean


async def test_a_stop_before_anything_is_due() -> None:
    injector = Injector([HeldSender()], HeldSender(), OutcomeRecorder())
    run = started(injector, orders(5, due=3_600.0))
    await asyncio.sleep(0)
    injector.stop()
    assert (await run).sent == 0


async def test_a_second_stop_aborts_and_reports_what_is_unknown() -> None:
    sender = HeldSender(workers=3)
    injector = Injector([sender], HeldSender(), OutcomeRecorder())
    run = started(injector, orders(10))
    await eventually(lambda: len(sender.batches) == 3)
    injector.stop()
    injector.stop()
    report = await run
    assert (report.sent, report.accepted, report.lost) == (3, 0, 3)
    assert not report.clean
    assert {error.detail for error in report.errors} == {"stopped before its answer came"}


async def test_a_source_that_fails_is_one_error() -> None:
    async def broken() -> AsyncIterator[Sequence[ScheduledOrder]]:
        yield [ScheduledOrder(b"1", None)]
        raise ConfigError("The file is torn.")

    sender = HeldSender()
    sender.released.set()
    with pytest.raises(ConfigError, match="torn"):
        await Injector([sender], HeldSender(), OutcomeRecorder()).run(broken())


async def test_a_defect_is_not_hidden() -> None:
    sender = HeldSender()
    sender.fails = True
    with pytest.raises(ExceptionGroup) as raised:
        await Injector([sender], HeldSender(), OutcomeRecorder()).run(orders(3))
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


def test_an_unknown_transport_is_named() -> None:
    assert transports_named("http, ws,batch,http") == ("http", "ws", "batch")
    with pytest.raises(ConfigError, match="no transport 'pigeon'"):
        transports_named("http,pigeon")


async def test_a_void_is_sent_after_everything_before_it_was_answered() -> None:
    sender, voids = HeldSender(), HeldSender(max_orders=10)

    async def chunks() -> AsyncIterator[Sequence[ScheduledOrder]]:
        kinds = (False, False, True, True, False, True)
        yield [
            ScheduledOrder(str(number).encode(), None, number, voids=is_void)
            for number, is_void in enumerate(kinds)
        ]

    run = started(Injector([sender], voids, OutcomeRecorder()), chunks())
    await eventually(lambda: len(sender.batches) == 2)
    assert not voids.batches
    sender.released.set()
    await eventually(lambda: [body for batch in voids.batches for body in batch] == [b"2", b"3"])
    assert len(sender.batches) == 3, "an order after a void waits for nothing"
    voids.released.set()
    assert (await run).accepted == 6
    assert voids.batches[-1] == [b"5"]
