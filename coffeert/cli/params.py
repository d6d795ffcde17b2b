"""Options and values that several commands share."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date, tzinfo
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import click

from coffeert.cli.server_address import find_server
from coffeert.config import Config
from coffeert.durations import parse_duration
from coffeert.errors import ConfigError

F = TypeVar("F", bound=Callable[..., Any])

_MAX_RATE = 1_000_000.0


class PlaceParam(click.Path):
    """A file or directory; no name at all would be the current directory."""

    def __init__(
        self, *, exists: bool = False, file_okay: bool = True, dir_okay: bool = True
    ) -> None:
        super().__init__(exists=exists, file_okay=file_okay, dir_okay=dir_okay, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "":
            self.fail("must name one, or be left out.", param, ctx)
        return super().convert(value, param, ctx)


data_dir_option = click.option(
    "--data-dir",
    type=PlaceParam(),
    help="Where the embedded servers keep their data.",
)


def renamed_option(old: str, new: str) -> Callable[[F], F]:
    """Refuse an option under its old name, with a sentence that names the new one."""

    def refuse(context: click.Context, option: click.Parameter, value: str | None) -> None:
        if value is not None:
            raise ConfigError(f"{old} is now called {new}.")

    return click.option(old, hidden=True, expose_value=False, callback=refuse)


class RateParam(click.ParamType[float]):
    """A rate such as orders a second, above 0 and at most a million."""

    name = "rate"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        try:
            rate = float(value)
        except ValueError:
            rate = 0.0
        if not 0 < rate <= _MAX_RATE:  # false for NaN too
            self.fail(f"must be a number above 0 and at most {_MAX_RATE:,.0f}.", param, ctx)
        return rate


class SpeedParam(click.FloatRange):
    """How many times as fast a replay is, which click's range alone would let be NaN."""

    def __init__(self) -> None:
        super().__init__(0.1, 1000)

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        speed: float = super().convert(value, param, ctx)
        if math.isnan(speed):
            self.fail("must be a number from 0.1 to 1000.", param, ctx)
        return speed


class DurationParam(click.ParamType[float]):
    """A duration above zero such as `20s`, in seconds."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        try:
            seconds = parse_duration(value)
        except ValueError as error:
            self.fail(f"{error}.", param, ctx)
        if seconds == 0:
            self.fail("must be above zero.", param, ctx)
        return seconds


class DayParam(click.ParamType[date]):
    """A date such as `2026-11-26`."""

    name = "day"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.fail("must be a date such as 2026-11-26.", param, ctx)


def zone_named(name: str | None) -> tzinfo | None:
    """Return the IANA zone of `--timezone`; raises `ConfigError` if there is none of that name."""
    try:
        return None if name is None else ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # not found, not a name, a directory
        raise ConfigError("--timezone takes an IANA name such as Europe/Kyiv.") from None


def server_url(config: Config, given: str | None) -> str:
    """Return the URL given, or that of the server that runs here."""
    return find_server(config) if given is None else given


def server_token(config: Config) -> str | None:
    """Return the token; there is no flag for it, since flags show in the list of processes."""
    return None if config.token is None else config.token.get_secret_value()
