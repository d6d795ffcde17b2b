"""Sentences on a terminal, broken between words."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterable

import click

from coffeert.printable import printable

_MIN_WIDTH = 40
_LINE_LENGTH = 100_000
_COMMAND = "  coffeert "


def echo_lines(lines: Iterable[str]) -> None:
    """Print lines, on a terminal as wide as it is; a command stays one line, to be copied."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else _LINE_LENGTH
    for line in lines:
        clean = printable(line, _LINE_LENGTH)
        click.echo(clean if clean.startswith(_COMMAND) else wrapped(clean, width))


def wrapped(line: str, width: int) -> str:
    """Break a line between words, and indent what follows as its beginning is."""
    indent = line[: len(line) - len(line.lstrip())]
    return textwrap.fill(
        line,
        max(width, _MIN_WIDTH),
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
        replace_whitespace=False,
        drop_whitespace=True,
    )
