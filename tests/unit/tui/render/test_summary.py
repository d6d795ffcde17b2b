"""What the sentence on top adds: closing, the usual range, stores that wait, receipts."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest

from coffeert.tui.render.currency import Currency
from coffeert.tui.render.summary import notes_of
from coffeert.wire.reports import Figures, Report, ReportRow, ReportSpan, UsualRange

DAY = date(2026, 11, 26)
EURO = Currency("EUR")
USUAL = UsualRange(
    days=4,
    lowest_orders=30,
    highest_orders=45,
    lowest_takings="231.00",
    highest_takings="1310.50",
)


def report(figures: Figures, usual: UsualRange | None = None, waiting: int = 0) -> Report:
    total = ReportRow(keys=(), names=(), figures=figures, usual_range=usual)
    return Report(
        period=ReportSpan(name="today", title="", first=DAY, last=DAY),
        compared=None,
        currency="EUR",
        timezones=("UTC",),
        stores=7,
        stores_compared=6,
        total=total,
        grouped_by=(),
        rows=(),
        stores_without_sale=waiting,
    )


SUMS = Figures(orders=200, pieces=220, takings="900.00")
RECEIPTS = msgspec.structs.replace(
    SUMS, receipts=80, orders_with_receipt=184, takings_with_receipt="744.00"
)


@pytest.mark.parametrize(
    ("curve", "details", "running", "said"),
    [
        (None, None, True, ()),
        (report(SUMS, USUAL), None, True, ("Usually 231 € to 1,311 € by now.",)),
        (report(SUMS, USUAL, 2), None, False, ("Usually 231 € to 1,311 €.",)),
        (report(SUMS, None, 1), None, True, ("1 of 6 stores has sold nothing yet.",)),
        (report(SUMS, None, 2), None, True, ("2 of 6 stores have sold nothing yet.",)),
        (
            report(SUMS),
            report(RECEIPTS),
            True,
            ("80 receipts of 9.30 € each, for 92 % of the orders.",),
        ),
        (
            report(SUMS),
            report(msgspec.structs.replace(RECEIPTS, receipts=1, orders_with_receipt=200)),
            True,
            ("1 receipt of 744.00 €.",),
        ),
        (report(SUMS), report(msgspec.structs.replace(RECEIPTS, receipts=0)), True, ()),
        (report(SUMS), report(SUMS), True, ()),
    ],
)
def test_notes(
    curve: Report | None, details: Report | None, running: bool, said: tuple[str, ...]
) -> None:
    assert notes_of(curve, details, EURO, running=running) == said
