"""`coffeert import`: look at the sales in a file, and store them after a yes."""

from __future__ import annotations

from typing import Any

import click

from coffeert.cli.import_database import import_database
from coffeert.cli.import_file import FileImport, ImportOptions
from coffeert.cli.params import data_dir_option
from coffeert.domain.currency import CURRENCIES
from coffeert.errors import CoffeertError, ConfigError
from coffeert.interrupts import INTERRUPTED


def _source(context: click.Context, option: click.Parameter, value: str | None) -> str | None:
    if value is not None and not (0 < len(value) <= 64 and value.isprintable() and value.strip()):
        raise click.BadParameter("must be 1 to 64 printable characters.")
    return value


def _currency(context: click.Context, option: click.Parameter, value: str | None) -> str | None:
    if value is not None and value not in CURRENCIES:
        raise click.BadParameter("must be a code of ISO 4217 such as EUR.")
    return value


@click.command("import")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--preset", help="A known export by name, or the path of a preset file.")
@click.option(
    "--map",
    "columns",
    multiple=True,
    metavar="FIELD=COLUMN",
    help="Which column is what, such as drink=Item; once for each field.",
)
@click.option(
    "--missing",
    multiple=True,
    metavar="FIELD=VALUE",
    help="What an empty cell of a field means, such as quantity=1.",
)
@click.option("--store", help="The store of all rows, if the file has no column for it.")
@click.option("--timezone", help="Where the times were written: an IANA name or one of Windows.")
@click.option("--date-format", help="How dates are written, such as dmy or DD/MM/YYYY.")
@click.option(
    "--clock",
    metavar="24|TIME|excel",
    help="Times: of 24 hours; of 12 without AM and PM, and when the shop opens; or parts of a day.",
)
@click.option(
    "--dates-begin",
    metavar="TIME",
    help="Dates are business days: times before it are of the day after; 00:00 if they are not.",
)
@click.option("--decimal-mark", type=click.Choice([".", ","]), help="Of amounts, if none shows it.")
@click.option(
    "--amounts",
    type=click.Choice(["minor", "major"]),
    help="Whole cents or other minor units, or units of the currency, if the file does not say it.",
)
@click.option(
    "--currency",
    callback=_currency,
    metavar="CODE",
    help="Of the amounts, if none is set yet, such as EUR.",
)
@click.option("--skip", multiple=True, metavar="COLUMN=VALUE", help="Rows that are no sale.")
@click.option("--refund", multiple=True, metavar="COLUMN=VALUE", help="Rows that are refunds.")
@click.option("--sale", multiple=True, metavar="COLUMN=VALUE", help="Rows that are sales.")
@click.option("--refund-drink", metavar="NAME", help="What refunds are of that name no drink.")
@click.option("--encoding", help="Of a text file, such as windows-1252.")
@click.option("--sheet", help="The sheet of a workbook, or the file in an archive.")
@click.option(
    "--source",
    callback=_source,
    metavar="NAME",
    help="The till or channel. Equal rows of two sources are different sales.",
)
@click.option(
    "--same",
    is_flag=True,
    help="Rows that equal sales of another import are those sales, and not stored again.",
)
@click.option("--yes", is_flag=True, help="Store without asking.")
@click.option("--dry-run", is_flag=True, help="Only look.")
@click.option("--rejects", metavar="PATH", help="Where to write rejected rows (FILE.rejects.csv).")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a file.")
@data_dir_option
def command(**values: Any) -> int:
    """Look at the sales in a till's export, and store them after a yes.

    CSV and its relatives, XLSX, NDJSON or a JSON array, also compressed; - is standard input. It says what
    it has understood, what would be stored, and what not and why. A server may be running or not.

    The same file again stores nothing twice, and goes on with what was interrupted; `coffeert imports
    undo` takes a file back. The exit code is 0 only if nothing was rejected and everything stored.
    """
    data_dir = values.pop("data_dir")
    options = ImportOptions(**values)
    if options.rejects is not None and len(options.files) > 1:
        raise ConfigError("--rejects goes with one file.")
    codes = [0]
    with import_database(data_dir) as database:
        for file in options.files:
            try:
                codes.append(FileImport(database, options, file, parse=_parsed).run())
            except CoffeertError as error:
                if len(options.files) == 1:
                    raise
                click.echo(f"coffeert: {file}: {error}", err=True)
                codes.append(error.exit_code)
            if codes[-1] == INTERRUPTED:
                break
    return max(codes)


def _parsed(arguments: tuple[str, ...]) -> dict[str, Any]:
    """Return the values of options given as an answer."""
    return command.make_context("import", ["-", *arguments]).params
