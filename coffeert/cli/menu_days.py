"""`coffeert menu mark`, `unmark` and `week`: which days are no measure for others, and when weeks start."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

import click

from coffeert.cli.database import with_database
from coffeert.domain.period_titles import WEEKDAYS
from coffeert.postgres import marked_days
from coffeert.postgres.pool import Connection

T = TypeVar("T")

_date = click.argument("date", type=click.DateTime(["%Y-%m-%d"]))


@click.command("mark")
@_date
@click.argument("name")
def mark_command(date: datetime, name: str) -> None:
    """Mark a day, such as 2026-12-25 Christmas: what is usual is not computed from it."""
    _with_database(lambda connection: marked_days.mark_day(connection, date.date(), name))
    click.echo(f"{date:%Y-%m-%d} is marked as {name}.")


@click.command("unmark")
@_date
def unmark_command(date: datetime) -> None:
    """Make a marked day an ordinary one again."""
    _with_database(lambda connection: marked_days.unmark_day(connection, date.date()))
    click.echo(f"{date:%Y-%m-%d} is an ordinary day.")


@click.command("week")
@click.argument("day", type=click.Choice(WEEKDAYS, case_sensitive=False))
def week_command(day: str) -> None:
    """Set on which day of the week reports begin a week."""
    _with_database(
        lambda connection: marked_days.set_week_start(connection, WEEKDAYS.index(day) + 1)
    )
    click.echo(f"Weeks start on {day}.")


def _with_database(work: Callable[[Connection], Awaitable[T]]) -> T:
    return with_database(click.get_current_context().obj, "menu", work)
