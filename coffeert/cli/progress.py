"""What an injection shows while it runs and when it is over."""

from __future__ import annotations

import asyncio
import shlex
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from coffeert.inject import InjectionReport, OutcomeRecorder
from coffeert.printable import printable

_REFRESH_SECONDS = 0.1


@asynccontextmanager
async def progress(recorder: OutcomeRecorder, total: int | None) -> AsyncIterator[None]:
    """Show a progress bar on stderr if that is a terminal; `total` orders, if that is known."""
    console = Console(file=sys.stderr)
    if not console.is_terminal:
        yield
        return
    bar = Progress(
        SpinnerColumn(),
        TextColumn("{task.completed:,.0f} orders"),
        BarColumn(),
        TextColumn("{task.fields[rate]:,.0f}/s"),
        TextColumn("{task.fields[failures]}"),
        TimeElapsedColumn(),
        console=console,
        auto_refresh=False,
        transient=True,
    )
    task = bar.add_task("", total=total, rate=0.0, failures="")

    async def refresh() -> None:
        while True:
            rate = recorder.finished / max(recorder.elapsed, _REFRESH_SECONDS)
            failures = _failures(recorder)
            bar.update(
                task, completed=recorder.finished, rate=rate, failures=failures, refresh=True
            )
            await asyncio.sleep(_REFRESH_SECONDS)

    with bar:
        refresher = asyncio.create_task(refresh(), name="progress")
        try:
            yield
        finally:
            refresher.cancel()
            await asyncio.wait([refresher])


def report_lines(report: InjectionReport) -> list[str]:
    """Return a report as lines of text."""
    latency = report.latency_ms
    return [
        f"{report.sent:,} orders in {report.duration_s:,.1f} s ({report.rate_per_s:,.1f}/s stored)"
        + (", stopped early" if report.stopped else ""),
        f"accepted {report.accepted:,}   replayed {report.replayed:,}   "
        f"rejected {report.rejected:,}   lost {report.lost:,}   retried {report.retried:,}   "
        f"bad rows {report.bad_rows:,}",
        f"latency from when each was due, ms:   p50 {latency.p50:,.1f}   p90 {latency.p90:,.1f}   "
        f"p99 {latency.p99:,.1f}   p99.9 {latency.p99_9:,.1f}   max {latency.max:,.1f}",
        *(
            [f"take them back: coffeert inject --undo {shlex.quote(report.run)}"]
            if report.run
            else []
        ),
    ]


def error_lines(report: InjectionReport) -> list[str]:
    """Explain the first orders that were not stored."""
    lines = []
    for error in report.errors:
        fields = "; ".join(f"{fault.field} {fault.message}" for fault in error.errors)
        where = f"line {error.line}: " if error.line else ""
        text = f"{where}{error.detail}{f' ({fields})' if fields else ''}"
        lines.append(printable(text, 1000))
    failed = report.rejected + report.lost + report.bad_rows
    if failed > len(report.errors):
        lines.append(f"... and {failed - len(report.errors):,} more")
    return lines


def _failures(recorder: OutcomeRecorder) -> str:
    failed = recorder.rejected + recorder.lost + recorder.bad_rows
    return f"{failed:,} not stored" if failed else ""
