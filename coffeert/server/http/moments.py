"""Instants and business days in the query of a URL."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from coffeert.errors import FieldError, Invalid

_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_WITH_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d[T+ ]\d\d", re.ASCII)
_FAULT: Final = "must be a time such as 2026-01-31T09:30:00+01:00, or a day such as 2026-01-31"


def read_moment(field: str, text: str, zone: str) -> datetime | date:
    """Read an instant, or a day if there is no time; a time without an offset is in `zone`.

    Raises `Invalid`, which names `field`.
    """
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
        if not _WITH_TIME.match(text):  # Python reads more forms than people mean
            raise ValueError
        # A plus that is not escaped reaches us as a space.
        moment = datetime.fromisoformat(text[:10] + text[10:].replace(" ", "+"))
        moment = moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))
        moment.astimezone(
            UTC
        )  # beyond the years 1 to 9999 it overflows, as in the database's driver
        return moment
    except (ValueError, OverflowError, OSError, ZoneInfoNotFoundError):
        raise Invalid(f"{field} {_FAULT}.", errors=(FieldError(field, _FAULT),)) from None
