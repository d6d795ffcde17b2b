"""Time zones by the names that files give them: IANA, Rails, Windows; and offsets."""

from __future__ import annotations

import tomllib
from datetime import datetime, timedelta, timezone, tzinfo
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from babel.core import get_global

from coffeert.importer.cell_text import folded
from coffeert.importer.clocks import offset_seconds


def zone_named(name: str) -> ZoneInfo:
    """Return the zone of an IANA, Rails or Windows name; raises `ValueError` if there is none.

    Windows names stand for the zone of their main territory, by CLDR's table.
    """
    found = _zones().get(folded(name))
    if found is None:
        raise ValueError(f"{name!r} is no time zone, such as Europe/Berlin or Eastern Standard Time")
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
    return (moment.tzname() or "").upper() == letters or _OFFSETS.get(letters) == moment.utcoffset()


@cache
def _zones() -> dict[str, str]:
    names: dict[str, str] = {}
    for zone in sorted(available_timezones()):
        names[folded(zone)] = zone
        region, _, city = zone.partition("/")
        if city and region not in ("Etc", "SystemV", "US"):
            names.setdefault(folded(city.rpartition("/")[2].replace("_", " ")), zone)
    table = tomllib.loads(files("coffeert.importer").joinpath("data/zones.toml").read_text("utf-8"))
    for name, zone in [*get_global("windows_zone_mapping").items(), *table["rails"].items()]:
        names[folded(name)] = str(zone)
    return names


_OFFSETS = {
    letters: timedelta(hours=float(hours))
    for letters, hours in (
        pair.split("=")
        for pair in "EST=-5 EDT=-4 CST=-6 CDT=-5 MST=-7 MDT=-6 PST=-8 PDT=-7 AKST=-9 AKDT=-8 HST=-10 AST=-4 ADT=-3 "
        "WET=0 WEST=1 BST=1 IST=5.5 CET=1 CEST=2 MEZ=1 MESZ=2 EET=2 EEST=3 MSK=3 AWST=8 ACST=9.5 ACDT=10.5 "
        "AEST=10 AEDT=11 NZST=12 NZDT=13 JST=9 KST=9 SGT=8 HKT=8 PHT=8 ICT=7 WIB=7 SAST=2 BRT=-3 ART=-3".split()
    )
}
