"""A connection answers orders one at a time, queues and refuses them, and delegates everything else."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import re
from collections.abc import Callable, Coroutine

import msgspec
import pytest
import uvloop

from coffeert.errors import Unavailable
from coffeert.server.http import deferred_responses
from coffeert.server.http.auth import Authorizer
from coffeert.server.http.connection import Connection
from coffeert.server.http.order_connection import OrderConnection
from tests.unit.server.http.connections import BODY, LIVEZ, WHOLE, Connections, shed
from tests.waiting import eventually


async def settle() -> None:
    """Let the loop come to rest."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_an_order_is_answered_without_aiohttp() -> None:
    one = Connections(1)
    one.send_to_all(WHOLE)
    assert one.wires[0].written == b""
    one.service.commit()
    await settle()
    head, _, body = one.wires[0].written.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\n")
    assert msgspec.json.decode(body)["drink"] == "latte"
    assert one.reached == []
    assert not one.wires[0].closed


async def test_more_orders_than_an_iteration_takes_are_started_over_several_in_their_order() -> (
    None
):
    many = Connections(150)
    many.send_to_all(WHOLE)
    assert many.started == 64
    for expected in (128, 150, 150):
        await asyncio.sleep(0)
        assert many.started == expected
    many.service.commit()
    await settle()
    assert [wire.statuses for wire in many.wires] == [[201]] * 150


async def test_what_is_not_an_order_is_not_queued() -> None:
    many = Connections(70)
    for number in range(69):
        many.send(number, WHOLE)
    many.send(69, LIVEZ)
    assert many.reached == [(69, LIVEZ)]


async def test_what_arrives_behind_a_queued_order_does_not_overtake_it() -> None:
    many = Connections(66)
    many.send_to_all(WHOLE)
    many.send(65, LIVEZ)
    assert not many.wires[65].reading
    assert many.reached == []
    await asyncio.sleep(0)
    many.service.commit()
    await settle()
    assert many.wires[65].statuses == [201]
    assert many.reached == [(65, LIVEZ)]
    assert many.wires[65].reading


async def test_a_queued_order_goes_with_its_client() -> None:
    many = Connections(68)
    many.send_to_all(WHOLE)
    many[65].connection_lost(None)
    await asyncio.sleep(0)
    assert many.started == 67
    many.service.commit()
    await settle()
    assert many.wires[65].written == b""
    many.orders.shedding = True
    assert (
        sum(many.orders.try_admit() for _ in range(100)) == many.orders.limit
    )  # none is in flight


async def test_an_order_that_is_being_stored_is_given_up_with_its_client() -> None:
    one = Connections(1)
    one.send_to_all(WHOLE)
    one[0].connection_lost(None)
    assert one.service.answers[0][1].cancelled()
    await settle()
    assert one.wires[0].written == b""


async def test_a_client_that_is_queued_is_neither_slow_nor_idle() -> None:
    many = Connections(65)
    many.send_to_all(WHOLE)
    assert not many[64].headers_overdue(float("inf"))
    assert not many[64].is_idle(float("inf"))
    await asyncio.sleep(0)
    many.service.commit()
    await settle()
    assert many[64].is_idle(float("inf"))
    many.send(64, WHOLE[:10])
    assert many[64].headers_overdue(float("inf"))
    assert not many[64].is_idle(float("inf"))


async def test_a_refusal_is_a_problem_document_and_leaves_the_connection_open() -> None:
    one = Connections(1)
    shed(one.orders)
    one.send_to_all(WHOLE * 3)
    await eventually(lambda: one.wires[0].statuses == [503] * 3)
    head, _, body = one.wires[0].written.split(b"HTTP/1.1 503")[-1].partition(b"\r\n\r\n")
    assert b"\r\nContent-Type: application/problem+json\r\nRetry-After: 1\r\n" in head
    assert msgspec.json.decode(body)["status"] == 503
    assert one.orders.shed == 3
    one.orders.release()
    one.send_to_all(WHOLE)
    one.service.commit()
    await settle()
    assert one.wires[0].statuses[-1] == 201
    assert not one.wires[0].closed


async def test_a_refusal_waits_until_all_is_read_and_comes_before_what_is_sent_next() -> None:
    two = Connections(2)
    shed(two.orders)
    two.send_to_all(WHOLE)
    assert not any(wire.written for wire in two.wires)
    two.send(1, LIVEZ)
    assert [wire.statuses for wire in two.wires] == [[], [503]]
    assert two.reached == [(1, LIVEZ)]
    await asyncio.sleep(0)
    assert [wire.statuses for wire in two.wires] == [[503], [503]]


async def test_refusals_go_in_bursts_but_only_so_many_before_all_is_read() -> None:
    many = Connections(700)
    shed(many.orders)
    sent = []
    for number in range(700):
        many.send(number, WHOLE)
        sent.append(sum(bool(wire.written) for wire in many.wires))
    assert sent == [min(512, number // 64 * 64) for number in range(1, 701)]
    await asyncio.sleep(0)
    assert all(wire.statuses == [503] for wire in many.wires)
    many.send(0, WHOLE)
    assert many.wires[0].statuses == [503]


async def test_who_sends_again_after_a_refusal_is_held_and_then_looked_at_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(deferred_responses, "HOLD_SECONDS", 0.05)
    three = Connections(3)
    shed(three.orders)
    three.send(0, WHOLE)
    three.send(1, WHOLE)
    await settle()
    three.send(0, WHOLE)
    three.send(1, LIVEZ)  # is no order
    three.send(2, WHOLE)  # of another client
    await settle()
    assert [wire.statuses for wire in three.wires] == [[503], [503], [503]]
    assert [wire.reading for wire in three.wires] == [False, True, True]
    assert three.reached == [(1, LIVEZ)]
    assert three.orders.shed == 3
    await eventually(lambda: three.wires[0].statuses == [503, 503])
    await settle()
    assert three.wires[0].reading


async def test_a_held_order_is_answered_before_its_server_closes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(deferred_responses, "HOLD_SECONDS", 0.05)
    one = Connections(1)
    shed(one.orders)
    for _ in "ab":
        one.send_to_all(WHOLE)
        await settle()
    closing = asyncio.ensure_future(one.limiter.close())
    await settle()
    assert not one.wires[0].closed
    await eventually(lambda: one.wires[0].closed)
    assert one.wires[0].statuses == [503, 503]
    await closing


async def test_a_held_order_is_stored_if_there_is_room_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(deferred_responses, "HOLD_SECONDS", 0.05)
    one = Connections(1)
    shed(one.orders)
    one.send_to_all(WHOLE)
    await settle()
    one.send_to_all(WHOLE)
    one.orders.release()
    await eventually(lambda: one.started == 1)
    one.service.commit()
    await settle()
    assert one.wires[0].statuses == [503, 201]


@pytest.mark.parametrize("end", [OrderConnection.close, OrderConnection.abort])
async def test_a_held_client_may_go(
    monkeypatch: pytest.MonkeyPatch, end: Callable[[OrderConnection], None]
) -> None:
    monkeypatch.setattr(deferred_responses, "HOLD_SECONDS", 0.05)
    two = Connections(2)
    shed(two.orders)
    for _ in "ab":
        two.send_to_all(WHOLE)
        await settle()
    end(two[0])
    two[0].connection_lost(None)
    await eventually(lambda: two.wires[1].statuses == [503, 503])
    assert two.wires[0].statuses == [503]


SPLIT = WHOLE.index(b"\r\n\r\n") + 4


@pytest.mark.parametrize(
    "pieces",
    [
        [WHOLE],
        [WHOLE[:SPLIT], WHOLE[SPLIT:]],
        [WHOLE[at : at + 1] for at in range(len(WHOLE))],
        [WHOLE.replace(b"Host", b"Connection: keep-alive\r\nbaggage: a=b\r\nHost")],
        [
            WHOLE[:SPLIT].replace(b"Content-Length: 34", b"Transfer-Encoding: chunked"),
            b"22\r\n" + BODY + b"\r\n0\r\n\r\n",
        ],
    ],
    ids=["whole", "head and body", "single bytes", "ordinary fields", "chunked"],
)
async def test_load_is_shed_however_an_order_arrives(pieces: list[bytes]) -> None:
    one = Connections(1)
    shed(one.orders)
    for piece in pieces:
        one.send_to_all(piece)
    await settle()
    assert one.wires[0].statuses == [503]
    assert not one.wires[0].closed
    assert one.reached == []


async def test_a_client_that_wants_to_close_is_closed_after_its_answer() -> None:
    two = Connections(2)
    closing = WHOLE.replace(b"Host", b"Connection: close\r\nHost")
    two.send(0, closing)
    two.service.commit()
    await settle()
    shed(two.orders)
    two.send(1, closing + WHOLE)
    await settle()
    assert [wire.statuses for wire in two.wires] == [[201], [503]]
    assert all(b"\r\nConnection: close\r\n\r\n" in wire.written for wire in two.wires)
    assert all(wire.closed for wire in two.wires)


async def test_a_request_body_is_never_taken_for_a_request() -> None:
    """Once aiohttp has a connection, nobody before it looks for orders, whatever arrives when."""
    one = Connections(1)
    shed(one.orders)
    head = LIVEZ.replace(b"\r\n\r\n", b"\r\nContent-Length: %d\r\n\r\n" % len(WHOLE))
    one.send_to_all(head)
    one.delegated(0).begin_answer()
    one.delegated(0).end_answer()
    one.send_to_all(WHOLE)
    await settle()
    assert one.reached == [(0, head), (0, WHOLE)]
    assert one.wires[0].written == b""


async def test_pipelined_requests_are_answered_in_order_and_the_rest_is_delegated() -> None:
    one = Connections(1)
    tea = WHOLE.replace(b'latte"', b'tea"  ')
    one.send_to_all(WHOLE + tea + LIVEZ + WHOLE)
    assert one.started == 1
    for drink in (b'"latte"', b'"tea"'):
        assert one.reached == []
        one.service.commit()
        await settle()
        assert drink in one.wires[0].written.split(b"HTTP/1.1")[-1]
    assert one.reached == [(0, LIVEZ + WHOLE)]


async def test_a_client_that_sends_ahead_is_read_from_again_when_all_is_answered() -> None:
    one = Connections(1)
    one.send_to_all(WHOLE)
    one.send_to_all(WHOLE * 3 + WHOLE[:20])
    seen = []
    for _ in range(5):
        seen.append((len(one.wires[0].statuses), one.wires[0].reading))
        one.service.commit()
        await settle()
    assert seen == [(0, False), (1, False), (2, False), (3, False), (4, True)]
    one.send_to_all(WHOLE[20:])
    one.service.commit()
    await settle()
    assert one.wires[0].statuses == [201] * 5


async def test_an_empty_body_does_not_keep_the_connections_of_others_open() -> None:
    two = Connections(2)
    closing = WHOLE.replace(b"Host", b"Connection: close\r\nHost")
    head = re.sub(rb"(?i)content-length: \d+", b"Content-Length: 0", closing.partition(BODY)[0])
    two.send(0, head)
    assert two.reached == [(0, head)]
    two.send(1, closing)
    two.service.commit()
    await settle()
    assert b"\r\nConnection: close\r\n\r\n" in two.wires[1].written
    assert two.wires[1].closed


@pytest.mark.parametrize("full", [True, False])
async def test_what_is_sent_ahead_does_not_hold_the_loop(*, full: bool) -> None:
    """64 KiB of orders in one write, all refused at once: one is looked at in an iteration."""
    one = Connections(1)
    if full:
        shed(one.orders)
    else:
        one.service.error = Unavailable("The server is closing.", retry_after=1)
    count = 65_536 // len(WHOLE)
    one.send_to_all(WHOLE * count)
    answered = [len(one.wires[0].statuses)]
    while answered[-1] < count:
        await asyncio.sleep(0)
        answered.append(len(one.wires[0].statuses))
    assert max(after - before for before, after in itertools.pairwise(answered)) == 1
    assert answered[0] <= 1
    assert one.wires[0].statuses == [503] * count


async def test_a_client_that_has_closed_its_half_gets_its_answers() -> None:
    two = Connections(2)
    two.send(0, WHOLE)
    two.send(1, WHOLE * 2)
    assert [two[number].eof_received() for number in range(2)] == [True, True]
    for _ in "ab":
        two.service.commit()
        await settle()
    assert [wire.statuses for wire in two.wires] == [[201], [201, 201]]
    assert all(wire.closed for wire in two.wires)


async def test_a_client_that_has_closed_its_half_is_refused_too() -> None:
    one = Connections(1)
    shed(one.orders)
    one.send_to_all(WHOLE)
    assert one[0].eof_received()
    await settle()
    assert one.wires[0].statuses == [503]
    assert one.wires[0].closed


@pytest.mark.parametrize("sent", [b"", WHOLE[:20], WHOLE[:-1]])
async def test_a_client_that_ends_without_a_request_is_let_go(sent: bytes) -> None:
    one = Connections(1)
    if sent:
        one.send_to_all(sent)
    assert not one[0].eof_received()


async def test_a_part_of_a_request_behind_one_does_not_keep_a_half_closed_connection() -> None:
    one = Connections(1)
    one.send_to_all(WHOLE + WHOLE[:-1])
    assert one[0].eof_received()
    one.service.commit()
    await settle()
    assert one.wires[0].statuses == [201]
    assert one.wires[0].closed


async def test_the_body_of_a_client_without_the_token_is_not_kept() -> None:
    two = Connections(2, authorizer=Authorizer("secret"))
    two.send(0, WHOLE[:SPLIT])
    allowed = WHOLE[:SPLIT].replace(b"Host", b"Authorization: Bearer secret\r\nHost")
    two.send(1, allowed)
    assert two.reached == [(0, WHOLE[:SPLIT])]


async def test_load_is_shed_before_the_token_is_looked_at() -> None:
    one = Connections(1, authorizer=Authorizer("secret"))
    shed(one.orders)
    one.send_to_all(WHOLE[:SPLIT])
    one.send_to_all(WHOLE[SPLIT:])
    await settle()
    assert one.wires[0].statuses == [503]
    assert one.reached == []


async def test_a_body_that_is_slow_is_delegated_and_a_head_is_aborted() -> None:
    two = Connections(2)
    two.send(0, WHOLE[:-1])
    two.send(1, WHOLE[:20])
    now = asyncio.get_running_loop().time()
    two.limiter.sweep(now + 2)
    assert two.reached == [(0, WHOLE[:-1])]
    assert not two.wires[1].aborted
    two.delegated(0).begin_answer()
    two.limiter.sweep(now + 11)
    assert [wire.aborted for wire in two.wires] == [False, True]


async def test_a_trickling_head_is_aborted() -> None:
    one = Connections(1)
    now = asyncio.get_running_loop().time()
    for at in range(20):
        one.send_to_all(WHOLE[at : at + 1])
        one.limiter.sweep(now + at)
    assert one.wires[0].aborted


async def test_a_connection_that_is_idle_for_long_is_closed() -> None:
    three = Connections(3)
    three.send_to_all(WHOLE)
    three.service.commit()
    await settle()
    three.send(1, WHOLE)
    three.send(2, LIVEZ)
    three.delegated(2).begin_answer()
    now = asyncio.get_running_loop().time()
    three.limiter.sweep(now + 60)
    assert not any(wire.closed for wire in three.wires)
    three.limiter.sweep(now + 80)
    assert [wire.closed for wire in three.wires] == [True, False, False]


async def test_a_server_that_closes_answers_what_it_has_begun() -> None:
    three = Connections(3)
    three.send(0, WHOLE)
    three.send(1, LIVEZ)
    closing = asyncio.ensure_future(three.limiter.close())
    await asyncio.sleep(0)
    assert [wire.closed for wire in three.wires] == [False, False, True]
    assert not closing.done()
    three.service.commit()
    await settle()
    assert three.wires[0].statuses == [201]
    assert three.wires[0].closed
    three[0].connection_lost(None)
    await closing


async def test_a_server_that_will_close_ends_each_connection_with_its_next_answer() -> None:
    three = Connections(3)
    for number in range(2):
        three.send(number, WHOLE)
    three.service.commit()
    await settle()
    announced = asyncio.ensure_future(three.limiter.announce_close())
    await asyncio.sleep(0)
    three.send(0, WHOLE + WHOLE)  # the second was sent before the client could know
    three.send(1, WHOLE)
    for _ in range(2):
        three.service.commit()
        await settle()
    assert [wire.statuses for wire in three.wires] == [[201] * 3, [201] * 2, []]
    assert [wire.closed for wire in three.wires] == [True, True, False]
    assert [wire.written.count(b"Connection: close") for wire in three.wires] == [1, 1, 0]
    for number in range(2):
        three[number].connection_lost(None)
    await announced  # at once, since the third has asked for nothing yet


@pytest.mark.parametrize("closing", [False, True])
async def test_a_client_that_does_not_read_its_answers_is_not_read(*, closing: bool) -> None:
    one = Connections(1)
    connection, wire = one[0], one.wires[0]
    connection.pause_writing()
    assert not wire.reading
    connection.data_received(WHOLE)
    assert one.started == 0
    wire.closed = closing
    connection.resume_writing()
    assert one.started == (not closing)
    one.service.commit()
    await settle()
    assert wire.reading is not closing


async def test_a_protocol_can_be_put_before_aiohttps_if_a_request_has_just_ended() -> None:
    two = Connections(2)
    seen: list[bytes] = []

    class Before(asyncio.Protocol):
        def data_received(self, data: bytes) -> None:
            seen.append(data)

    upgrade = b"GET /ws/dashboard HTTP/1.1\r\nHost: here\r\n\r\n"
    two.send(0, upgrade)
    two.send(1, upgrade + b"\x81")  # a part of a frame, which cannot be taken back
    for number in range(2):
        two.delegated(number).wrap_protocol(lambda rest: Before())
        two.send(number, b"more")
    assert seen == [b"more"]
    assert two.reached == [(0, upgrade), (1, upgrade + b"\x81"), (1, b"more")]


async def test_nothing_stays_of_a_connection_that_has_gone() -> None:
    def use(number: int) -> None:
        one = Connections(1)
        if number:
            one.send_to_all(WHOLE)
        one[0].connection_lost(None)

    gc.collect()
    gc.disable()  # or it would free what is bound in a cycle
    try:
        for number in range(2):
            use(number)
        await settle()
        assert not [one for one in gc.get_objects() if isinstance(one, Connection)]
    finally:
        gc.enable()


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
@pytest.mark.parametrize("end", [OrderConnection.close, OrderConnection.abort])
def test_a_connection_that_ends_before_its_refusal_is_sent_gets_none(
    run: Callable[[Coroutine[object, object, None]], None], end: Callable[[OrderConnection], None]
) -> None:
    wrong: list[dict[str, object]] = []

    async def refuse_and_end() -> None:
        none = Connections(0)
        shed(none.orders)
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: wrong.append(context))
        made: list[OrderConnection] = []

        def connection() -> OrderConnection:
            made.append(
                OrderConnection(asyncio.Protocol, none.limiter, none.endpoint, none.refusals)
            )
            return made[-1]

        server = await loop.create_server(connection, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        while not made:
            await asyncio.sleep(0)
        made[0].data_received(WHOLE)
        end(made[0])
        with contextlib.suppress(ConnectionResetError):
            async with asyncio.timeout(10):
                assert await reader.read() == b""
        made[0].flush()
        writer.close()
        server.close()

    run(refuse_and_end())
    assert wrong == []


LINE = BODY + b"\n"


def batch(lines: int) -> bytes:
    return (
        b"POST /api/orders/batch HTTP/1.1\r\nHost: here\r\nContent-Type: application/x-ndjson\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (lines * len(LINE), lines * LINE)
    )


BATCH = batch(100)


async def test_a_batch_is_answered_without_aiohttp() -> None:
    one = Connections(1)
    one.send_to_all(BATCH)
    while not one.service.batches:
        await asyncio.sleep(0)
    one.service.commit()
    await settle()
    head, _, body = one.wires[0].written.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
    assert msgspec.json.decode(body)["accepted"] == 100
    assert one.reached == []


async def test_more_batches_than_an_iteration_takes_are_started_over_several_in_their_order() -> (
    None
):
    many = Connections(12)
    many.send_to_all(BATCH)
    started: list[int] = []
    while not started or started[-1] < 12:
        started.append(sum(task.get_name() == "batch" for task in asyncio.all_tasks()))
        await asyncio.sleep(0)
    assert started[:3] == [5, 10, 12]  # 500 orders, with those that each batch counts for itself


async def test_orders_are_not_queued_behind_batches() -> None:
    many = Connections(8)
    for number in range(7):
        many.send(number, BATCH)
    many.send(7, WHOLE)
    assert many.started == 1


async def test_a_queued_batch_goes_with_its_client() -> None:
    many = Connections(8)
    many.send_to_all(BATCH)
    many[6].connection_lost(None)
    await settle()
    assert len(many.service.batches) == 7


async def test_a_batch_that_is_being_stored_is_given_up_with_its_client() -> None:
    one = Connections(1)
    one.send_to_all(BATCH)
    await settle()
    one[0].connection_lost(None)
    await settle()
    assert one.service.batches[0][1].cancelled()


async def test_while_shedding_batches_are_refused_until_orders_are_answered() -> None:
    four = Connections(4)
    four.batches.shedding = True
    four.send(0, BATCH)  # more than the limit, but the only one
    four.send(1, BATCH)
    await settle()
    assert [wire.statuses for wire in four.wires] == [[], [503], [], []]
    assert four.batches.shed >= 100
    four.send(3, WHOLE)  # an order is no batch
    assert four.started == 1
    four.service.commit()
    await settle()
    four.send(2, BATCH)
    four.send(3, batch(1))
    await settle()
    assert [wire.statuses for wire in four.wires] == [[200], [503], [], [201, 503]]


async def test_a_refused_batch_says_that_nothing_was_stored_and_when_to_come_back() -> None:
    one = Connections(1)
    shed(one.batches)
    one.send_to_all(BATCH)
    await settle()
    head, _, body = one.wires[0].written.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nRetry-After: 1\r\n" in head
    assert re.search(rb"\r\nContent-Length: %d\r\n" % len(body), head)
    result = msgspec.json.decode(body)
    assert (result["accepted"], result["replayed"], result["rejected"]) == (0, 0, 0)
    assert (result["problem"]["status"], result["problem"]["retry_after"]) == (503, 1)
