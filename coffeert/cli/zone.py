"""Time zones as they are named on the command line."""

from __future__ import annotations

from datetime import tzinfo
from zoneinfo import ZoneInfo

from coffeert.errors import ConfigError


def zone_named(name: str | None) -> tzinfo | None:
    """Return the IANA zone, `None` for none; raises `ConfigError` where there is no such zone."""
    try:
        return None if name is None else ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # not found, not a name, a directory
        raise ConfigError("--timezone takes an IANA name such as Europe/Kyiv.") from None
