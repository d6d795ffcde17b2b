"""Durations on the command line."""

from __future__ import annotations

import click

from coffeert.durations import parse_duration


def seconds(context: click.Context, option: click.Parameter, value: str | None) -> float | None:
    """Read the value of an option, such as `20s`, into seconds above zero."""
    if value is None:
        return None
    try:
        duration = parse_duration(value)
    except ValueError as error:
        raise click.BadParameter(f"{error}.") from None
    if duration == 0:
        raise click.BadParameter("must be above zero.")
    return duration
