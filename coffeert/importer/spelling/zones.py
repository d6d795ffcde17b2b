"""Time zones by the names that files give them: IANA, Rails, Windows; and offsets."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from babel.core import get_global

from coffeert.importer.spelling.cell_text import folded
from coffeert.importer.spelling.clocks import offset_seconds
from coffeert.importer.spelling.vocabulary import vocabulary


def zone_named(name: str) -> ZoneInfo:
    """Return the zone of an IANA, Rails or Windows name; raises `ValueError` if there is none.

    Windows names stand for the zone of their main territory, by CLDR's table.
    """
    found = _zones().get(folded(name))
    if found is None:
        raise ValueError(
            f"{name!r} is no time zone, such as Europe/Berlin or Eastern Standard Time"
        )
    try:
        return ZoneInfo(found)
    except (ZoneInfoNotFoundError, OSError, ValueError) as error:
        raise ValueError(f"the time zone {found} is unknown on this machine") from error


def zone_or_offset(text: str) -> tzinfo:
    """Return what a cell of a zone column names: a zone or an offset; raises `ValueError` for others."""
    offset = offset_seconds(text)
    return zone_named(text) if offset is None else timezone(timedelta(seconds=offset))


def goes_by(moment: datetime, letters: str) -> bool:
    """Return whether letters such as `EST` are what the moment's zone calls its time."""
    if (moment.tzname() or "").upper() == letters:
        return True
    hours = vocabulary("zones")["letters"].get(letters)
    return hours is not None and timedelta(hours=hours) == moment.utcoffset()


@cache
def _zones() -> dict[str, str]:
    names: dict[str, str] = {}
    for zone in sorted(available_timezones()):
        if "/" not in zone and len(zone) < 5 and zone not in ("UTC", "GMT"):
            continue  # letters such as EST, which mean other zones elsewhere
        names[folded(zone)] = zone
        region, _, city = zone.partition("/")
        if city and region not in ("Etc", "SystemV", "US"):
            names.setdefault(folded(city.rpartition("/")[2].replace("_", " ")), zone)
    windows, rails = get_global("windows_zone_mapping"), vocabulary("zones")["rails"]
    for name, zone in [*windows.items(), *rails.items()]:
        names[folded(name)] = str(zone)
    return names
