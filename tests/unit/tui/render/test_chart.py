"""The curve of a day is the report's, and the minutes that came since."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from coffeert.domain.calendar import Calendars
from coffeert.domain.money import money_text
from coffeert.domain.retention_window import RetentionWindow
from coffeert.domain.rollups import ZERO, CellKey, Totals, at_all_grains, floor
from coffeert.domain.view import Change, View
from coffeert.tui.model.bucket_sums import BucketSumCache
from coffeert.tui.model.data_status import DataStatus
from coffeert.tui.render.chart import day_chart, days_chart
from coffeert.tui.render.frame_context import FrameContext
from coffeert.tui.render.glyphs import BRAILLE
from coffeert.wire.reports import Figures, Report, ReportRow, ReportSpan
from tests.calendars import calendars_around

NOW = datetime(2026, 3, 14, 10, 6, 24, tzinfo=UTC)
ONE_ZONE = calendars_around(NOW, "Europe/Berlin", 0)
TWO_ZONES = calendars_around(NOW, "Europe/Berlin", 0, central=("Asia/Kathmandu", 0))

Sold = list[tuple[int, str, int]]
sold = st.lists(
    st.tuples(
        st.integers(0, 10 * 3600), st.sampled_from(("uptown", "central")), st.integers(1, 999)
    ),
    max_size=60,
)


def figures(totals: Totals) -> Figures:
    """Return sums as a report has them."""
    return Figures(
        orders=totals.orders, pieces=totals.quantity, takings=money_text(totals.cents, 2)
    )


def row(keys: tuple[str, ...], own: Totals, compared: Totals | None = None) -> ReportRow:
    """Return a row of a report."""
    return ReportRow(
        keys=keys,
        names=keys,
        figures=figures(own),
        compared=None if compared is None else figures(compared),
    )


def report(rows: list[ReportRow], until: datetime | None, days: int = 1) -> Report:
    """Return a report of today, or of some days until today."""
    first = NOW.date() - timedelta(days=days - 1)
    span = ReportSpan(name="x", title="x", first=first, last=NOW.date(), until=until)
    return Report(
        period=span,
        compared=span,
        currency="EUR",
        timezones=("Europe/Berlin",),
        stores=2,
        stores_compared=2,
        total=row((), ZERO),
        grouped_by=("quarter",),
        rows=tuple(rows),
    )


def label(at: datetime, store: str, calendars: Calendars) -> str:
    """Return the quarter hour on the wall clock of a store."""
    local = at.astimezone(ZoneInfo(calendars.of(store).zone))
    return f"{local:%H}:{local.minute // 15 * 15:02d}"


@settings(max_examples=120, deadline=None)
@given(sold, st.integers(0, 20), st.sampled_from((ONE_ZONE, TWO_ZONES)))
def test_each_quarter_has_what_was_sold_in_it(
    sold: Sold, behind: int, calendars: Calendars
) -> None:
    """The report may be some minutes old: what was sold since then is in the view."""
    until = NOW.replace(second=0) - timedelta(minutes=behind)
    retention = RetentionWindow.at(NOW, calendars)
    minutes: dict[CellKey, Totals] = {}
    quarters: dict[str, Totals] = {}
    expected: dict[str, Totals] = {}
    for age, store, cents in sold:
        at = NOW - timedelta(seconds=age)
        key = CellKey("minute", floor(int(at.timestamp()), "minute"), store, "tea")
        if calendars.of(store).day_of(key.bucket) != retention.day_of(store).date:
            continue
        one, name = Totals(1, 1, cents), label(at, store, calendars)
        minutes[key] = minutes.get(key, ZERO).plus(one)
        expected[name] = expected.get(name, ZERO).plus(one)
        if at < until:
            quarters[name] = quarters.get(name, ZERO).plus(one)
    view = View(Change(retention, NOW, at_all_grains(minutes, calendars)))
    zone = ZoneInfo("Europe/Berlin")
    context = FrameContext(NOW, zone, BRAILLE, DataStatus("live"), view=view)
    made = day_chart(
        context,
        BucketSumCache(view.cube),
        report([row((name,), totals) for name, totals in quarters.items()], until),
        "takings",
        lambda start, end: False,
        running=True,
    )
    shown = dict(zip(made.labels, made.values, strict=True))
    assert {name: value for name, value in shown.items() if value} == {
        name: totals.cents for name, totals in expected.items()
    }
    assert made.running is not None
    assert set(made.values[made.running + 1 :]) <= {None}
    assert sum(value or 0 for value in made.values) == view.cube.totals().today.cents


def test_the_compared_day_goes_on_to_its_evening() -> None:
    rows = [row((f"{hour:02d}:00",), Totals(0, 0, 0), Totals(3, 3, 900)) for hour in (8, 12, 17)]
    view = View(Change(RetentionWindow.at(NOW, ONE_ZONE), NOW, {}))
    context = FrameContext(NOW, ZoneInfo("Europe/Berlin"), BRAILLE, DataStatus("live"), view=view)
    sums = BucketSumCache(view.cube)
    cut_off = NOW.timestamp() - 1800

    def lost(start: float, end: float) -> bool:
        return end > cut_off

    made = day_chart(context, sums, report(rows, NOW), "orders", lost, running=True)
    assert made.labels[0] == "08:00"
    assert made.labels[-1] == "17:45"
    assert made.labels[made.running or 0] == "11:00"
    assert sum(value or 0 for value in made.compared) == 9
    assert made.values[-1] is None
    # What was sold after the connection broke is unknown, and not zero.
    assert made.values[8:13] == (0, 0, None, None, None)


def test_days_after_today_are_still_to_come() -> None:
    rows = [row((f"2026-03-{day}",), Totals(day, day, day)) for day in (10, 12, 14)]
    view = View(Change(RetentionWindow.at(NOW, ONE_ZONE), NOW, {}))
    context = FrameContext(NOW, ZoneInfo("Europe/Berlin"), BRAILLE, DataStatus("live"), view=view)
    made = days_chart(context, report(rows, NOW, days=5), "orders")
    assert made.values == (10, 0, 12, 0, 14)
    assert made.running == 4
    assert made.labels[0] == "Tue 10 Mar"
