"""The progress of an import on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn


@contextmanager
def progress_bar(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Show a bar on stderr if that is a terminal; gives what is to be told how many rows are done."""
    console = Console(file=sys.stderr)
    if not console.is_terminal:
        yield lambda done: None
        return
    bar = Progress(
        SpinnerColumn(),
        TextColumn(f"{what} {{task.completed:,.0f}} rows"),
        BarColumn(),
        TextColumn("{task.speed:,.0f}/s" if total else ""),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    )
    with bar:
        task = bar.add_task("", total=total)
        yield lambda done: bar.update(task, completed=done)
