"""Days, times of day and time zones as people write them."""

from __future__ import annotations

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffeert.importer.meaning.moments import MomentReader
from coffeert.importer.spelling.cell_text import Fault
from coffeert.importer.spelling.dates import named_format
from coffeert.importer.spelling.zones import zone_named

BERLIN = ZoneInfo("Europe/Berlin")


def moment(
    text: str, clock: str | None = None, *, order: str = "dmy", zone: ZoneInfo | None = None
) -> datetime | Fault:
    reader = MomentReader(order=order, numbers="excel", zone=zone or ZoneInfo("UTC"))
    return reader.read(text, clock, "", 2)


@pytest.mark.parametrize(
    "text",
    [
        "2026-09-14T08:05:00Z",
        "2026-09-14T08:05:00.000Z",
        "2026-09-14 08:05",
        "2026-09-14 08:05:00",
        "2026/09/14 8:05",
        "14/9/2026 08:05",
        "14.09.2026, 08:05",
        "14.09.26 08:05",
        "14.09.2026 08.05 Uhr",
        "14-09-2026 08:05",
        "14/09/26 8:05 AM",
        "14/9/2026 8:05 a. m.",
        "14/9/2026 8:05\u202fa.\u00a0m.",
        "14-Sep-2026 08:05 AM",
        "Sep 14, 2026 8:05 AM",
        "September 14, 2026, 8:05 am",
        "14. September 2026 08:05",
        "14 septembre 2026 08h05",
        "14 de septiembre de 2026 08:05",
        "14 set 2026 08:05",
        "Mon, 14 Sep 2026 08:05:00 GMT",
        "2026年9月14日 8時05分",
        "2026/09/14 午前 8:05",
        "08:05 14/09/2026",
        "8:05 AM 14/09/2026",
        "2026-09-14T10:05:00+02:00",
        "2026-09-14 04:05:00 -0400",
        "2026-09-14 13:50+05:45",
        "20260914 08:05",
        "20260914080500",
        "202609140805",
        "20260914T080500",
        "20260914 080500",
        "20260914T080500Z",
        "20260914T100500+0200",
        "14/09/2026 08:05 hrs",
        "14/09/2026 08:05 hrs.",
        "14/09/2026 08:05h",
        "Mon 14/09/2026 08:05",
        "14/09/2026 (Mon) 08:05",
        "lun. 14/09/2026 08:05",
        "2026/09/14(月) 08:05",
        "2026/09/14（月） 08:05",
        "2026-09-14 (월) 08:05",
        "2026年9月14日(月) 8時05分",
        "Sep 14, 2026 at 8:05 AM",
        "14 septembre 2026 à 08:05",
        "14. September 2026 um 08:05",
        "14.09.2026 um 08:05 Uhr",
        "14.09.2026 kl. 08.05",
        "14/09/2026 a las 08:05",
        "Mon Sep 14 2026 08:05:00 GMT+0000 (Coordinated Universal Time)",
        "Mon Sep 14 2026 10:05:00 GMT+0200 (Central European Summer Time)",
        "٢٠٢٦/٠٩/١٤ ٠٨:٠٥",
        "२०२६-०९-१४ ०८:०५",
    ],
)
def test_one_moment_in_many_spellings(text: str) -> None:
    assert moment(text) == datetime(2026, 9, 14, 8, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("clock", "hour", "minute"),
    [
        ("12:40 AM", 0, 40),
        ("12:40 PM", 12, 40),
        ("12:40 p. m.", 12, 40),
        ("1:05pm", 13, 5),
        ("0.5", 12, 0),
        ("0,34375", 8, 15),
        ("08:15:10.520", 8, 15),
        ("1899-12-30 08:15:00", 8, 15),
        ("午後 2:30", 14, 30),
        ("午後0:12", 12, 12),
        ("午前0:12", 0, 12),
        ("081511", 8, 15),
        ("000511", 0, 5),
        ("kl. 08.15", 8, 15),
        ("at 8:15 PM", 20, 15),
        ("08:15 hrs", 8, 15),
        ("14 hrs", 14, 0),
        ("30/12/1899 08:15:00", 8, 15),
        ("12/30/1899 8:15:00 PM", 20, 15),
        ("01.01.1900 08:15", 8, 15),
        ("٠٨:١٢ م", 20, 12),
    ],
)
def test_times_of_day(clock: str, hour: int, minute: int) -> None:
    found = moment("14/09/2026", clock)
    assert isinstance(found, datetime)
    assert (found.hour, found.minute) == (hour, minute)


@pytest.mark.parametrize(
    "text",
    [
        *("", "N/A", "latte", "4.80", "14/09/2026", "14/09/2026 8", "31/02/2026 08:00"),
        *("20261314080500", "20260914240500", "14/09/2026 246000", "14/09/2026 at", "0805"),
        *(
            "14/09/2026 25:00",
            "14/09/2026 13:05 AM",
            "14/09/2026 0:05 PM",
            "14/09/1999 08:00",
            "2026-13-01 08:00",
        ),
    ],
)
def test_what_is_no_moment_is_refused(text: str) -> None:
    assert isinstance(moment(text), Fault)


def test_days_of_a_spreadsheet() -> None:
    assert moment("46279.34386574074") == datetime(2026, 9, 14, 8, 15, 10, tzinfo=UTC)
    assert moment("46279,5") == datetime(2026, 9, 14, 12, tzinfo=UTC)
    assert moment("46280") == datetime(2026, 9, 15, tzinfo=UTC)
    old = MomentReader(order=None, numbers="excel1904", zone=ZoneInfo("UTC"))
    assert old.read("44817.5", None, "", 2) == datetime(2026, 9, 14, 12, tzinfo=UTC)


def test_seconds_and_milliseconds() -> None:
    seconds = MomentReader(order=None, numbers="unix", zone=None)
    assert seconds.read("1789372800", None, "", 2) == datetime(2026, 9, 14, 8, tzinfo=UTC)
    milliseconds = MomentReader(order=None, numbers="unixms", zone=None)
    assert milliseconds.read("1789372800500", None, "", 2) == datetime(
        2026, 9, 14, 8, 0, 0, 500_000, tzinfo=UTC
    )


def test_letters_of_a_zone_check_it_and_tell_doubled_hours_apart() -> None:
    new_york = ZoneInfo("America/New_York")
    first = moment("01/11/2026 01:30 AM EDT", zone=new_york)
    second = moment("01/11/2026 01:30 AM EST", zone=new_york)
    assert first == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)
    assert second == datetime(2026, 11, 1, 6, 30, tzinfo=UTC)
    assert isinstance(moment("14/09/2026 08:00 EST", zone=new_york), Fault)
    assert isinstance(moment("14/09/2026 08:00 CET", zone=new_york), Fault)


@pytest.mark.parametrize(
    ("name", "zone"),
    [
        ("Eastern Time (US & Canada)", "America/New_York"),
        ("eastern time (us & canada)", "America/New_York"),
        ("Hawaii", "Pacific/Honolulu"),
        ("London", "Europe/London"),
        ("Eastern Standard Time", "America/New_York"),
        ("W. Europe Standard Time", "Europe/Berlin"),
        ("Europe/Berlin", "Europe/Berlin"),
        ("america/new_york", "America/New_York"),
    ],
)
def test_names_of_zones(name: str, zone: str) -> None:
    assert zone_named(name).key == zone


@pytest.mark.parametrize("name", ["", "EST", "CST", "IST", "Springfield", "(UTC+01:00) Amsterdam"])
def test_what_names_no_zone(name: str) -> None:
    with pytest.raises(ValueError, match="no time zone"):
        zone_named(name)


def test_an_hour_that_the_clocks_skip_is_read_as_before_it() -> None:
    found = moment("29/03/2026 02:30", zone=BERLIN)
    assert found == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


def test_a_default_time_stands_for_a_missing_one() -> None:
    reader = MomentReader(order="dmy", numbers=None, zone=BERLIN, default_time=time(12))
    assert reader.read("14/09/2026", None, "", 2) == datetime(2026, 9, 14, 10, tzinfo=UTC)
    assert reader.read("14/09/2026", "", "", 2) == datetime(2026, 9, 14, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("dmy", "dmy"),
        ("DD/MM/YYYY", "dmy"),
        ("%d.%m.%Y %H:%M", "dmy"),
        ("M/d/yy h:mm a", "mdy"),
        ("%b %d, %Y", "mdy"),
        ("yyyy-MM-dd", "ymd"),
        ("Excel", "excel"),
        ("unixms", "unixms"),
        ("day first", None),
        ("", None),
    ],
)
def test_names_of_date_formats(text: str, order: str | None) -> None:
    assert named_format(text) == order


_PATTERNS = {
    "dmy": ("%d/%m/%Y", "%d.%m.%Y", "%d.%m.%y", "%d-%m-%Y", "%d %B %Y"),
    "mdy": ("%m/%d/%Y", "%m/%d/%y", "%B %d, %Y"),
    "ymd": ("%Y-%m-%d", "%Y/%m/%d", "%Y%m%d"),
}
_CLOCKS = ("%H:%M:%S", "%I:%M:%S %p", "%H:%M:%S.%f")


@given(
    when=st.datetimes(datetime(2001, 1, 1), datetime(2060, 1, 1)),  # noqa: DTZ001 # what a store's clock shows
    order=st.sampled_from(sorted(_PATTERNS)),
    pattern=st.integers(0, 2),
    clock=st.sampled_from(_CLOCKS),
    zone=st.sampled_from(
        ["Europe/Berlin", "America/New_York", "Asia/Tokyo", "Australia/Lord_Howe"]
    ),
)
def test_what_is_written_is_read(
    when: datetime, order: str, pattern: int, clock: str, zone: str
) -> None:
    when = when.replace(microsecond=0)
    text = when.strftime(f"{_PATTERNS[order][pattern]} {clock}")
    assert moment(text, order=order, zone=ZoneInfo(zone)) == when.replace(tzinfo=ZoneInfo(zone))
