"""Figures as plain text: tables that fit 80 columns, and no control character from data."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from datetime import datetime, tzinfo

import msgspec
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from coffeert.cli.figures import BreakdownTotals, BusinessDay, Named, StatusFigures, Windows
from coffeert.printable import printable
from coffeert.wire.health import DatabaseHealth, Health, PartHealth

_RECENT = 10
_WINDOWS = ("today", "60 min", "24 h", "30 d")


def print_figures(figures: StatusFigures, zone: tzinfo) -> None:
    """Print all figures, with times in `zone`."""
    # Not by rich, to which COLUMNS=0 is a width at which nothing is printed.
    width = shutil.get_terminal_size().columns
    console = Console(width=width, highlight=False, markup=False, emoji=False)
    as_of = figures.as_of.astimezone(zone)
    console.print(f"{as_of:%A, %-d %B %Y, %H:%M}; all times are those of {zone}")
    for line in _today(figures.days, zone):
        console.print(line)
    console.print(f"every order up to {_time(figures.data_time, zone)} is counted")
    console.print(_totals(figures.totals))
    console.print(_breakdown("store", figures.stores))
    console.print(_breakdown("drink", figures.drinks))
    console.print(_top(figures))
    console.print(_recent(figures, zone))
    if figures.health is not None:
        for line in _health(figures.health, zone):
            console.print(line, soft_wrap=True)


def _today(days: Sequence[BusinessDay], zone: tzinfo) -> list[str]:
    """Return since when it has been today, for each calendar on a line of its own."""
    if len(days) == 1 and days[0].timezone == str(zone):
        return [f"today since {_time(days[0].begins, zone)}"]
    width = max((len(day.timezone) for day in days), default=0)
    return [
        f"today in {day.timezone:<{width}}  {day.date:%Y-%m-%d}, since {_time(day.begins, zone)}"
        for day in days
    ]


def _totals(totals: Windows) -> Table:
    table = _table("all", ("orders", "pieces", "takings"))
    for name, sums in zip(_WINDOWS, _in_order(totals), strict=True):
        table.add_row(name, f"{sums.orders:,}", f"{sums.quantity:,}", _money(sums.revenue))
    return table


def _breakdown(kind: str, rows: Sequence[Named]) -> Table:
    table = _table(kind, ("today", "takings", "60 min", "24 h", "30 d", "takings"))
    for row in rows:
        windows = row.windows
        table.add_row(
            Text(printable(row.code)),
            f"{windows.today.orders:,}",
            _money(windows.today.revenue),
            f"{windows.last_60_minutes.orders:,}",
            f"{windows.last_24_hours.orders:,}",
            f"{windows.last_30_days.orders:,}",
            _money(windows.last_30_days.revenue),
        )
    return table


def _top(figures: StatusFigures) -> Table:
    table = _table("top 5 of 30 d", ("orders", "pieces", "takings"))
    for place, top in enumerate(figures.top_drinks, 1):
        sums = top.sums
        name = Text(f"{place} {printable(top.drink)}")
        table.add_row(name, f"{sums.orders:,}", f"{sums.quantity:,}", _money(sums.revenue))
    return table


def _recent(figures: StatusFigures, zone: tzinfo) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("recent", "store", "drink"):
        table.add_column(name)
    for name in ("pieces", "price"):
        table.add_column(name, justify="right")
    for order in figures.recent[:_RECENT]:
        table.add_row(
            _time(order.placed_at, zone),
            Text(printable(order.store)),
            Text(printable(order.drink)),
            str(order.quantity),
            order.price,
        )
    return table


def _health(health: Health, zone: tzinfo) -> Iterable[str]:
    intake, aggregator, sockets = health.intake, health.aggregator, health.sockets
    durability = health.durability
    details = {
        "intake": f"{intake.orders_per_s:,.1f} orders/s, {intake.queue:,} waiting, "
        f"commit {intake.commit_ms:.1f} ms",
        "aggregator": f"{aggregator.passes:,} passes, {aggregator.pass_ms:.1f} ms each, "
        f"{aggregator.lag_s:.1f} s behind, led by {aggregator.leader or 'nobody'}",
        "redis": f"round trip {health.redis.round_trip_ms:.1f} ms",
        "sockets": f"{sockets.clients:,} clients, {sockets.frames_per_s:,.1f} frames/s",
        "database": f"round trip {health.database.round_trip_ms:.1f} ms, "
        f"{health.database.pool_idle} of {health.database.pool} connections idle"
        + _ways(health.database),
        "durability": f"synchronous_commit {durability.synchronous_commit or 'unknown'}, "
        f"fsync {durability.fsync or 'unknown'}, "
        f"full_page_writes {durability.full_page_writes or 'unknown'}",
    }
    yield f"server up since {_time(health.started, zone)}, orders show " + (
        "at once" if health.live else "with the next pass"
    )
    for name, detail in details.items():
        part: PartHealth = getattr(health, name)
        state = "ok" if part.ok else f"NOT OK ({part.reason or 'no reason known'})"
        yield printable(f"{name:<11}{state}  {detail}", 1000)


def _ways(database: DatabaseHealth) -> str:
    pooler = f", behind a pooler in {database.pooler} mode" if database.pooler else ""
    if not database.standby:
        return pooler
    read = "is read" if database.standby == "read" else f"is not read: {database.standby}"
    return f"{pooler}, the standby {read}"


def _table(title: str, columns: Sequence[str]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(title, overflow="fold")
    for name in columns:
        table.add_column(name, justify="right")
    return table


def _in_order(windows: Windows) -> tuple[BreakdownTotals, ...]:
    sums: tuple[BreakdownTotals, ...] = msgspec.structs.astuple(windows)
    return sums


def _money(text: str) -> str:
    sign = "-" if text.startswith("-") else ""
    whole, point, fraction = text.removeprefix("-").partition(".")
    return f"{sign}{int(whole):,}{point}{fraction}"


def _time(moment: datetime, zone: tzinfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S}"
