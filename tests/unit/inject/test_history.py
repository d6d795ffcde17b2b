"""The generated past: the same each time, so that loading it again adds nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from coffeert.inject.history import past_orders, recent_orders
from coffeert.wire.orders import MenuBody, MenuDrink, MenuStore

MENU = MenuBody(
    stores=(MenuStore("uptown", "Uptown"), MenuStore("central", "Central")),
    drinks=(MenuDrink("latte", "Latte", "4.80"), MenuDrink("tea", "Tea", "2.90")),
)
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


def test_it_ends_now_and_begins_days_ago() -> None:
    drafts = list(past_orders(MENU, until=NOON, days=7, orders_a_day=200))
    moments = [draft.placed_at for draft in drafts if draft.placed_at is not None]
    assert len(moments) == len(drafts)
    assert NOON - timedelta(days=8) < min(moments) < NOON - timedelta(days=7)
    assert max(moments) < NOON
    assert 7 * 200 * 0.8 < len(drafts) < 8 * 200 * 1.6


def test_the_same_day_generates_the_same_orders_under_the_same_keys() -> None:
    earlier = list(past_orders(MENU, until=NOON, days=7, orders_a_day=200))
    later = list(past_orders(MENU, until=NOON + timedelta(hours=3), days=7, orders_a_day=200))
    by_key = {draft.order_id: draft for draft in later}
    assert len(by_key) == len(later)
    assert len(later) > len(earlier)
    assert all(by_key[draft.order_id] == draft for draft in earlier)
    other = past_orders(MENU, until=NOON, days=7, orders_a_day=200, seed=1)
    assert not {draft.order_id for draft in other} & by_key.keys()


def test_the_last_minutes_have_the_pace_that_was_asked_for() -> None:
    until = NOON + timedelta(seconds=20)
    drafts = list(recent_orders(MENU, until=until, minutes=30, orders_a_minute=60))
    moments = [draft.placed_at for draft in drafts if draft.placed_at is not None]
    assert NOON - timedelta(minutes=30) <= min(moments)
    assert max(moments) < until
    assert 30 * 60 * 0.6 < len(drafts) < 31 * 60 * 1.4
    assert len({draft.order_id for draft in drafts}) == len(drafts)
    again = {
        d.order_id: d for d in recent_orders(MENU, until=until, minutes=30, orders_a_minute=60)
    }
    assert all(again[draft.order_id] == draft for draft in drafts)
