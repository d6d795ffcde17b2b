"""Hypothesis strategies for orders, zones and stretches of time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import settings
from hypothesis import strategies as st

from coffeert.domain.orders import MAX_PRICE_CENTS, MAX_QUANTITY, MIN_PLACED_AT, Order

fewer = settings(max_examples=50)
"""For properties whose examples are large."""

CHANGES = [
    ("Europe/Kyiv", datetime(2026, 3, 29, 1, tzinfo=UTC)),
    ("Europe/Kyiv", datetime(2026, 10, 25, 1, tzinfo=UTC)),
    ("America/New_York", datetime(2026, 11, 1, 6, tzinfo=UTC)),
    ("Asia/Kathmandu", datetime(2026, 1, 1, tzinfo=UTC)),  # +05:45
    ("Pacific/Chatham", datetime(2026, 4, 4, 14, tzinfo=UTC)),  # +12:45 and +13:45
    ("Australia/Lord_Howe", datetime(2026, 4, 4, 15, tzinfo=UTC)),  # by half an hour
    ("America/St_Johns", datetime(2010, 11, 7, 2, 31, tzinfo=UTC)),  # at a minute past midnight
    ("America/Sao_Paulo", datetime(2018, 11, 4, 3, tzinfo=UTC)),  # the day began at one o'clock
    ("America/Havana", datetime(2026, 11, 1, 5, tzinfo=UTC)),  # midnight came twice
    ("Asia/Pyongyang", datetime(2015, 8, 14, 15, tzinfo=UTC)),  # half an hour, for good
    ("Asia/Magadan", datetime(2014, 10, 25, 14, tzinfo=UTC)),  # a day of 26 hours
    ("Antarctica/Casey", datetime(2010, 3, 4, 15, tzinfo=UTC)),  # a day of 27 hours
    ("Pacific/Apia", datetime(2011, 12, 30, 10, tzinfo=UTC)),  # a day left out
]

moments = st.datetimes(datetime(2001, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 # in UTC

presents = st.one_of(
    st.builds(
        lambda change, seconds: (change[1] + timedelta(seconds=seconds), ZoneInfo(change[0])),
        st.sampled_from(CHANGES),
        st.integers(-30 * 3600, 30 * 3600),
    ),
    st.tuples(moments, st.sampled_from([zone for zone, _ in CHANGES]).map(ZoneInfo)),
)
"""A moment, and the zone of those who look: often near a change of its clock."""

stores = st.sampled_from(["uptown", "downtown", "central"])
drinks = st.sampled_from(["latte", "espresso", "tea", "mocha"])
cents = st.integers(0, MAX_PRICE_CENTS)


agos = st.one_of(
    st.timedeltas(timedelta(minutes=-5), timedelta(hours=3)),
    st.timedeltas(timedelta(0), timedelta(hours=28)),
    st.timedeltas(timedelta(0), timedelta(days=35)),
)


def orders(now: datetime) -> st.SearchStrategy[Order]:
    """Orders as they may be stored at `now`, the odd correction among them."""
    return st.builds(
        Order,
        order_id=st.uuids(),
        store=stores,
        drink=drinks,
        quantity=st.one_of(st.integers(1, MAX_QUANTITY), st.integers(-3, -1)),
        price_cents=st.one_of(st.integers(250, 600), cents),
        placed_at=agos.map(lambda ago: max(now - ago, MIN_PLACED_AT)),
        received_at=st.just(now),
        voids=st.none(),
    )
