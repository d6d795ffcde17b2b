"""At the gate, batches stand in a line of their own, by how many orders they hold."""

from __future__ import annotations

import asyncio

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffeert.server.http.doorway import ConnectionGuard
from coffeert.server.ingest.load_shedding import BATCH_REFUSAL, is_whole_batch, is_whole_order
from coffeert.wire.orders import BatchResult
from tests.unit.server.test_orders_in_line import WHOLE, Crowd

LINE = b'{"store":"uptown","drink":"latte"}\n'


def batch(lines: int) -> bytes:
    return (
        b"POST /api/orders/batch HTTP/1.1\r\nHost: here\r\nContent-Type: application/x-ndjson\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (lines * len(LINE), lines * LINE)
    )


BATCH = batch(100)


def test_a_whole_batch_is_recognised_and_is_no_order() -> None:
    assert is_whole_batch(BATCH)
    assert not is_whole_order(BATCH)
    assert not is_whole_batch(WHOLE)


@pytest.mark.parametrize(
    "data",
    [
        BATCH + BATCH,
        BATCH.replace(b"POST", b"GET"),
        BATCH.replace(b"/batch", b"/batches"),
        BATCH.replace(b"Host: here", b"Transfer-Encoding: chunked"),
        BATCH.replace(b"Host: here", b"Content-Encoding: gzip"),
        BATCH.replace(b"Host: here", b"Expect: 100-continue"),
        BATCH.replace(b"Content-Length: %d\r\n" % (100 * len(LINE)), b""),
    ],
    ids=range(7),
)
def test_anything_unusual_is_left_to_the_parser(data: bytes) -> None:
    assert not is_whole_batch(data)


@given(st.integers(0, len(BATCH) - 1))
def test_a_part_of_a_batch_is_left_to_the_parser(length: int) -> None:
    assert not is_whole_batch(BATCH[:length])


async def test_more_batches_than_a_turn_takes_come_in_over_several_in_their_order() -> None:
    crowd = Crowd(12)
    for gate in crowd.gates:
        gate.data_received(BATCH)
    reached = [len(crowd.reached)]
    while reached[-1] < 12:
        await asyncio.sleep(0)
        reached.append(len(crowd.reached))
    assert reached == [5, 10, 12]  # 500 orders, with those that each batch counts for itself
    assert [number for number, _ in crowd.reached] == list(range(12))


async def test_orders_do_not_stand_behind_batches() -> None:
    crowd = Crowd(8)
    for gate in crowd.gates[:7]:
        gate.data_received(BATCH)
    crowd.gates[7].data_received(WHOLE)
    assert [number for number, _ in crowd.reached] == [0, 1, 2, 3, 4, 7]


async def test_a_batch_in_line_goes_with_its_client() -> None:
    crowd = Crowd(8)
    for gate in crowd.gates:
        gate.data_received(BATCH)
    crowd.gates[6].connection_lost(None)
    await asyncio.sleep(0)
    assert [number for number, _ in crowd.reached] == [0, 1, 2, 3, 4, 5, 7]


async def test_while_shedding_batches_are_refused_unread_until_orders_are_answered() -> None:
    crowd = Crowd(4)
    batches = crowd.keeper.batches
    batches.shedding = True
    first, second, third, till = crowd.gates

    def refused() -> list[int]:
        return [transport.written.count(BATCH_REFUSAL) for transport in crowd.transports]

    first.data_received(BATCH)  # more than there is room for, but the only one
    second.data_received(BATCH)
    await asyncio.sleep(0)
    assert refused() == [0, 1, 0, 0]
    assert [number for number, _ in crowd.reached] == [0]
    assert batches.shed >= 100
    till.data_received(WHOLE)  # an order is no batch
    assert [number for number, _ in crowd.reached] == [0, 3]
    _answer(first)
    third.data_received(BATCH)
    second.data_received(batch(1))
    await asyncio.sleep(0)
    assert refused() == [0, 2, 0, 0]
    assert [number for number, _ in crowd.reached] == [0, 3, 2]


def _answer(gate: ConnectionGuard) -> None:
    gate.begin()
    gate.end()


def test_a_refused_batch_is_told_that_nothing_was_stored_and_when_to_come_back() -> None:
    head, _, body = BATCH_REFUSAL.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nRetry-After: 1\r\n" in head
    assert b"\r\nContent-Length: %d" % len(body) in head
    result = msgspec.json.decode(body, type=BatchResult)
    assert (result.accepted, result.replayed, result.rejected) == (0, 0, 0)
    assert result.problem is not None
    assert (result.problem.status, result.problem.retry_after) == (503, 1)
