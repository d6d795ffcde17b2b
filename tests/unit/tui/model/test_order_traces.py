"""The status of an own order, whatever arrives in whatever sequence."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from coffeert.client import PlacedOrder
from coffeert.domain.orders import Draft, Order, new_order_id
from coffeert.tui.model.order_traces import OrderStatus, OwnOrders

NOW = datetime(2026, 3, 1, tzinfo=UTC)


class Journey:
    """One own order, and what happens to it."""

    def __init__(self) -> None:
        self.id = new_order_id()
        self.order = Order(self.id, "uptown", "tea", 1, 290, NOW, NOW)
        self.own = OwnOrders()
        self.happen("submit")

    def status(self) -> OrderStatus:
        own = self.own.get(self.id)
        assert own is not None
        return own.status

    def happen(self, *news: str) -> None:
        for what in news:
            match what:
                case "submit":
                    self.own.submit(Draft("uptown", "tea", order_id=self.id), 1.0)
                case "store":
                    self.own.store(self.id, PlacedOrder(self.order, False, 1, 1.0, 2.0))
                case "refuse":
                    self.own.refuse(self.id, "No.")
                case "doubt":
                    self.own.mark_unknown(self.id, "Who knows?")
                case "arrive":
                    self.own.arrive([self.order], 3.0)
                case _:
                    raise AssertionError(what)


def test_a_refused_order_can_be_placed_again() -> None:
    journey = Journey()
    journey.happen("refuse")
    assert journey.status() == "refused"
    assert journey.own.awaited == 0
    journey.happen("submit", "store")
    assert journey.status() == "stored"


def test_a_refusal_after_an_attempt_of_unknown_outcome_settles_nothing() -> None:
    journey = Journey()
    journey.happen("doubt", "submit", "refuse")
    assert journey.status() == "unknown"
    assert journey.own.awaited == 1


ENDINGS = st.sampled_from(["store", "refuse", "doubt"])


@given(st.lists(ENDINGS, max_size=4), st.integers(0, 8))
def test_an_order_that_the_feed_brought_is_stored_whatever_the_answers_say(
    endings: list[str], arrival: int
) -> None:
    journey = Journey()
    news = [what for ending in endings for what in (ending, "submit")]
    news.insert(arrival, "arrive")
    journey.happen(*news, "refuse")
    assert journey.status() == "stored"
    own = journey.own.last_voidable()
    assert own is not None
    assert own.order == journey.order
