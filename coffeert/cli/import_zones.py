"""The time zones of an import: those that are offered, and those in which days begin."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from zoneinfo import ZoneInfo

from babel.localtime import get_localzone

from coffeert.cli.menu_calendar import start_text
from coffeert.domain.menu import Menu
from coffeert.importer.load.look import MenuAdditions
from coffeert.postgres.calendars import StoreCalendar, find_zone
from coffeert.postgres.pool import Connection

_SHOWN = 5

Calendars = Mapping[str | None, StoreCalendar]
"""By the store's code, that of all others by `None`."""


def known_zones(menu: Menu, calendars: Calendars) -> tuple[tuple[str, str], ...]:
    """Return the zones that are known here, and whose they are; UTC is nobody's unless it is said."""
    found: dict[str, list[str]] = {}
    for store in menu.stores:
        if store.active and store.code in calendars:
            found.setdefault(calendars[store.code].zone, []).append(store.name)
    zones = {zone: _listed(names) for zone, names in found.items()}
    zones.setdefault(calendars[None].zone, "the other stores" if zones else "the stores here")
    local = getattr(get_localzone(), "key", "UTC")
    zones.setdefault(local, "this computer")
    return tuple((zone, whose) for zone, whose in zones.items() if not _is_utc(zone))


async def calendar_of_new_stores(
    connection: Connection, zone: ZoneInfo | None, default: StoreCalendar
) -> str | None:
    """Return the zone in which days of new stores begin, `None` if they follow the default calendar.

    Times in UTC are a program's, and say nothing about where a store is.
    """
    if zone is None or _is_utc(zone.key):
        return None
    known = await find_zone(connection, zone.key)
    return None if known == default.zone else known


def days_begin(
    stores: Iterable[str],
    menu: Menu,
    additions: MenuAdditions,
    calendars: Calendars,
    zone: ZoneInfo | None,
) -> list[str]:
    """Say when the days of stores begin, and what to do if that is another zone than the times'."""
    names = {store.code: store.name for store in (*menu.stores, *additions.stores)}
    new = {store.code for store in additions.stores} if additions.zone else set()
    found: dict[StoreCalendar, list[str]] = {}
    for code in stores:
        calendar = calendars.get(code, calendars[None])
        if code in new and additions.zone:
            calendar = StoreCalendar(additions.zone, 0)
        found.setdefault(calendar, []).append(code)
    lines = []
    for calendar, codes in found.items():
        whose = _listed([names.get(code, code) for code in codes])
        lines.append(f"Days of {whose} begin at {start_text(calendar.starts)} in {calendar.zone}.")
        if zone is not None and not _is_utc(zone.key) and calendar.zone != zone.key:
            store = f"{codes[0]} " if len(codes) == 1 else ""
            lines.append(
                f"The file's times are those of {zone.key}. To let days begin there, before or after:"
            )
            lines.append(f"  coffeert menu calendar {store}--timezone {zone.key}")
    return lines


def _is_utc(zone: str) -> bool:
    return zone in ("UTC", "GMT", "UCT", "Zulu", "Universal", "Greenwich") or zone.startswith(
        "Etc/"
    )


def _listed(names: list[str]) -> str:
    if len(names) > _SHOWN:
        return f"{', '.join(names[:_SHOWN])} and {len(names) - _SHOWN} more"
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
