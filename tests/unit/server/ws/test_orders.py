"""Orders over a WebSocket: stored, queued, or refused at once with a time to try again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from coffeert.domain.orders import Draft, Order, new_order_id
from coffeert.errors import ApiError, Invalid, TooManyRequests, Unavailable
from coffeert.server.ingest.batch_insert import Outcome, PendingOrder, StoredOrder
from coffeert.server.ingest.load_shedding import LoadShedder
from coffeert.server.ingest.order_service import OrderService
from coffeert.server.ws.orders import MAX_UNANSWERED_ORDERS, WebSocketOrders
from coffeert.wire import frames

RESYNC = '{"type":"resync"}'


def order(ref: str, drink: str = "latte") -> str:
    return json.dumps({"type": "order", "ref": ref, "store": "uptown", "drink": drink})


class Session:
    """A client, and what it was sent."""

    def __init__(self) -> None:
        self.frames: list[dict[str, Any]] = []
        self.resyncs = 0
        self.quota_consumed = False

    def send(self, *payloads: bytes) -> None:
        self.frames += map(json.loads, payloads)

    def consume_quota(self) -> None:
        if self.quota_consumed:
            raise TooManyRequests("Too many orders from this address.", retry_after=2)

    def resync(self) -> None:
        self.resyncs += 1

    @property
    def answers(self) -> list[tuple[str | None, int]]:
        return [(frame.get("ref"), frame["status"]) for frame in self.frames]


class Orders:
    """Stands for `OrderService`: nothing is stored until `commit`; soup is not on the menu."""

    places = 2

    def __init__(self) -> None:
        self.submitted: list[tuple[PendingOrder, asyncio.Future[list[Outcome]]]] = []
        self.closed = False

    def entry(self, draft: Draft) -> PendingOrder:
        if draft.drink == "soup":
            raise Invalid("Not on the menu.")
        if draft.drink == "fault":
            raise ZeroDivisionError
        now = datetime.now(UTC)
        made = Order(new_order_id(), draft.store, draft.drink, draft.quantity, 100, now, now)
        return PendingOrder(made, draft)

    def store(self, entry: PendingOrder) -> asyncio.Future[list[Outcome]]:
        if self.closed:
            raise Unavailable("The server is closing.", retry_after=1)
        answer: asyncio.Future[list[Outcome]] = asyncio.get_running_loop().create_future()
        self.submitted.append((entry, answer))
        return answer

    async def place(self, draft: Draft) -> StoredOrder:
        raise Invalid("Not on the menu.")

    async def commit(self, refusal: ApiError | None = None) -> None:
        submitted, self.submitted = self.submitted, []
        for entry, answer in submitted:
            if not answer.done():
                answer.set_result([refusal or StoredOrder(entry.order, replayed=False)])
        await asyncio.sleep(0)


class Case:
    def __init__(self, group: asyncio.TaskGroup, *, may_order: bool = True) -> None:
        self.session, self.service, self.shedder = (
            Session(),
            Orders(),
            LoadShedder(clock=lambda: 0.0),
        )
        self.orders = WebSocketOrders(
            self.session,
            cast("OrderService", self.service),
            self.shedder,
            group,
            may_order=may_order,
        )

    def shed_load(self) -> None:
        """Shed load, with as many orders in flight as are allowed."""
        self.shedder.shedding = True
        while self.shedder.try_admit():
            pass

    def receive(self, *texts: str) -> None:
        for one in texts:
            self.orders.handle(one)
        self.orders.flush_refusals()


@asynccontextmanager
async def case(*, may_order: bool = True) -> AsyncIterator[Case]:
    async with asyncio.TaskGroup() as group:
        yield Case(group, may_order=may_order)


async def test_an_order_is_answered_after_its_commit() -> None:
    async with case() as at:
        at.receive(order("a"), order("b"))
        await asyncio.sleep(0)
        assert (at.session.answers, at.orders.unanswered) == ([], 2)
        await at.service.commit()
        assert (at.session.answers, at.orders.unanswered) == ([("a", 201), ("b", 201)], 0)
        assert at.session.frames[0]["type"] == "ack"
        at.receive(order("c"))
        await at.service.commit(Unavailable("Away.", retry_after=3))
        assert at.session.answers[-1] == ("c", 503)
        assert at.session.frames[-1]["retry_after"] == 3
        assert at.orders.unanswered == 0


async def test_a_frame_that_cannot_be_stored_is_answered_at_once() -> None:
    async with case() as at:
        at.receive("{", order("a", "fault"), order("b", "soup"))
        await asyncio.sleep(0)
        at.session.quota_consumed = True
        at.receive(order("c"))
        at.session.quota_consumed, at.service.closed = False, True
        at.receive(order("d"))
        expected = [(None, 400), ("a", 503), ("b", 422), ("c", 429), ("d", 503)]
        assert at.session.answers == expected
        assert at.orders.unanswered == 0


async def test_without_the_right_to_order_no_order_is_decoded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    decoded: list[str] = []
    decode = frames.decode_client_frame

    def record(text: str, places: int) -> frames.ClientFrame:
        decoded.append(text)
        return decode(text, places)

    monkeypatch.setattr(frames, "decode_client_frame", record)
    names = ",".join(f'"a{number}":0' for number in range(2_000))
    costly = order("b")[:-1] + f',"price":{{{names}}}}}'
    refless = f'{{"type":"order","price":{{{names}}},"ref":5}}'
    async with case(may_order=False) as at:
        at.shed_load()
        at.receive(order("a"), costly, refless, "{", RESYNC, '{"type":"menu"}')
        assert decoded == [RESYNC, '{"type":"menu"}']
        # The answers to undecoded frames come together, after the last one.
        expected = [(None, 400), ("a", 403), ("b", 403), (None, 403), (None, 403)]
        assert at.session.answers == expected
        assert at.session.frames[1]["detail"] == "This token may read, and not send orders."
        assert (at.session.resyncs, at.orders.unanswered) == (1, 0)
        assert not at.service.submitted


async def test_while_shedding_orders_are_refused_undecoded_with_a_time_to_try_again() -> None:
    async with case() as at:
        at.shed_load()
        before = at.shedder.shed
        odd = 'q"\\ü'
        at.receive(order(odd), order("b", "soup"), RESYNC, "{")
        assert at.session.answers == [(None, 400), (odd, 503), ("b", 503)]
        for refusal in at.session.frames[1:]:
            assert refusal["type"] == "error"
            assert refusal["title"] == "Unavailable"
            assert refusal["retry_after"] == 1
        assert (at.session.resyncs, at.shedder.shed - before) == (1, 2)
        assert not at.service.submitted
        at.shedder.release()
        at.receive(order("c"), order("d"))
        assert at.session.answers[-1] == ("d", 503)
        await at.service.commit()
        at.receive(order("e"))  # in the place of "c"
        await at.service.commit()
        assert at.session.answers[-2:] == [("c", 201), ("e", 201)]


async def test_orders_beyond_those_of_one_iteration_are_queued_in_their_order() -> None:
    async with case() as at:
        at.receive(*(order(str(number)) for number in range(150)))
        assert at.orders.unanswered == 150
        taken = [len(at.service.submitted)]
        while taken[-1] < 150:
            await asyncio.sleep(0)
            taken.append(len(at.service.submitted))
        assert taken == [64, 128, 150]
        await at.service.commit()
        assert at.session.answers == [(str(number), 201) for number in range(150)]
        assert at.orders.unanswered == 0


async def test_orders_of_a_client_that_has_disconnected_are_not_stored() -> None:
    async with case() as at:
        at.receive(*(order(str(number)) for number in range(70)))
        at.orders.close()
        await asyncio.sleep(0)
        assert all(answer.cancelled() for _, answer in at.service.submitted)
        assert len(at.service.submitted) == 64
        at.receive(order("late"))
        assert (at.orders.unanswered, at.session.answers) == (0, [])
        # Those that were queued are no longer in flight.
        at.shed_load()
        assert at.shedder.shed == 1


async def test_capacity_is_announced_once_it_is_there_again() -> None:
    async with case() as at:
        calls = []
        at.orders.on_capacity = lambda: calls.append(at.orders.unanswered)
        at.receive(*(order(str(number)) for number in range(MAX_UNANSWERED_ORDERS)))
        waiting = asyncio.create_task(at.orders.wait_until_below(MAX_UNANSWERED_ORDERS))
        await asyncio.sleep(0)
        assert not waiting.done()
        while at.orders.unanswered:
            await asyncio.sleep(0)
            await at.service.commit()
        await waiting
        await at.orders.wait_until_below(1)
        assert calls == [MAX_UNANSWERED_ORDERS - 1]
