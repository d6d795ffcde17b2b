"""What was received joined with the pages of the server, and what the server is asked."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffeert.domain.order_query import OrderQuery
from coffeert.domain.orders import Order
from coffeert.tui.model.filter import EVERYTHING, parse_filter
from coffeert.tui.model.order_search import OrderPages, OrderSearch, listed, search_for
from coffeert.wire.order_pages import ListedOrder, OrderList

FIRST = datetime(2026, 3, 28, tzinfo=UTC)
CODES = ("uptown", "downtown"), ("latte", "flat-white", "tea")


def made(number: int, second: int, drink: str = "tea", price: int = 290) -> Order:
    moment = FIRST + timedelta(seconds=second)
    return Order(UUID(int=number), "uptown", drink, 1, price, moment, moment)


def page_of(orders: list[Order], limit: int) -> OrderList:
    """Return the first page of a server with these orders."""
    newest = sorted(orders, key=lambda order: order.recency, reverse=True)
    bodies = tuple(ListedOrder.listed(order, 2, None, None) for order in newest[:limit])
    return OrderList(bodies, "more" if len(newest) > limit else None, len(newest))


@given(st.integers(), st.integers(0, 40), st.integers(0, 10), st.integers(1, 50))
def test_the_list_has_no_gap_and_no_order_twice(
    seed: int, stored: int, later: int, limit: int
) -> None:
    chance = random.Random(seed)
    old = [made(n, chance.randint(0, 50)) for n in range(stored)]
    new = [made(100 + n, chance.randint(40, 90)) for n in range(later)]
    search = OrderSearch(OrderQuery(), EVERYTHING)
    pages = OrderPages.first(search, page_of(old, limit), 0.0, 1, 0.0)
    received = [order for order in old if chance.random() < 0.5] + new
    shown = listed(received, EVERYTHING, pages, lambda store: 0.0)
    every = sorted(old + new, key=lambda order: order.recency, reverse=True)
    if pages.next is None:
        assert list(shown.orders) == every
    else:
        end = pages.orders[-1].recency
        assert list(shown.orders) == [order for order in every if order.recency >= end]
    hidden = sum(order not in shown.orders for order in new)
    assert shown.total == stored + later - hidden


def test_a_void_is_on_the_row_of_its_order() -> None:
    order = made(1, 5)
    void = order.correction(UUID(int=2), FIRST + timedelta(minutes=5))
    shown = listed([order, void], EVERYTHING, None, lambda store: 0.0)
    assert (shown.orders, shown.voided) == ((order,), {order.order_id: void.received_at})
    alone = listed([void], EVERYTHING, None, lambda store: 0.0)
    (row,) = alone.orders
    assert (row.order_id, row.quantity, row.total_cents) == (order.order_id, 1, 290)


def test_a_business_day_has_only_what_came_in_it() -> None:
    search = OrderSearch(OrderQuery(first=date(2026, 3, 28)), EVERYTHING)
    pages = OrderPages.first(search, page_of([made(1, 50)], 5), 0.0, 1, 0.0)
    received = [made(2, 10), made(3, 60)]
    begin = (FIRST + timedelta(seconds=40)).timestamp()
    shown = listed(received, EVERYTHING, pages, lambda store: begin)
    assert [order.order_id.int for order in shown.orders] == [3, 1]
    over = OrderSearch(OrderQuery(first=date(2026, 3, 27), last=date(2026, 3, 27)), EVERYTHING)
    pages = OrderPages.first(over, page_of([made(1, 50)], 5), 0.0, 1, 0.0)
    shown = listed(received, EVERYTHING, pages, lambda store: begin)
    assert [order.order_id.int for order in shown.orders] == [1]


@pytest.mark.parametrize(
    ("text", "query", "complete"),
    [
        ("", OrderQuery(), True),
        ("store:up", OrderQuery(stores=("uptown",)), True),
        ("store:down,up", OrderQuery(), True),
        ("-tea", OrderQuery(drinks=("flat-white", "latte")), True),
        ("price>4.5", OrderQuery(min_price=451), True),
        ("price<=4.5 price>=2", OrderQuery(min_price=200, max_price=450), True),
        ("-price=4.5", OrderQuery(), False),
        ("wn", OrderQuery(), True),
        ("t", OrderQuery(), False),
    ],
)
def test_the_server_is_asked_what_it_can_answer(
    text: str, query: OrderQuery, complete: bool
) -> None:
    wanted = parse_filter(text)
    search = search_for(wanted, *CODES, None, None)
    assert search == OrderSearch(query, wanted, complete=complete)


@pytest.mark.parametrize("text", ["store:moon", "zzz", "price>5 price<4", "price=4.555", "price<0"])
def test_nothing_is_asked_for_if_nothing_can_match(text: str) -> None:
    assert search_for(parse_filter(text), *CODES, None, None) is None
