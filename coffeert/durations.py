"""Durations as people write them: `500ms`, `20s`, `5m`, `1h`, or a number of seconds."""

from __future__ import annotations

import re

MAX_SECONDS = 366 * 86_400.0

_UNIT_SECONDS = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?|\.[0-9]+)\s*(ms|s|m|h|d|)")


def parse_duration(text: str) -> float:
    """Return the seconds that a text means, from 0 to 366 days.

    Raises `ValueError` with a phrase whose subject is what the text was given for; it does not repeat
    the text, which may hold control characters.
    """
    match = _DURATION.fullmatch(text.strip())
    seconds = MAX_SECONDS + 1 if match is None else float(match[1]) * _UNIT_SECONDS[match[2]]
    if seconds > MAX_SECONDS:
        raise ValueError("must be a duration such as 500ms, 20s, 5m, 1h or 30d, at most a year")
    return seconds
