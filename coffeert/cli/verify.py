"""`coffeert verify`: prove that the rollups equal the orders."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path

import click
import msgspec

from coffeert.cli.database import with_database
from coffeert.cli.params import data_dir_option
from coffeert.config import load_config
from coffeert.domain.currency import places
from coffeert.domain.money import money_text
from coffeert.domain.rollups import Totals
from coffeert.errors import NotExact
from coffeert.postgres.calendars import count_differing_days, differing_days_sentence
from coffeert.postgres.closings import ClosingsCheck, verify_closings
from coffeert.postgres.installation import load_currency
from coffeert.postgres.pool import Connection
from coffeert.postgres.verification import ActivityDifference, Difference, Verification, verify

_MOST_NUMBERS = 20


@click.command()
@click.option("--unsealed", is_flag=True, help="Read only the orders of days that are not sealed.")
@click.option(
    "--since",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DAY",
    help="Read the orders of sealed days too from DAY (UTC, 2026-03-28) on.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@data_dir_option
def command(unsealed: bool, since: datetime | None, as_json: bool, data_dir: Path | None) -> None:
    """Compare every rollup and closing with the orders it counts; exits with 7 if one differs.

    With --unsealed or --since, sealed days whose orders are not read are compared with their seals: what
    their orders added up to when they were read last.

    It says how many orders no pass has counted yet, and also exits with 7 if there are some and passes
    are overdue. Orders may be written meanwhile: the comparison uses one snapshot.
    """
    if unsealed and since:
        raise click.UsageError("--unsealed and --since exclude each other.")
    unread_before = date.max if unsealed else since.date() if since else None
    result, closings, days_differing, currency = with_database(
        data_dir, "verify", partial(_verify, unread_before), existing=True, only_reads=True
    )
    if as_json:
        body = msgspec.to_builtins(result) | {"closings": msgspec.to_builtins(closings)}
        click.echo(msgspec.json.encode(body))
    else:
        for line in (*_lines(result, places(currency)), *_closing_lines(closings)):
            click.echo(line)
    differing = result.activity.differing + sum(grain.differing for grain in result.grains)
    if differing:
        raise NotExact(
            f"Cells that differ from the orders: {differing}; `coffeert rebuild` mends them."
        )
    if result.broken_seals:
        raise NotExact(
            f"Days that are not as they were sealed: {len(result.broken_seals)} "
            f"({', '.join(map(str, result.broken_seals[:3]))}); {_broken(result)}"
        )
    if closings is not None and not closings.exact:
        raise NotExact(
            "Closings differ from the orders that they count. Nothing mends that: somebody has changed "
            "the tables."
        )
    if result.uncountable:
        raise NotExact(
            f"Orders that break a rule of the table, so that no rollup counts them: "
            f"{result.uncountable:,}; the table uncountable_order names them."
        )
    if days_differing:
        raise NotExact(differing_days_sentence(days_differing))
    if result.stalled(load_config(data_dir=data_dir).aggregation_interval):
        raise NotExact(
            f"Orders that no pass has counted: {result.uncounted:,}; "
            f"{_age(result)}, so no aggregator is at work."
        )


def _broken(result: Verification) -> str:
    if result.unread_days:
        return "`coffeert verify` compares them with their orders."
    return "stored orders or the seals were changed by hand; `coffeert rebuild` begins new seals."


async def _verify(
    unread_before: date | None, connection: Connection
) -> tuple[Verification, ClosingsCheck | None, int, str | None]:
    return (
        await verify(connection, unread_before=unread_before),
        await verify_closings(connection) if unread_before is None else None,
        await count_differing_days(connection),
        await load_currency(connection),
    )


def _lines(result: Verification, decimals: int) -> list[str]:
    lines = [
        f"{grain.grain:<7} {grain.cells:>10,} cells  {grain.differing:,} differ"
        for grain in result.grains
    ]
    activity = result.activity
    waiting = f", {activity.stale:,} wait to be read again" if activity.stale else ""
    lines.append(f"activity {activity.minutes:>9,} minutes  {activity.differing:,} differ{waiting}")
    lines += [_example(difference, decimals) for difference in result.examples]
    lines += [_minute(difference) for difference in activity.examples]
    verdict = "exact" if result.exact else "not exact"
    if result.seals:
        lines.append(f"seals   {result.seals:>10,} days   {len(result.broken_seals):,} differ")
    return [
        *lines,
        f"{verdict}: {result.orders:,} orders as of pass {result.number}, "
        f"compared in {result.seconds:.1f} s",
        *_unread(result),
        f"not compared: {result.uncounted:,} orders that no pass has counted yet; {_age(result)}",
    ]


def _unread(result: Verification) -> list[str]:
    if not result.unread_days:
        return []
    return [
        f"not read: {result.unread_orders:,} orders of {result.unread_days:,} sealed days, "
        "which passes have not touched since"
    ]


def _closing_lines(closings: ClosingsCheck | None) -> list[str]:
    if closings is None:
        return ["closings: not compared, since not all orders are read"]
    if not closings.closings:
        return []
    lines = [f"closings: {closings.closings:,}, {len(closings.differing):,} differ"]
    if closings.differing:
        lines.append(f"  differing: {', '.join(map(str, closings.differing[:_MOST_NUMBERS]))}")
    if closings.gaps:
        lines.append(f"  missing numbers: {closings.gaps:,}")
    return lines


def _age(result: Verification) -> str:
    if result.pass_age_s < 0:
        return f"the last pass is dated {-result.pass_age_s:,.1f} s ahead of the database's clock"
    return f"the last pass is {result.pass_age_s:,.1f} s old"


def _example(difference: Difference, decimals: int) -> str:
    start = datetime.fromtimestamp(difference.bucket, UTC)
    return (
        f"  {difference.grain} {start:%Y-%m-%d %H:%M} {difference.store!a} {difference.drink!a}: "
        f"rollup {_tally(difference.rollup, decimals)}, orders {_tally(difference.orders, decimals)}"
    )


def _minute(difference: ActivityDifference) -> str:
    kept = _sales(difference.kept_orders, difference.kept_first, difference.kept_last)
    orders = _sales(difference.orders, difference.first, difference.last)
    return (
        f"  activity {difference.minute.astimezone(UTC):%Y-%m-%d %H:%M} {difference.store!a} "
        f"{difference.source!a}: kept {kept}, orders {orders}"
    )


def _sales(orders: int | None, first: datetime | None, last: datetime | None) -> str:
    if orders is None or first is None or last is None:
        return "nothing"
    return (
        f"{orders} from {first.astimezone(UTC):%H:%M:%S.%f} to {last.astimezone(UTC):%H:%M:%S.%f}"
    )


def _tally(tally: Totals | None, decimals: int) -> str:
    if tally is None:
        return "nothing"
    return f"{tally.orders} orders {tally.quantity} pieces {money_text(tally.cents, decimals)}"
