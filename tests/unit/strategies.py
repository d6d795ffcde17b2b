"""Hypothesis strategies for orders, the calendars of stores, and stretches of time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

from hypothesis import settings
from hypothesis import strategies as st

from coffeert.domain.money import MAX_PRICE_CENTS
from coffeert.domain.orders import MIN_PLACED_AT, Order
from coffeert.domain.retention_window import RetentionWindow
from tests.calendars import calendars_around

if TYPE_CHECKING:
    from coffeert.domain.calendar import Calendars

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

STORES = ("uptown", "downtown", "central")

stores = st.sampled_from(STORES)
drinks = st.sampled_from(["latte", "espresso", "tea", "mocha"])
cents = st.integers(0, MAX_PRICE_CENTS)


class Rule(NamedTuple):
    """When the days of a store begin: its zone, and minutes after local midnight."""

    zone: str
    starts: int = 0

    def date(self, moment: datetime) -> int:
        """Name the business day of a moment, by the midnight of its date in UTC as Unix time.

        Day d has begun if in any quarter hour so far the wall clock was at or after d and the start: the
        latest such d. No clock here was put back by more than the four hours that are looked at.
        """
        zone, quarter = ZoneInfo(self.zone), seconds(moment) // 900 * 900
        walls = (datetime.fromtimestamp(quarter - 900 * n, zone) for n in range(17))
        latest = max(wall.replace(tzinfo=None) for wall in walls) - timedelta(minutes=self.starts)
        return seconds(datetime(latest.year, latest.month, latest.day, tzinfo=UTC))

    def hour(self, moment: datetime) -> int:
        """Name the local hour of a moment: when it began, by the wall clock of its quarter hour."""
        quarter = seconds(moment) // 900 * 900
        return quarter - 60 * datetime.fromtimestamp(quarter, ZoneInfo(self.zone)).minute


class Present(NamedTuple):
    """A moment, and when the days of the stores begin: of `own` ones, and of all others."""

    now: datetime
    default: Rule
    own: dict[str, Rule]

    def rule(self, store: str) -> Rule:
        return self.own.get(store, self.default)

    def calendars(self) -> Calendars:
        """Return the calendars for this moment and three weeks more."""
        return calendars_around(self.now, *self.default, **self.own)

    def retention(self) -> RetentionWindow:
        return RetentionWindow.at(self.now, self.calendars())

    def later(self, minutes: int) -> Present:
        return self._replace(now=self.now + timedelta(minutes=minutes))


def seconds(moment: datetime) -> int:
    """Return the Unix second of a moment, in whole numbers."""
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)


_starts = st.sampled_from([0, 0, 15, 240, 345, 720])
_rules = st.builds(Rule, st.sampled_from([zone for zone, _ in CHANGES]), _starts)
_own = st.dictionaries(st.sampled_from(STORES[1:]), _rules)

presents = st.one_of(
    st.builds(
        lambda change, starts, shift, own: Present(
            change[1] + timedelta(seconds=shift), Rule(change[0], starts), own
        ),
        st.sampled_from(CHANGES),
        _starts,
        st.integers(-30 * 3600, 30 * 3600),
        _own,
    ),
    st.builds(Present, moments, _rules, _own),
)
"""Often near a change of the clock."""

agos = st.one_of(
    st.timedeltas(timedelta(minutes=-5), timedelta(hours=3)),
    st.timedeltas(timedelta(0), timedelta(hours=28)),
    st.timedeltas(timedelta(0), timedelta(days=35)),
)

quantities = st.one_of(st.integers(1, 3), st.integers(1, 9999), st.integers(-9999, -1))
amounts = st.none() | st.integers(0, 10**12)
"""What a sale costs if it is not quantity times price; a refund costs minus that."""


def orders(now: datetime) -> st.SearchStrategy[Order]:
    """Orders as they may be stored at `now`: sales, refunds, and voids of either."""
    return st.builds(
        lambda quantity, amount, **columns: Order(
            quantity=quantity,
            amount=amount if amount is None or quantity > 0 else -amount,
            received_at=now,
            **columns,
        ),
        quantities,
        amounts,
        order_id=st.uuids(),
        store=stores,
        drink=drinks,
        price_cents=st.one_of(st.integers(250, 600), cents),
        placed_at=agos.map(lambda ago: max(now - ago, MIN_PLACED_AT)),
        voids=st.none() | st.none() | st.uuids(),
        source=st.none() | st.text('aé "\\{},', min_size=1, max_size=4),
        receipt=st.none() | st.sampled_from(["1", "A-17", "null"]),
    )
