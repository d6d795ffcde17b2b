"""`coffeert menu calendar` and `coffeert menu currency`: when days begin, and what prices are in."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import click

from coffeert.cli.database import with_database
from coffeert.domain.currency import DEFAULT_PLACES, places
from coffeert.postgres import calendars
from coffeert.postgres.installation import set_currency
from coffeert.postgres.pool import Connection

T = TypeVar("T")

_TIME = re.compile(r"(\d{1,2}):(\d{2})", re.ASCII)


class _StartOfDay(click.ParamType[int]):
    """A time such as 04:00, in minutes after midnight."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        found = _TIME.fullmatch(value)
        if found is None:
            self.fail("must be a time such as 04:00.", param, ctx)
        minutes = int(found[1]) * 60 + int(found[2])
        if int(found[2]) % 15 or minutes > 720:
            self.fail("must be a whole quarter hour from 00:00 to 12:00.", param, ctx)
        return minutes


@click.command("calendar")
@click.argument("store", required=False)
@click.option("--timezone", help="Where the clocks are: an IANA name such as Europe/Berlin.")
@click.option(
    "--day-starts",
    metavar="HH:MM",
    type=_StartOfDay(),
    help="When a new day begins, from 00:00 to 12:00; what is sold before counts on the day before.",
)
@click.option("--default", "unset", is_flag=True, help="Let STORE follow the default again.")
@click.option(
    "--recompute",
    is_flag=True,
    help="Compute all days again, after an update of PostgreSQL's time zone data.",
)
def calendar_command(
    store: str | None,
    timezone: str | None,
    day_starts: int | None,
    unset: bool,
    recompute: bool,
) -> None:
    """Set time zone and start of day of STORE, or without STORE the default of all others.

    The past follows: every day of the stores concerned is summed again.
    """
    changed = timezone is not None or day_starts is not None
    if changed + unset + recompute != 1 or (unset and store is None) or (recompute and store):
        raise click.UsageError(
            "Give --timezone, --day-starts or both; or --default with a store; or --recompute alone."
        )
    if recompute:
        differing = with_database(
            click.get_current_context().obj, "menu", calendars.refill_calendars, existing=True
        )
        click.echo(
            f"{differing:,} days were others; all is summed again."
            if differing
            else "No day changed."
        )
        return
    if store is None:
        chosen = _with_database(
            lambda connection: calendars.set_default_calendar(connection, timezone, day_starts)
        )
    elif unset:
        chosen = _with_database(
            lambda connection: calendars.unset_store_calendar(connection, store)
        )
    else:
        chosen = _with_database(
            lambda connection: calendars.set_store_calendar(connection, store, timezone, day_starts)
        )
    whose = "Stores without a calendar of their own" if store is None else f"The store {store}"
    begin = "begin" if store is None else "begins"
    click.echo(f"{whose} {begin} the day at {start_text(chosen.starts)}, {chosen.zone}.")


@click.command("currency")
@click.argument("code")
def currency_command(code: str) -> None:
    """Set the currency of all prices, such as EUR; it cannot change once there are orders."""
    code = code.upper()
    _with_database(lambda connection: set_currency(connection, code))
    click.echo(f"Prices are in {code}, with {places(code) or 'no'} decimal places.")
    if places(code) != DEFAULT_PLACES:
        click.echo("Look at `coffeert menu list`: prices set before mean something else now.")


def start_text(minutes: int) -> str:
    """Format a start of day, such as 04:00."""
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _with_database(work: Callable[[Connection], Awaitable[T]]) -> T:
    return with_database(click.get_current_context().obj, "menu", work)
