"""`coffeert sliding`: sums over moving windows, as a table, CSV or JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import click

from coffeert.cli.params import zone_named
from coffeert.cli.text_page import csv_cell
from coffeert.cli.window_options import Asked, ask, print_json, span_options
from coffeert.client import OrderClient
from coffeert.domain.currency import amount_text
from coffeert.domain.money import units_from_text
from coffeert.printable import printable
from coffeert.wire.windows import SlidingSeries, SlidingSums


@click.command("sliding")
@click.option("--width", default="10m", show_default=True, help="How long a window is.")
@click.option(
    "--step", default="10m", show_default=True, help="How long after each other windows end."
)
@span_options
def command(*, width: str, step: str, asked: Asked) -> None:
    """Show orders, pieces and takings of the time before each step, for each store.

    Both are whole minutes. All orders that the last pass has counted are in it, whenever they arrived.
    """

    async def load(client: OrderClient) -> SlidingSums:
        return await client.sliding(
            width, step, first=asked.first, last=asked.last, stores=asked.stores
        )

    found, zone = ask(asked, load)
    if asked.as_json:
        print_json(found)
    elif asked.as_csv:
        click.echo(csv_text(found), nl=False)
    else:
        for text in lines(found, zone_named(asked.timezone) or ZoneInfo(zone)):
            click.echo(text)


def csv_text(found: SlidingSums) -> str:
    """Write each window as a row of CSV; times are in UTC."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("store", "name", "from", "to", "orders", "pieces", "takings"))
    for series in found.series:
        names = csv_cell(series.store), csv_cell(series.name)
        for ends, orders, pieces, takings in _windows(found, series):
            begins = ends - timedelta(seconds=found.width)
            times = begins.astimezone(UTC).isoformat(), ends.astimezone(UTC).isoformat()
            writer.writerow((*names, *times, orders, pieces, takings))
    return text.getvalue()


def lines(found: SlidingSums, zone: tzinfo) -> list[str]:
    """Write windows as lines, with times in `zone`; those without an order are left out."""
    minutes = found.width // 60
    heading = f"in the {minutes} min before, times of {zone}"
    texts = [heading]
    for series in found.series:
        for ends, orders, pieces, takings in _windows(found, series):
            if orders or pieces or units_from_text(takings):
                amount = amount_text(units_from_text(takings), found.currency or None)
                texts.append(
                    f"{printable(series.name):<20} {ends.astimezone(zone):%Y-%m-%d %H:%M} "
                    f"{orders:>7,} orders {pieces:>7,} pieces {amount:>14}"
                )
    return texts if len(texts) > 1 else [f"{heading}: {_nothing(found, zone)}"]


def _nothing(found: SlidingSums, zone: tzinfo) -> str:
    ends = [window[0] for series in found.series for window in _windows(found, series)]
    if not ends:
        return "no window has ended yet"
    return (
        f"nothing was ordered; the last window ended at {max(ends).astimezone(zone):%Y-%m-%d %H:%M}"
    )


def _windows(found: SlidingSums, series: SlidingSeries) -> Iterator[tuple[datetime, int, int, str]]:
    ends = series.begins
    for orders, pieces, takings in zip(series.orders, series.pieces, series.takings, strict=True):
        ends += timedelta(seconds=found.step)
        yield ends, orders, pieces, takings
