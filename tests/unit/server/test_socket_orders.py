"""Orders over a WebSocket: stored, kept in line, or refused at once with a time to come back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, cast

from coffeert.domain.orders import Draft, Order, new_order_id
from coffeert.errors import ApiError, Invalid, TooManyRequests, Unavailable
from coffeert.server.ingest.batch_writer import Outcome, PendingOrder, StoredOrder
from coffeert.server.ingest.load_shedding import LoadShedder
from coffeert.server.ingest.order_service import OrderService
from coffeert.server.ws.orders import UNANSWERED, WebSocketOrders

RESYNC = '{"type":"resync"}'


def order(ref: str, drink: str = "latte") -> str:
    return json.dumps({"type": "order", "ref": ref, "store": "uptown", "drink": drink})


class Till:
    """A client, and what it was sent."""

    def __init__(self) -> None:
        self.frames: list[dict[str, Any]] = []
        self.resyncs = 0
        self.spent_up = False

    def send(self, *payloads: bytes) -> None:
        self.frames += map(json.loads, payloads)

    def spend(self) -> None:
        if self.spent_up:
            raise TooManyRequests("Too many orders from this address.", retry_after=2)

    def resync(self) -> None:
        self.resyncs += 1

    @property
    def said(self) -> list[tuple[str | None, int]]:
        return [(frame.get("ref"), frame["status"]) for frame in self.frames]


class Kitchen:
    """Stands for `OrderService`: nothing is stored until `commit`; soup is not on the menu."""

    def __init__(self) -> None:
        self.coming: list[tuple[PendingOrder, asyncio.Future[list[Outcome]]]] = []
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
        self.coming.append((entry, answer))
        return answer

    async def place(self, draft: Draft) -> StoredOrder:
        raise Invalid("Not on the menu.")

    async def commit(self, refusal: ApiError | None = None) -> None:
        coming, self.coming = self.coming, []
        for entry, answer in coming:
            if not answer.done():
                answer.set_result([refusal or StoredOrder(entry.order, replayed=False)])
        await asyncio.sleep(0)


class Case:
    def __init__(self, group: asyncio.TaskGroup, *, may_order: bool = True) -> None:
        self.till, self.kitchen, self.shedder = Till(), Kitchen(), LoadShedder()
        self.orders = WebSocketOrders(
            self.till, cast("OrderService", self.kitchen), self.shedder, group, may_order=may_order
        )

    def sheds(self) -> None:
        """Let as many orders be inside as there is room for."""
        self.shedder.shedding = True
        while self.shedder.admits():
            pass

    def come(self, *texts: str) -> None:
        for one in texts:
            self.orders.take(one)
        self.orders.send_refusals()


@asynccontextmanager
async def case(*, may_order: bool = True) -> AsyncIterator[Case]:
    async with asyncio.TaskGroup() as group:
        yield Case(group, may_order=may_order)


async def test_an_order_is_answered_after_its_commit() -> None:
    async with case() as at:
        at.come(order("a"), order("b"))
        await asyncio.sleep(0)
        assert (at.till.said, at.orders.unanswered) == ([], 2)
        await at.kitchen.commit()
        assert (at.till.said, at.orders.unanswered) == ([("a", 201), ("b", 201)], 0)
        assert at.till.frames[0]["type"] == "ack"
        at.come(order("c"))
        await at.kitchen.commit(Unavailable("Away.", retry_after=3))
        assert at.till.said[-1] == ("c", 503)
        assert at.till.frames[-1]["retry_after"] == 3
        assert at.orders.unanswered == 0


async def test_whatever_cannot_be_stored_is_answered_at_once() -> None:
    async with case() as at:
        at.come("{", order("a", "fault"), order("b", "soup"))
        await asyncio.sleep(0)
        at.till.spent_up = True
        at.come(order("c"))
        at.till.spent_up, at.kitchen.closed = False, True
        at.come(order("d"))
        expected = [(None, 400), ("a", 503), ("b", 422), ("c", 429), ("d", 503)]
        assert at.till.said == expected
        assert at.orders.unanswered == 0
    async with case(may_order=False) as at:
        at.come(order("e"), RESYNC)
        assert (at.till.said, at.till.resyncs) == ([("e", 403)], 1)
        assert not at.kitchen.coming


async def test_while_shedding_orders_are_refused_unread_and_told_when_to_come_back() -> None:
    async with case() as at:
        at.sheds()
        before = at.shedder.shed
        odd = 'q"\\ü'
        at.come(order(odd), order("b", "soup"), RESYNC, "{")
        assert at.till.said == [(None, 400), (odd, 503), ("b", 503)]
        for refusal in at.till.frames[1:]:
            assert refusal["type"] == "error"
            assert refusal["title"] == "Unavailable"
            assert refusal["retry_after"] == 1
        assert (at.till.resyncs, at.shedder.shed - before) == (1, 2)
        assert not at.kitchen.coming
        at.shedder.leave()
        at.come(order("c"), order("d"))
        assert at.till.said[-1] == ("d", 503)
        await at.kitchen.commit()
        at.come(order("e"))  # in the place of "c"
        await at.kitchen.commit()
        assert at.till.said[-2:] == [("c", 201), ("e", 201)]


async def test_more_orders_than_a_turn_takes_come_in_over_several_in_their_order() -> None:
    async with case() as at:
        at.come(*(order(str(number)) for number in range(150)))
        assert at.orders.unanswered == 150
        taken = [len(at.kitchen.coming)]
        while taken[-1] < 150:
            await asyncio.sleep(0)
            taken.append(len(at.kitchen.coming))
        assert taken == [64, 128, 150]
        await at.kitchen.commit()
        assert at.till.said == [(str(number), 201) for number in range(150)]
        assert at.orders.unanswered == 0


async def test_orders_of_a_client_that_has_gone_are_not_stored() -> None:
    async with case() as at:
        at.come(*(order(str(number)) for number in range(70)))
        at.orders.leave()
        await asyncio.sleep(0)
        assert all(answer.cancelled() for _, answer in at.kitchen.coming)
        assert len(at.kitchen.coming) == 64
        at.come(order("late"))
        assert (at.orders.unanswered, at.till.said) == (0, [])
        # Those that were in line have left their places to others.
        at.sheds()
        assert at.shedder.shed == 1


async def test_whoever_waits_for_room_hears_of_it() -> None:
    async with case() as at:
        calls = []
        at.orders.on_room = lambda: calls.append(at.orders.unanswered)
        at.come(*(order(str(number)) for number in range(UNANSWERED)))
        waiting = asyncio.create_task(at.orders.below(UNANSWERED))
        await asyncio.sleep(0)
        assert not waiting.done()
        while at.orders.unanswered:
            await asyncio.sleep(0)
            await at.kitchen.commit()
        await waiting
        await at.orders.below(1)
        assert calls == [UNANSWERED - 1]
