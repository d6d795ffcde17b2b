"""Reports: the sums of a period beside those of another one, as `GET /api/report` answers.

Dates are business dates of each store; a chain's "today" is each store's own, summed. Money is decimal
text in the currency.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

import msgspec

from coffeert.domain.changes import PercentChange as PercentChange
from coffeert.domain.comparisons import Comparison as Comparison
from coffeert.domain.money import rounded, units_from_text
from coffeert.domain.periods import PERIODS as PERIODS
from coffeert.domain.report_plan import Grouping as Grouping
from coffeert.wire.closings import ClosingSummary


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """The sums of some orders. What was voided counts nowhere; a refund lowers `pieces` and `takings`.

    `orders` are lines of receipts. `takings` is `sold` minus `refunded`. `receipts`, and the orders and
    takings that they are made of, are `None` if no order has the number of a receipt. All but the first
    three are `None` unless the report was asked for details.
    """

    orders: int
    pieces: int
    takings: str
    receipts: int | None = None
    orders_with_receipt: int | None = None
    takings_with_receipt: str | None = None
    sold: str | None = None
    refunded: str | None = None

    @property
    def receipt_share(self) -> int | None:
        """Of how many of a hundred orders there is a receipt, rounded down; `None` if of none or all."""
        covered = self.orders_with_receipt or 0
        return 100 * covered // self.orders if 0 < covered < self.orders else None

    @property
    def per_receipt(self) -> int | None:
        """What a receipt took on average, in minor units; `None` without any."""
        if not self.receipts or self.receipts < 0 or self.takings_with_receipt is None:
            return None
        return rounded(units_from_text(self.takings_with_receipt), self.receipts)


class UsualRange(msgspec.Struct, frozen=True, kw_only=True):
    """The lowest and the highest of the `days` that a usual one is the mean of, each figure by itself.

    Those of several stores are of the days on which all of them traded. Of a period of several days it
    is of whole periods.
    """

    days: int
    lowest_orders: int
    highest_orders: int
    lowest_takings: str
    highest_takings: str


class ReportRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row: `keys` has a text for each grouping, such as a code, `08:15`, `2026-11-26` or `4`.

    `names` are the keys as people read them. `days` is on how many days a weekday's row traded, whose
    figures are sums. `compared` is `None` if there is nothing to compare with.
    """

    keys: tuple[str, ...]
    names: tuple[str, ...]
    figures: Figures
    compared: Figures | None = None
    takings_change: PercentChange | None = None
    orders_change: PercentChange | None = None
    per_order_change: PercentChange | None = None
    usual_range: UsualRange | None = None
    days: int | None = None


class Correction(msgspec.Struct, frozen=True, kw_only=True):
    """A refund or a void, with what it takes away: negative if it is the void of a refund.

    `placed_at` of a void is the time of the sale. Times have the offset of the store's zone.
    """

    kind: Literal["refund", "void"]
    store: str
    store_name: str
    drink: str
    drink_name: str
    pieces: int
    amount: str
    placed_at: datetime
    received_at: datetime
    source: str | None
    receipt: str | None


class ReportDetails(msgspec.Struct, frozen=True, kw_only=True):
    """What lowers takings: the first of `corrections_found`. And what came late.

    That is what arrived after its business day was over, but for imports. `closing` is the last one of
    the day, if the report is about all of one and it was closed.
    """

    corrections: tuple[Correction, ...]
    corrections_found: int
    late: Figures
    closing: ClosingSummary | None = None


class ReportSpan(msgspec.Struct, frozen=True, kw_only=True):
    """Business dates, both included. `until`: as far as a span is counted that has not ended yet.

    `title` is in words, such as "Thursday, 26 November" or "last Thursday by 12:40".
    """

    name: str
    title: str
    first: date
    last: date
    until: datetime | None = None


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to `GET /api/report`.

    Rows of quarters and hours have the compared days whole, so that what is still to come can be shown;
    everything else ends `by now`. `stores_compared` of `stores` traded on both sides, or may still do so
    today; only these are compared. `stores_without_sale` of them have not sold anything yet. `timezones`
    are those of the stores, the first is the default.
    """

    period: ReportSpan
    compared: ReportSpan | None
    currency: str
    timezones: tuple[str, ...]
    stores: int
    stores_compared: int | None
    total: ReportRow
    grouped_by: tuple[Grouping, ...]
    rows: tuple[ReportRow, ...]
    details: ReportDetails | None = None
    stores_without_sale: int = 0


class StoreActivity(msgspec.Struct, frozen=True, kw_only=True):
    """When a store sold last, and how it usually does at this weekday and hour.

    `usual_gap` is in seconds, `None` if it does not usually sell at this time or has too little history;
    `quiet`: nothing was sold for longer than 99 of 100 gaps last, `silent_for` so many seconds: since the
    last sale or, if that was before, since it usually opens; 0 if it is not quiet. `orders_10m` are those
    of the last ten whole minutes, `usual_10m` as many as usual then, `rush` how many times that: `None` if
    all compared days had fewer than 20 orders then.
    """

    store: str
    name: str
    last_sale: datetime | None
    usual_gap: float | None
    usually_open: bool | None
    quiet: bool
    silent_for: float = 0.0
    orders_10m: int = 0
    usual_10m: float | None = None
    rush: float | None = None


class Activity(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to `GET /api/activity`."""

    as_of: datetime
    stores: tuple[StoreActivity, ...]


decode_report = msgspec.json.Decoder(Report).decode
decode_activity = msgspec.json.Decoder(Activity).decode
