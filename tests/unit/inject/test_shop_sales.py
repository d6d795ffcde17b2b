"""The demo's shops: the same days each time, with the rhythm of real ones."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coffeert.domain.orders import Draft
from coffeert.inject.shop_habits import DRINKS, SHOPS, TASTES
from coffeert.inject.shop_sales import Sale, sales_from, sales_of_day

BERLIN = ZoneInfo("Europe/Berlin")
THURSDAY = date(2026, 11, 26)


def local_hours(sales: list[Sale], zone: ZoneInfo = BERLIN) -> Counter[int]:
    moments = [sale.draft.placed_at for sale in sales]
    return Counter(moment.astimezone(zone).hour for moment in moments if moment is not None)


@pytest.mark.long
@settings(max_examples=10, deadline=None)
@given(
    st.integers(0, 230 * 86_400),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Pacific/Auckland", "Asia/Kolkata"]),
)
def test_a_part_of_the_sales_is_the_same_wherever_one_begins(seconds: int, name: str) -> None:
    zone, start = ZoneInfo(name), datetime(2026, 3, 25, tzinfo=UTC) + timedelta(seconds=seconds)
    end = start + timedelta(hours=40)
    later = start + timedelta(hours=17, seconds=1.5)
    whole = list(takewhile(lambda sale: sale.sent_at < end, sales_from(start, zone)))
    rest = list(takewhile(lambda sale: sale.sent_at < end, sales_from(later, zone)))
    assert [sale for sale in whole if sale.sent_at >= later] == rest
    assert all(start <= sale.sent_at for sale in whole)
    assert len({sale.draft.order_id for sale in whole}) == len(whole)
    assert [sale.sent_at for sale in whole] == sorted(sale.sent_at for sale in whole)


def test_another_seed_makes_other_sales() -> None:
    ids = {sale.draft.order_id for sale in sales_of_day(THURSDAY, BERLIN)}
    assert ids.isdisjoint(s.draft.order_id for s in sales_of_day(THURSDAY, BERLIN, seed=1))


@pytest.mark.parametrize("day", [date(2026, 3, 29), THURSDAY, date(2026, 11, 28)])
def test_shops_sell_while_they_are_open_also_when_the_clocks_change(day: date) -> None:
    for shop in SHOPS:
        hours = shop.hours_on(day.weekday())
        for sale in sales_of_day(day, BERLIN, shops=[shop]):
            assert sale.draft.placed_at is not None
            local = sale.draft.placed_at.astimezone(BERLIN)
            assert local.date() == day
            assert hours.opens <= local.hour + local.minute / 60 < hours.closes


def test_a_day_has_a_peak_in_the_morning_and_one_at_lunch() -> None:
    hours = local_hours(sales_of_day(THURSDAY, BERLIN))
    assert max(hours[7], hours[8]) > 1.4 * hours[10]
    assert hours[12] > 1.4 * hours[10]
    assert hours[12] > 1.4 * hours[15] > 1.4 * hours[19] > 0
    assert not any(hours[hour] for hour in (0, 1, 2, 3, 4, 22, 23))


def test_sundays_are_quiet_and_shops_differ() -> None:
    sunday, saturday = (sales_of_day(THURSDAY + timedelta(days), BERLIN) for days in (3, 2))
    thursday = sales_of_day(THURSDAY, BERLIN)
    assert len(sunday) < 0.6 * len(thursday)
    by_shop = [Counter(sale.draft.store for sale in day) for day in (thursday, saturday)]
    assert by_shop[0]["central"] > by_shop[0]["downtown"] > by_shop[0]["southend"]
    assert by_shop[1]["downtown"] < 0.5 * by_shop[0]["downtown"]
    assert by_shop[1]["uptown"] > by_shop[0]["uptown"]


def test_espresso_is_for_the_morning_and_tea_for_the_afternoon() -> None:
    def share(drink: str, first: int, last: int) -> float:
        part = [
            sale.draft.drink
            for sale in sales_of_day(THURSDAY, UTC)
            if sale.draft.placed_at is not None and first <= sale.draft.placed_at.hour < last
        ]
        return part.count(drink) / len(part)

    assert share("espresso", 6, 11) > 3 * share("espresso", 14, 20)
    assert share("tea", 14, 20) > 3 * share("tea", 6, 11)


def test_receipts_have_one_to_three_lines_of_one_till_and_some_are_refunds() -> None:
    receipts: dict[str | None, list[Draft]] = {}
    for days in range(3):
        for sale in sales_of_day(THURSDAY + timedelta(days), BERLIN):
            receipts.setdefault(sale.draft.receipt, []).append(sale.draft)
    assert None not in receipts
    assert {len(lines) for lines in receipts.values()} == {1, 2, 3}
    for lines in receipts.values():
        assert len({(draft.store, draft.source, draft.placed_at) for draft in lines}) == 1
        assert len({draft.drink for draft in lines}) == len(lines)
    drafts = [draft for lines in receipts.values() for draft in lines]
    assert {draft.source for draft in drafts} == {"till 1", "till 2"}
    refunds = sum(draft.quantity < 0 for draft in drafts)
    assert 0 < refunds < 0.01 * len(drafts)


def test_one_shop_opens_late_on_some_days_and_has_a_till_that_sends_late() -> None:
    (late,) = (shop for shop in SHOPS if shop.opens_late)
    days = [THURSDAY - timedelta(days=7 * weeks) for weeks in range(30)]
    first = []
    for day in days:
        sales = sales_of_day(day, BERLIN, shops=[late])
        first.append(min(sale.draft.placed_at.astimezone(BERLIN) for sale in sales))  # type: ignore[union-attr]  # all have one
    opened = [moment.hour + moment.minute / 60 - late.hours.opens for moment in first]
    assert 0.1 < sum(hours > late.late_minutes[0] / 60 for hours in opened) / len(days) < 0.7
    delays = [
        (sale.sent_at - sale.draft.placed_at).total_seconds()  # type: ignore[operator]  # all have one
        for sale in sales_of_day(THURSDAY, BERLIN, shops=[late])
        if sale.draft.source == f"till {late.slow_till}"
    ]
    assert min(delays) > 10


def test_every_taste_is_a_drink_of_the_menu() -> None:
    assert {drink.code for drink in DRINKS} == set(TASTES)
    assert all(set(shop.tastes) <= set(TASTES) for shop in SHOPS)
    assert {sale.draft.drink for sale in islice(sales_from(datetime.now(UTC), UTC), 3000)} == set(
        TASTES
    )
