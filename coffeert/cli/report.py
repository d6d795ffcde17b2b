"""`coffeert report`: a period beside another one, as text that reads like a mail, CSV or JSON."""

from __future__ import annotations

import asyncio
from typing import Any, TypedDict

import click
import msgspec

from coffeert.cli.params import server_token, server_url
from coffeert.cli.report_mail import ReportMail
from coffeert.client import OrderClient
from coffeert.config import load_config
from coffeert.domain.comparisons import COMPARISONS, Comparison
from coffeert.domain.report_plan import GROUPINGS, Grouping
from coffeert.wire.reports import Report

_PATIENCE_SECONDS = 2.0


class ReportFilters(TypedDict):
    """What a report is limited to, as `OrderClient.report` takes it."""

    stores: tuple[str, ...]
    drinks: tuple[str, ...]
    sources: tuple[str, ...]
    min_price: str | None
    max_price: str | None


class _Groupings(click.ParamType[tuple[Grouping, ...]]):
    """Some of the groupings, with commas between."""

    name = "groupings"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[Grouping, ...]:
        names = [name.strip() for name in value.split(",")]
        found = tuple(grouping for name in names for grouping in GROUPINGS if grouping == name)
        if len(found) < len(names):
            self.fail(f"must be some of {', '.join(GROUPINGS)}, with commas between.", param, ctx)
        return found


@click.command("report")
@click.argument("period", default="today")
@click.option(
    "--url", envvar="COFFEERT_URL", help="The server (http://127.0.0.1:8765). [env: COFFEERT_URL]"
)
@click.option("--by", type=_Groupings(), help=f"What rows are of: {', '.join(GROUPINGS)}.")
@click.option("--compare", type=click.Choice(COMPARISONS), help="What with.")
@click.option("--store", multiple=True, help="Only this store, or with a minus sign not this one.")
@click.option("--drink", multiple=True, help="Only this drink, or with a minus sign not this one.")
@click.option("--source", multiple=True, help="Only this till or channel.")
@click.option("--min-price", help="Only what cost at least so much apiece.")
@click.option("--max-price", help="Only what cost at most so much apiece.")
@click.option("--csv", "as_csv", is_flag=True, help="Print the rows as CSV.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    period: str,
    url: str | None,
    by: tuple[Grouping, ...] | None,
    compare: Comparison | None,
    store: tuple[str, ...],
    drink: tuple[str, ...],
    source: tuple[str, ...],
    min_price: str | None,
    max_price: str | None,
    as_csv: bool,
    as_json: bool,
) -> int:
    """Say how a period was, beside another one.

    PERIOD is today, yesterday, 7-days, 28-days, week, last-week or month, a date such as 2026-11-26, a
    month such as 2026-11, or two dates such as 2026-11-01..2026-11-15. "Today" is that of each store.

    Without --by: by store and by drink, with refunds and what came late; for a whole day also beside a
    usual one.
    """
    if as_csv and as_json:
        raise click.UsageError("Give --csv or --json, not both.")
    config = load_config()
    client = OrderClient(
        server_url(config, url),
        server_token(config),
        patience=_PATIENCE_SECONDS,
        ca_file=config.ca_file,
    )
    filters: ReportFilters = {
        "stores": store,
        "drinks": drink,
        "sources": source,
        "min_price": min_price,
        "max_price": max_price,
    }
    found = asyncio.run(_ask(client, period, compare, by, filters))
    if as_json:
        click.echo(msgspec.json.encode(found))
        return 0
    from coffeert.cli import report_text

    mail = ReportMail(found) if isinstance(found, Report) else found
    click.echo(report_text.csv_text(mail) if as_csv else report_text.mail_text(mail), nl=False)
    return 0


async def _ask(
    client: OrderClient,
    period: str,
    compare: Comparison | None,
    by: tuple[Grouping, ...] | None,
    filters: ReportFilters,
) -> Report | ReportMail:
    async with client:
        if by is not None:
            return await client.report(period, compare=compare, by=by, details=True, **filters)
        stores = await client.report(
            period, compare=compare, by=("store",), details=True, **filters
        )
        drinks = await client.report(period, compare=compare, by=("drink",), **filters)
        usual = None
        if compare is None and stores.period.first == stores.period.last:
            usual = await client.report(period, compare="usual", **filters)
        return ReportMail(stores, drinks, usual)
