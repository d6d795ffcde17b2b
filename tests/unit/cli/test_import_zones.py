"""Zones that are offered, and when days begin."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from coffeert.cli import import_zones
from coffeert.cli.import_zones import Calendars, days_begin, known_zones
from coffeert.domain.menu import Menu, Store
from coffeert.importer.load.look import MenuAdditions
from coffeert.postgres.calendars import StoreCalendar

MENU = Menu(
    (Store("uptown", "Uptown"), Store("central", "Central"), Store("old", "Old", False)), ()
)
UTC = StoreCalendar("UTC", 0)
KYIV = ZoneInfo("Europe/Kyiv")


@pytest.fixture(autouse=True)
def _computer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_zones, "get_localzone", lambda: ZoneInfo("Europe/Lisbon"))


def test_utc_by_default_is_no_zone_that_is_known() -> None:
    assert known_zones(MENU, {None: UTC}) == (("Europe/Lisbon", "this computer"),)


def test_zones_of_stores_come_first_and_each_once() -> None:
    calendars = {
        None: StoreCalendar("Europe/Lisbon", 240),
        "central": StoreCalendar("Europe/Kyiv", 0),
        "uptown": StoreCalendar("Europe/Kyiv", 300),
        "old": StoreCalendar("Asia/Tokyo", 0),
    }
    assert known_zones(MENU, calendars) == (
        ("Europe/Kyiv", "Uptown and Central"),
        ("Europe/Lisbon", "the other stores"),
    )


def _additions(zone: str | None) -> MenuAdditions:
    return MenuAdditions(stores=[Store("kiosk", "Kiosk")], drinks=[], retired=[], zone=zone)


def test_days_of_new_stores_begin_in_the_zone_of_the_file() -> None:
    lines = days_begin(["kiosk"], MENU, _additions("Europe/Kyiv"), {None: UTC}, KYIV)
    assert lines == ["Days of Kiosk begin at 00:00 in Europe/Kyiv."]


def test_days_that_begin_elsewhere_are_said_with_what_changes_it() -> None:
    calendars: Calendars = {None: StoreCalendar("Europe/Berlin", 240)}
    lines = days_begin(["central", "kiosk"], MENU, _additions("Europe/Kyiv"), calendars, KYIV)
    assert lines == [
        "Days of Central begin at 04:00 in Europe/Berlin.",
        "The file's times are those of Europe/Kyiv. To let days begin there, before or after:",
        "  coffeert menu calendar central --timezone Europe/Kyiv",
        "Days of Kiosk begin at 00:00 in Europe/Kyiv.",
    ]


def test_times_in_utc_are_no_zone_of_a_shop() -> None:
    calendars: Calendars = {None: StoreCalendar("Europe/Berlin", 0)}
    lines = days_begin(["kiosk"], MENU, _additions(None), calendars, ZoneInfo("UTC"))
    assert lines == ["Days of Kiosk begin at 00:00 in Europe/Berlin."]
