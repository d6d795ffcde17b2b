"""The sentence on top: how the day goes, in words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from coffeert.tui.render.text import crop, width
from coffeert.wire.reports import PercentChange

# Not between a number and its unit, such as a currency: what follows begins neither small nor with a digit.
_BREAK = re.compile(r"(?<!\d) | (?=[a-z(\d])")


@dataclass(frozen=True, slots=True)
class QuietStore:
    """A store that has sold nothing for much longer than usual, in minutes."""

    name: str
    minutes: int | None
    usual: int | None


@dataclass(frozen=True, slots=True)
class Summary:
    """What the sentence is about.

    `when` is the moment or the period in words, `takings` is written out, and `compared` names what
    `change` refers to; `missing` says why there is nothing to compare with. `expected` is what had been
    taken by now on the compared day, if nothing is sold yet. `notes` are further sentences. `known` is
    False as long as no figures are.
    """

    when: str
    orders: int = 0
    takings: str = ""
    change: PercentChange | None = None
    compared: str = ""
    missing: str = ""
    expected: str = ""
    leader: str = ""
    notes: tuple[str, ...] = ()
    stores: int = 0
    quiet: tuple[QuietStore, ...] = ()
    closed: bool = False
    zones: int = 1
    sold: bool = True
    running: bool = True
    known: bool = True


def clauses_of(summary: Summary) -> tuple[str, ...]:
    """Return the sentences, the most important first."""
    if not summary.known:
        why = summary.missing or "no figures yet"
        return (f"{summary.when}: {why}.",)
    said = [_figures(summary)]
    if summary.quiet:
        said.append(_quiet(summary.quiet, summary.stores))
    if summary.leader and summary.sold:
        said.append(f"{summary.leader} {'leads' if summary.running else 'led'}.")
    said += summary.notes
    if summary.zones > 1:
        said.append(f"{summary.zones} time zones, each store's own day.")
    return tuple(said)


def sentence_lines(summary: Summary, cells: int, rows: int) -> list[str]:
    """Return as many sentences as fit into some lines; only the first is ever cut."""
    clauses = clauses_of(summary)
    lines: list[str] = []
    for count in range(len(clauses), 0, -1):
        lines = _wrapped(" ".join(clauses[:count]), cells)
        if len(lines) <= rows:
            return lines
    return [*lines[: rows - 1], crop(" ".join(lines[rows - 1 :]), cells)]


def _wrapped(text: str, cells: int) -> list[str]:
    lines: list[str] = []
    for word in _BREAK.split(text):
        if lines and width(lines[-1]) + 1 + width(word) <= cells:
            lines[-1] += f" {word}"
        else:
            lines.append(crop(word, cells))
    return lines


def _figures(summary: Summary) -> str:
    closed = " Closed now." if summary.closed and summary.running else ""
    if not summary.sold:
        nothing = "nothing sold yet" if summary.running else "nothing sold"
        if summary.expected:
            return f"{summary.when}:{closed.lower()} {nothing}; {summary.expected}."
        return f"{summary.when}: {nothing}.{closed}"
    one = "order" if summary.orders == 1 else "orders"
    figures = f"{summary.when}.{closed} {summary.orders:,} {one}, {summary.takings}"
    return f"{figures}{_change(summary)}."


def _change(summary: Summary) -> str:
    change, compared = summary.change, summary.compared
    if change is None:
        return f"; {summary.missing}" if summary.missing else ""
    if change.percent is None:
        return f"; {change.reason}" if change.reason else ""
    if change.percent == 0:
        return f": as much as {compared}"
    return f": {abs(change.percent):,} % {'over' if change.percent > 0 else 'under'} {compared}"


def _quiet(quiet: Sequence[QuietStore], stores: int) -> str:
    first = quiet[0]
    usual = "" if first.usual is None else f" (usually {first.usual})"
    lasting = "" if first.minutes is None else f" for {_lasting(first.minutes)}"
    if stores == 1:
        return f"No sale{lasting}{usual}."
    more = len(quiet) - 1
    others = "" if not more else f", {more} more store{'s' if more > 1 else ''} too"
    return f"{first.name} is quiet{lasting}{usual}{others}."


def _lasting(minutes: int) -> str:
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} days"
