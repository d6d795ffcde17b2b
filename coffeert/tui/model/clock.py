"""The clock, injected so that tests and replays decide what time it is, and the names of time zones."""

from __future__ import annotations

import time
from datetime import UTC, datetime, tzinfo
from typing import Protocol


class Clock(Protocol):
    """Wall-clock time and monotonic time."""

    def now(self) -> datetime:
        """Return the moment, in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never decrease; only differences mean something."""
        ...


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        """Return the moment, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds that never decrease; only differences mean something."""
        return time.monotonic()


def zone_text(moment: datetime, zone: tzinfo) -> str:
    """Name a zone as short as people do: `CET`, or `UTC-03` where it has no letters of its own."""
    name = moment.astimezone(zone).strftime("%Z")
    return f"UTC{name}" if name[:1] in ("+", "-") else name


def zone_difference(moment: datetime, zone: tzinfo, own: tzinfo | None = None) -> str:
    """Say that this machine's clock shows another time than the shops', if it does; else return "".

    `own` is the zone of this machine, by default that which the system says.
    """
    shops, here = moment.astimezone(zone), moment.astimezone(own)
    if shops.utcoffset() == here.utcoffset():
        return ""
    return (
        f"All times are the shops': {zone}, where it is {shops:%H:%M}. "
        f"Here it is {here:%H:%M} {zone_text(moment, here.tzinfo or zone)}."
    )
