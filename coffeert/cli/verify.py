"""`coffeert verify`: prove that the rollups equal the orders."""

from __future__ import annotations

from datetime import UTC, datetime
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
from coffeert.postgres.installation import load_currency
from coffeert.postgres.pool import Connection
from coffeert.postgres.verification import Difference, Verification, verify


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@data_dir_option
def command(as_json: bool, data_dir: Path | None) -> None:
    """Compare every rollup with the orders it counts; exits with 7 if one differs.

    It says how many orders no pass has counted yet, and also exits with 7 if there are some and passes
    are overdue. Orders may be written meanwhile: the comparison uses one snapshot.
    """
    result, days_differing, currency = with_database(
        data_dir, "verify", _verify, existing=True, only_reads=True
    )
    if as_json:
        click.echo(msgspec.json.encode(result))
    else:
        for line in _lines(result, places(currency)):
            click.echo(line)
    if not result.exact:
        differing = sum(grain.differing for grain in result.grains)
        raise NotExact(
            f"Cells that differ from the orders: {differing}; `coffeert rebuild` mends them."
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


async def _verify(connection: Connection) -> tuple[Verification, int, str | None]:
    return (
        await verify(connection),
        await count_differing_days(connection),
        await load_currency(connection),
    )


def _lines(result: Verification, decimals: int) -> list[str]:
    lines = [
        f"{grain.grain:<7} {grain.cells:>10,} cells  {grain.differing:,} differ"
        for grain in result.grains
    ]
    lines += [_example(difference, decimals) for difference in result.examples]
    verdict = "exact" if result.exact else "not exact"
    return [
        *lines,
        f"{verdict}: {result.orders:,} orders as of pass {result.number}, "
        f"compared in {result.seconds:.1f} s",
        f"not compared: {result.uncounted:,} orders that no pass has counted yet; {_age(result)}",
    ]


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


def _tally(tally: Totals | None, decimals: int) -> str:
    if tally is None:
        return "nothing"
    return f"{tally.orders} orders {tally.quantity} pieces {money_text(tally.cents, decimals)}"
