"""`coffeert sessions`: when each store sold without a break, as a table, CSV or JSON."""

from __future__ import annotations

import csv
import io
from datetime import tzinfo
from zoneinfo import ZoneInfo

import click

from coffeert.cli.params import zone_named
from coffeert.cli.text_page import csv_cell
from coffeert.cli.window_options import Asked, ask, print_json, span_options
from coffeert.client import OrderClient
from coffeert.printable import printable
from coffeert.wire.windows import SalesSession, SalesSessions


@click.command("sessions")
@click.option(
    "--gap",
    default="5m",
    show_default=True,
    help="Sales further apart are of two sessions; a minute or more.",
)
@click.option("--source", multiple=True, help="Only sales of this till or channel.")
@span_options
def command(*, gap: str, source: tuple[str, ...], asked: Asked) -> None:
    """Show runs of sales: each begins with the first sale after a gap, and ends with the last before one.

    With a gap of 2h that is when a store opened and closed. All orders that the last pass has counted are
    in it, whenever they arrived.
    """

    async def load(client: OrderClient) -> SalesSessions:
        return await client.sessions(
            gap, first=asked.first, last=asked.last, stores=asked.stores, sources=source
        )

    found, zone = ask(asked, load)
    if asked.as_json:
        print_json(found)
    elif asked.as_csv:
        click.echo(csv_text(found), nl=False)
    else:
        for text in lines(found, zone_named(asked.timezone) or ZoneInfo(zone)):
            click.echo(text)


def csv_text(found: SalesSessions) -> str:
    """Write sessions as CSV; times are in UTC."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("store", "name", "first_at", "last_at", "orders", "running"))
    for one in found.sessions:
        times = one.first_at.isoformat(), one.last_at.isoformat()
        row = (csv_cell(one.store), csv_cell(one.name), *times, one.orders, int(one.running))
        writer.writerow(row)
    return text.getvalue()


def lines(found: SalesSessions, zone: tzinfo) -> list[str]:
    """Write sessions as lines, with times in `zone`."""
    texts = [_line(one, zone) for one in found.sessions]
    count = f"{len(texts):,} session{'' if len(texts) == 1 else 's'}, times of {zone}"
    if found.stale_minutes:
        count += (
            f"; {found.stale_minutes:,} minutes wait to be read again after voids, so that sessions may "
            "begin or end at a sale that was voided"
        )
    return [*texts, count]


def _line(one: SalesSession, zone: tzinfo) -> str:
    first, last = (moment.astimezone(zone) for moment in (one.first_at, one.last_at))
    end = f"{last:%H:%M:%S}" if last.date() == first.date() else f"{last:%Y-%m-%d %H:%M:%S}"
    minutes = round((last - first).total_seconds() / 60)
    lasted = f"{minutes // 60} h {minutes % 60:02} min"
    running = "  running" if one.running else ""
    return (
        f"{printable(one.name):<20} {first:%Y-%m-%d %H:%M:%S} to {end:<19} {lasted:>11} "
        f"{one.orders:>7,} orders{running}"
    )
