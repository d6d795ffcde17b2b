"""Each order on a WebSocket gets its own answer, over however many connections."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import msgspec
import pytest

from coffeert.client.pending_orders import PendingOrders
from coffeert.domain.orders import Draft, new_order_id
from coffeert.errors import (
    FieldError,
    Invalid,
    OutcomeUnknown,
    ServerUnavailable,
    Unauthorized,
    Unavailable,
)
from coffeert.wire.frames import Ack, OrderFrame, Refusal, decode_client_frame
from coffeert.wire.orders import OrderBody, draft_body, encode
from tests.waiting import eventually

NOW = datetime(2026, 3, 1, tzinfo=UTC)
TIMEOUT = 30.0


class Wire:
    """A server that takes frames while it is up, and answers on demand."""

    def __init__(self) -> None:
        self.up = True
        self.frames: list[OrderFrame] = []
        self.orders = PendingOrders(self._send)

    def _send(self, frame: bytes) -> bool:
        if self.up:
            read = decode_client_frame(frame.decode())
            assert isinstance(read, OrderFrame)
            self.frames.append(read)
        return self.up

    def place(self, drink: str = "tea", seconds: float = TIMEOUT) -> asyncio.Task[str]:
        async def run() -> str:
            body = encode(draft_body(Draft("uptown", drink, order_id=new_order_id())))
            placed = await self.orders.place(body, seconds)
            return f"{placed.order.drink} {placed.replayed} {placed.attempts}"

        return asyncio.create_task(run())

    def acknowledge(self, frame: OrderFrame, status: int = 201) -> None:
        assert isinstance(frame.order_id, str)
        body = OrderBody(frame.order_id, frame.store, frame.drink, 1, "2.90", NOW, NOW)
        self.orders.acknowledge(Ack(ref=frame.ref, status=status, order=body))

    def refuse(self, frame: OrderFrame, status: int, **fields: object) -> None:
        refusal = Refusal(status=status, title="t", detail="No.", ref=frame.ref)
        self.orders.refuse(msgspec.structs.replace(refusal, **fields))


async def test_answers_find_their_orders_in_any_order() -> None:
    wire = Wire()
    tasks = [wire.place(drink) for drink in ("tea", "latte", "mocha")]
    await eventually(lambda: len(wire.frames) == 3)
    for frame in reversed(wire.frames):
        wire.acknowledge(frame, status=200 if frame.drink == "mocha" else 201)
    assert await asyncio.gather(*tasks) == ["tea False 1", "latte False 1", "mocha True 1"]


async def test_unanswered_orders_are_sent_again_under_their_key() -> None:
    wire = Wire()
    lost, answered = wire.place("tea"), wire.place("latte")
    await eventually(lambda: len(wire.frames) == 2)
    wire.acknowledge(wire.frames[1])
    await answered
    wire.orders.resend()
    first, _, again = wire.frames
    assert (first.order_id, first.drink) == (again.order_id, again.drink)
    wire.acknowledge(again, status=200)
    assert await lost == "tea True 2"
    assert wire.orders.retries == 1


async def test_an_order_waits_for_a_connection() -> None:
    wire = Wire()
    wire.up = False
    task = wire.place()
    await asyncio.sleep(0)
    wire.up = True
    wire.orders.resend()
    wire.acknowledge(wire.frames[0])
    assert await task == "tea False 1"


async def test_a_refusal_for_good_is_raised_with_its_fields() -> None:
    wire = Wire()
    task = wire.place()
    await eventually(lambda: wire.frames)
    wire.refuse(wire.frames[0], 422, errors=(FieldError("drink", "is unknown"),))
    with pytest.raises(Invalid) as refused:
        await task
    assert refused.value.errors == (FieldError("drink", "is unknown"),)


async def test_a_refusal_of_the_moment_is_sent_again_when_the_server_asked_for_it() -> None:
    wire = Wire()
    task = wire.place()
    await eventually(lambda: wire.frames)
    wire.refuse(wire.frames[0], 503, retry_after=0.01)
    await eventually(lambda: len(wire.frames) == 2)
    wire.acknowledge(wire.frames[1])
    assert await task == "tea False 2"


@pytest.mark.parametrize("up", [True, False])
async def test_when_time_is_up_it_says_whether_the_order_may_be_stored(up: bool) -> None:
    wire = Wire()
    wire.up = up
    with pytest.raises(OutcomeUnknown if up else ServerUnavailable, match="the order"):
        await wire.place(seconds=0.01)


async def test_when_time_is_up_the_last_refusal_counts() -> None:
    wire = Wire()
    task = wire.place(seconds=0.05)
    await eventually(lambda: wire.frames)
    wire.refuse(wire.frames[0], 503, retry_after=60.0)
    with pytest.raises(Unavailable, match=r"^No\.$"):
        await task


@pytest.mark.parametrize("first", ["no answer", "answered by not knowing"])
async def test_a_refusal_says_nothing_about_an_earlier_attempt(first: str) -> None:
    wire = Wire()
    task = wire.place(seconds=0.2)
    await eventually(lambda: wire.frames)
    if first == "no answer":
        wire.orders.resend()
    else:
        wire.refuse(wire.frames[0], 503, title=OutcomeUnknown.title, retry_after=0.01)
    await eventually(lambda: len(wire.frames) == 2)
    wire.refuse(wire.frames[1], 503, retry_after=60.0)
    with pytest.raises(
        OutcomeUnknown, match=r"^No\. An earlier attempt had no answer: the order may"
    ):
        await task


async def test_giving_up_reaches_every_order_and_says_which_may_be_stored() -> None:
    wire = Wire()
    sent = [wire.place(), wire.place()]
    await eventually(lambda: len(wire.frames) == 2)
    wire.up = False
    unsent = wire.place()
    await asyncio.sleep(0)
    wire.orders.fail(Unauthorized("Who is it?"))
    for task in sent:
        with pytest.raises(OutcomeUnknown, match=r"^Who is it\? .*the order may be stored"):
            await task
    with pytest.raises(Unauthorized):
        await unsent


async def test_answers_to_unknown_orders_are_ignored() -> None:
    wire = Wire()
    task = wire.place()
    await eventually(lambda: wire.frames)
    frame = wire.frames[0]
    unknown = msgspec.structs.replace(frame, ref="unknown")
    wire.acknowledge(unknown)
    wire.refuse(unknown, 422)
    wire.orders.refuse(Refusal(status=400, title="t", detail="No ref."))
    wire.acknowledge(frame)
    wire.acknowledge(frame)
    wire.refuse(frame, 422)
    assert await task == "tea False 1"
    wire.acknowledge(frame)
