"""Sentences and tables as text that fits 80 columns, and cells of CSV."""

from __future__ import annotations

import io
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

_WIDTH: Final = 80
_FORMULA: Final = ("=", "+", "-", "@")


def page_text(parts: Iterable[str | Table]) -> str:
    """Write paragraphs and tables with an empty line between them."""
    console = Console(
        file=io.StringIO(),
        width=_WIDTH,
        highlight=False,
        markup=False,
        emoji=False,
        color_system=None,
    )
    with console.capture() as capture:
        for part in parts:
            console.print(part)
            console.print()
    lines = [line.rstrip() for line in capture.get().splitlines()]
    # Tables have an empty line around them already.
    kept = [line for line, before in zip(lines, ["", *lines], strict=False) if line or before]
    return "\n".join(kept).rstrip() + "\n"


def text_table(
    texts: Iterable[str], numbers: Iterable[str], rows: Iterable[Iterable[str]]
) -> Table:
    """Make a table of columns of text and, after them, of numbers."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in texts:
        table.add_column(name, overflow="fold")
    for name in numbers:
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def local_time(moment: datetime, zone: str) -> datetime:
    """Convert to a zone, or UTC if this machine does not know it."""
    try:
        return moment.astimezone(ZoneInfo(zone))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return moment.astimezone(UTC)


def csv_cell(text: str) -> str:
    """Put an apostrophe in front of what a spreadsheet would take for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text
