"""Clocks of 12 hours that do not say AM or PM, and the midnight at the end of a day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffeert.errors import ConfigError
from coffeert.importer.rows import Cell
from tests.unit.importer.meanings import Outcome, of_rows, options_of, read

AFTERNOON = ("8:05", "11:40", "12:50", "1:15", "2:40", "5:05")
NO_CLOCK = "`Time` is no time of day that can be read"


def sold(times: Sequence[Cell], **options: Any) -> Outcome:
    rows = [("2026-09-14", clock, "Latte", 1, "4.00") for clock in times]
    columns = ("Date", "Time", "Item", "Qty", "Price")
    return read(of_rows(columns, *rows), **{"store": "Mill Lane", "zone": "Etc/GMT", **options})


def clocks(outcome: Outcome) -> list[str]:
    assert not outcome.plan.questions
    return [f"{sale.placed_at:%d %H:%M}" for sale in outcome.sales]


@pytest.mark.parametrize(
    "times",
    [
        AFTERNOON,
        ("08:05", "12:50", "01:15"),
        ("8.05 Uhr", "12.50 Uhr", "1.15 Uhr"),
        ("08:05:10", "1:15:00"),
        ("0.3368055556", "0.5347222222", "0.0520833333"),
        ("8:05", "0:15"),
        ("1:15 EST", "8:15 EST"),
    ],
)
def test_a_clock_of_12_hours_without_am_and_pm_is_asked_about(times: Sequence[str]) -> None:
    (question,) = sold(times).plan.questions
    assert [answer.arguments for answer in question.answers] == [
        ("--clock", "TIME"),
        ("--clock", "24"),
    ]


def test_so_it_is_in_one_column_with_the_day() -> None:
    for times in (("2026-09-14 8:05", "2026-09-14 1:15"), ("45293.3368055", "45293.0520833")):
        rows = [(moment, "Latte", 1, "4.00") for moment in times]
        outcome = read(of_rows(("Date", "Item", "Qty", "Price"), *rows), store="Mill Lane")
        (question,) = outcome.plan.questions
        assert times[1].removeprefix("2026-09-14 ") in question.text
        outcome = read(
            of_rows(("Date", "Item", "Qty", "Price"), *rows), store="Mill Lane", clock="7:00"
        )
        assert [sale.placed_at.minute for sale in outcome.sales] == [5, 15]
        assert outcome.sales[1].placed_at - outcome.sales[0].placed_at == timedelta(
            hours=5, minutes=10
        )


def test_its_answers() -> None:
    opens = sold(AFTERNOON, clock="07:00")
    assert clocks(opens) == ["14 08:05", "14 11:40", "14 12:50", "14 13:15", "14 14:40", "14 17:05"]
    assert "Times before 07:00 are of the afternoon, as --clock says." in opens.plan.facts
    assert clocks(sold(AFTERNOON, clock="24"))[3:] == ["14 01:15", "14 02:40", "14 05:05"]
    options = options_of(opens.plan.arguments)
    assert clocks(sold(AFTERNOON, **options)) == clocks(opens)


@pytest.mark.parametrize(
    "times",
    [
        ("07:00", "12:45"),
        ("5:00", "8:30", "12:59"),
        ("08:05", "13:00", "01:15"),
        ("08:05", "0.5416666667", "01:15"),
        ("00:30", "01:15", "03:59"),
        ("08:05", "00:00", "12:00"),
        ("08:05 AM", "1:15 PM", "12:01 AM"),
        ("08:05+00:00", "01:15+00:00"),
        ("08:05", "24:00", "02:00"),
    ],
)
def test_other_clocks_are_not(times: Sequence[str]) -> None:
    assert len(clocks(sold(times))) == len(times)


def test_times_in_utc_are_not() -> None:
    assert clocks(sold(AFTERNOON, zone="UTC"))[3] == "14 01:15"


@pytest.mark.parametrize("clock", ["12", "13:00", "00:00", "noon", "07:00Z"])
def test_a_shop_opens_in_the_morning(clock: str) -> None:
    with pytest.raises(ConfigError, match="neither 24 nor the time at which the shop opens"):
        sold(AFTERNOON, clock=clock)


def test_a_clock_of_24_hours_is_not_said_to_have_12() -> None:
    with pytest.raises(ConfigError, match="13:20 on line 3 is of one of 24"):
        sold(("08:05", "13:20"), clock="07:00")


@given(
    times=st.lists(st.integers(7 * 60, 19 * 60 - 1), min_size=1),
    style=st.sampled_from(["%I:%M", "%I:%M:%S"]),
)
def test_a_shop_open_for_less_than_12_hours_is_read_exactly(times: list[int], style: str) -> None:
    midnight = datetime(2026, 9, 14)  # noqa: DTZ001 # a store's clock
    moments = [midnight + timedelta(minutes=minutes) for minutes in times]
    outcome = sold([f"{moment:{style}}" for moment in moments], clock="07:00")
    assert [sale.placed_at.replace(tzinfo=None) for sale in outcome.sales] == moments


@pytest.mark.parametrize("time", ["24:00", "24:00:00", "24.00 Uhr", "24h00", timedelta(days=1)])
def test_24_00_is_the_midnight_at_the_end_of_the_day(time: Cell) -> None:
    assert clocks(sold(["08:00", time])) == ["14 08:00", "15 00:00"]


@pytest.mark.parametrize("time", ["24:01", "24:00:01", "24:30", "25:00", timedelta(hours=24.5)])
def test_nothing_is_after_it(time: Cell) -> None:
    assert sold(["08:00", "09:00", "13:00", time]).reasons == [NO_CLOCK]


def test_24_00_in_other_forms() -> None:
    columns = ("Date", "Item", "Qty", "Price")
    for moment in ("2026-09-14T24:00:00Z", "14.09.2026 24:00", "2026-09-14T24:00:00+00:00"):
        outcome = read(
            of_rows(columns, (moment, "Latte", 1, "4.00")), zone="Etc/GMT", store="Mill Lane"
        )
        assert clocks(outcome) == ["15 00:00"]


@pytest.mark.parametrize(
    ("times", "read_as"),
    [
        (("0.3125", "0.35", "0.45", "0.55"), "07:30 08:24 10:48 13:12"),
        (("0.35", "0.45", "0.5"), "08:24 10:48 12:00"),
        (("0,3125", "0,35", "0.35"), "07:30 08:24 08:24"),
        ((Decimal("0.35"), Decimal("0.45")), "08:24 10:48"),
        (("0.35", "0.45", Decimal("0.35"), "0.25"), "08:24 10:48 08:24 06:00"),
        (("0.35", "13:00", "0.3125"), "08:24 13:00 07:30"),
        (("0.35", "8.15", "13.30"), "00:35 08:15 13:30"),
        (("00.35", "13:00"), "00:35 13:00"),
        (("0:35", "0:45"), "00:35 00:45"),
        (("0.00", "0.3125", "13.3"), "00:00 07:30"),
    ],
)
def test_parts_of_a_day_with_two_digits_go_by_the_whole_column(
    times: Sequence[Cell], read_as: str
) -> None:
    assert [clock[3:] for clock in clocks(sold(times))] == read_as.split()


@pytest.mark.parametrize(
    "times",
    [("0.35", "0.45"), ("0.35", "13:00"), ("0.35", "0.3125", "13.15"), ("8.15", Decimal("0.35"))],
)
def test_what_nothing_tells_from_a_part_of_a_day_is_asked_about(times: Sequence[Cell]) -> None:
    (question,) = sold(times).plan.questions
    assert "0.35" in question.text
    assert [answer.arguments for answer in question.answers] == [
        ("--clock", "24"),
        ("--clock", "excel"),
    ]
    at = list(map(str, times)).index("0.35")
    assert clocks(sold(times, clock="24"))[at] == "14 00:35"
    assert clocks(sold(times, clock="excel"))[at] == "14 08:24"


def test_the_answer_for_12_hours_does_not_make_times_of_parts_of_a_day() -> None:
    times = ("0.3368055556", "0.35", "0.0520833333")
    assert clocks(sold(times, clock="24")) == ["14 08:05", "14 08:24", "14 01:15"]
    assert clocks(sold(times, clock="07:00")) == ["14 08:05", "14 08:24", "14 13:15"]


def test_24_00_as_clocks_are_put_back() -> None:
    rows = of_rows(
        ("Date", "Time", "Item", "Qty", "Price"), ("2026-10-25", "24:00", "Latte", 1, "4.00")
    )
    (sale,) = read(rows, zone="Europe/Berlin", store="Mill Lane").sales
    assert f"{sale.placed_at:%d %H:%M}" == "25 23:00"


EVENING = ("17:10", "22:05", "23:50", "00:20", "01:40")


def served(
    *dates: Sequence[str], heading: str = "Date", store: str = "Bar", **options: Any
) -> Outcome:
    """Sales with a time of their own, on each date from 1 March 2024."""
    columns = (heading, "Time", "Item", "Qty", "Price", "Store")
    rows = [
        (f"2024-03-{day:02d}", clock, "Negroni", 1, "9.00", store)
        for day, times in enumerate(dates, 1)
        for clock in times
    ]
    return read(of_rows(columns, *rows), **{"zone": "Etc/GMT", **options})


BUSINESS_DATES = [("--dates-begin", "HOUR"), ("--dates-begin", "00:00")]


@pytest.mark.parametrize(
    "heading",
    ["Business Date", "business_day", "営業日", "Geschäftstag", "Kassentag", "Trading date"],
)
@pytest.mark.parametrize(
    "times", [EVENING, ("00:20", "17:10"), ("12:20 AM", "05:10 PM"), ("04:59",)]
)
def test_times_after_midnight_under_a_business_date_are_asked_about(
    heading: str, times: Sequence[str]
) -> None:
    (question,) = served(times, heading=heading).plan.questions
    assert [answer.arguments for answer in question.answers] == BUSINESS_DATES
    assert heading in question.text


@pytest.mark.parametrize(
    "dates",
    [
        (EVENING,),
        (EVENING[1:4],),
        (("18:00", "23:50", "23:40", "23:55", "23:58", "00:20", "01:40"),),
        (EVENING[::-1],),
        (("00:20", "01:10", "17:10", "23:50"), EVENING, EVENING),
        (("17:10", "18:00", "23:50"), EVENING),
    ],
)
def test_a_date_that_goes_on_after_midnight_is_asked_about(dates: Sequence[Sequence[str]]) -> None:
    (question,) = served(*dates).plan.questions
    assert [answer.arguments for answer in question.answers] == BUSINESS_DATES


def test_the_answers_to_it() -> None:
    late = served(EVENING, dates_begin="05:00")
    assert clocks(late) == ["01 17:10", "01 22:05", "01 23:50", "02 00:20", "02 01:40"]
    assert clocks(served(EVENING, **options_of(late.plan.arguments))) == clocks(late)
    assert clocks(served(EVENING, dates_begin="00:00"))[3:] == ["01 00:20", "01 01:40"]
    times = ("00:00", "04:59:59", "05:00", "24:00")
    assert clocks(served(times, dates_begin="05:00")) == [
        *("02 00:00", "02 04:59", "01 05:00", "02 00:00")
    ]
    with_offset = served(("23:50+00:00", "00:20+00:00"), dates_begin="05:00")
    assert clocks(with_offset) == ["01 23:50", "02 00:20"]
    marked = served(("11:50 PM EST", "12:20 AM EST"), dates_begin="05:00", zone="America/New_York")
    assert clocks(marked) == ["02 04:50", "02 05:20"]


@pytest.mark.parametrize(
    "dates",
    [
        (sorted(EVENING),),
        (sorted(EVENING, reverse=True),),
        (sorted(EVENING), sorted(EVENING), EVENING),
        (("23:50", "00:20"),),
        (("23:50", "00:00"),),
        (("17:10", "23:50", "06:20"), ("09:00", "12:30", "08:15")),
        (("23:50", "00:20", "17:10", "01:40", "22:05", "00:50", "19:30", "02:15"),),
    ],
)
def test_dates_of_the_calendar_are_not(dates: Sequence[Sequence[str]]) -> None:
    assert len(clocks(served(*dates))) == sum(map(len, dates))


def test_a_business_date_of_a_day_is_not() -> None:
    assert clocks(served(("05:00", "17:10", "00:00"), heading="Business Date"))[0] == "01 05:00"


def test_each_store_has_its_own_order() -> None:
    columns = ("Date", "Time", "Item", "Qty", "Price", "Store")
    times = (("17:10", "A"), ("00:20", "B"), ("23:50", "A"), ("01:20", "B"), ("19:00", "B"))
    rows = [("2024-03-01", clock, "Negroni", 1, "9.00", store) for clock, store in times]
    assert len(clocks(read(of_rows(columns, *rows), zone="Etc/GMT"))) == len(times)


def test_a_business_date_into_the_night_on_which_clocks_are_put_back() -> None:
    columns = ("Business Date", "Time", "Item", "Qty", "Price")
    times = ("23:50", "01:30", "02:10", "02:50", "02:05", "02:55", "03:10")
    rows = [("2024-10-26", clock, "Negroni", 1, "9.00") for clock in times]
    sales = read(
        of_rows(columns, *rows), zone="Europe/Berlin", store="Bar", dates_begin="05:00"
    ).sales
    assert [f"{sale.placed_at:%d %H:%M}" for sale in sales] == [
        *("26 21:50", "26 23:30", "27 00:10", "27 00:50", "27 01:05", "27 01:55", "27 02:10")
    ]


def test_a_moment_in_one_column_has_the_date_of_the_calendar() -> None:
    rows = of_rows(
        ("Business Date", "Item", "Qty", "Price"), ("2024-03-01 00:20", "Tea", 1, "2.00")
    )
    assert clocks(read(rows, zone="Etc/GMT", store="Bar")) == ["01 00:20"]
    with pytest.raises(ConfigError, match="columns of their own"):
        read(rows, zone="Etc/GMT", store="Bar", dates_begin="05:00")


@pytest.mark.parametrize("begins", ["13:00", "noon", "5", "05:00Z"])
def test_business_days_begin_in_the_morning(begins: str) -> None:
    with pytest.raises(ConfigError, match="no time from 00:00 to 12:00"):
        served(EVENING, dates_begin=begins)


def test_hours_of_a_business_day_are_counted_on_after_midnight() -> None:
    times = ("23:12", "24:00", "25:12", "29:59:59")
    assert clocks(served(times, heading="営業日")) == [
        *("01 23:12", "02 00:00", "02 01:12", "02 05:59")
    ]
    assert served(times).reasons == [NO_CLOCK] * 2
    assert served(("22:00", "23:12", "30:00"), heading="営業日").reasons == [NO_CLOCK]


def test_a_time_with_the_day_zero_of_access_is_no_moment() -> None:
    times = ("30/12/1899 08:00:00", "30/12/1899 18:00:00")
    assert clocks(sold(times)) == ["14 08:00", "14 18:00"]
