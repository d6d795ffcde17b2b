"""The progress of an import on a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

_MIN_SECONDS = 0.1


@contextmanager
def progress_bar(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Show a bar on stderr if that is a terminal; call what it yields with the number of rows done."""
    console = Console(file=sys.stderr)
    if not console.is_terminal:
        yield lambda done: None
        return
    bar = Progress(
        SpinnerColumn(),
        TextColumn(f"{what} {{task.completed:,.0f}} rows"),
        BarColumn(),
        TextColumn("{task.fields[rate]:,.0f}/s"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    )
    began = time.monotonic()
    with bar:
        task = bar.add_task("", total=total, rate=0.0)

        def report(done: int) -> None:
            bar.update(
                task, completed=done, rate=done / max(time.monotonic() - began, _MIN_SECONDS)
            )

        yield report


@contextmanager
def at_work(what: str) -> Iterator[None]:
    """Show on stderr, if that is a terminal, what is being done and for how long already."""
    console = Console(file=sys.stderr)
    if not console.is_terminal:
        yield
        return
    columns = (SpinnerColumn(), TextColumn(what), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        bar.add_task("", total=None)
        yield
