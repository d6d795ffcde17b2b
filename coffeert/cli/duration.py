"""Durations on the command line."""

from __future__ import annotations

import re

import click

_UNITS = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_LONGEST = 366 * 86_400.0
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|)")


def seconds(context: click.Context, option: click.Parameter, value: str | None) -> float | None:
    """Read the value of an option, a number with a unit such as `20s`, into seconds."""
    if value is None:
        return None
    match = _DURATION.fullmatch(value)
    wanted = 0.0 if match is None else float(match[1]) * _UNITS[match[2]]
    if not 0 < wanted <= _LONGEST:
        raise click.BadParameter(
            "must be a time above zero, such as 20s, 5m or 1h, and at most a year."
        )
    return wanted
