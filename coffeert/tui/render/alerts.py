"""The list of alerts: those that hold now, the rules that are quiet, and what was before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo

from coffeert.alert_rules import figure_text
from coffeert.printable import printable
from coffeert.tui.model.alerts import Alert, Alerts
from coffeert.tui.render.format import ago
from coffeert.tui.render.glyphs import Glyphs
from coffeert.tui.render.spans import EMPTY, Line, Span, line


def alert_lines(alerts: Alerts, now: datetime, zone: tzinfo, glyphs: Glyphs) -> list[Line]:
    """Return the list, two lines an alert; `zone` is that in which times are shown."""
    lines: list[Line] = []
    for alert in alerts.firing:
        mark = Span(f"{glyphs.up} ", "dim" if alert.acknowledged else "bad")
        known = f" {glyphs.separator} acknowledged" if alert.acknowledged else ""
        lasted = ago((now - alert.since).total_seconds())
        lines += [
            line(mark, Span(printable(alert.name, 40), "strong"), Span(known, "dim")),
            line(
                f"  {alert.rule.words()}",
                Span(
                    f"; since {clock(alert.since, now, zone)} ({lasted}), "
                    f"now {figure_text(alert.value)}, peak {figure_text(alert.peak)}",
                    "dim",
                ),
            ),
        ]
    lines += _quiet(alerts, glyphs)
    if alerts.over:
        lines += [EMPTY, line(Span("Earlier, while this screen was open", "title"))]
        lines += [_earlier(alert, now, zone, glyphs) for alert in alerts.over]
    return lines


def clock(moment: datetime, now: datetime, zone: tzinfo) -> str:
    """Write a moment as `12:40`, with the day if that is not today's."""
    local, today = moment.astimezone(zone), now.astimezone(zone)
    return f"{local:%H:%M}" if local.date() == today.date() else f"{local:%a %d %b %H:%M}"


def _quiet(alerts: Alerts, glyphs: Glyphs) -> list[Line]:
    firing = {alert.name for alert in alerts.firing}
    return [
        line(
            Span(f"{glyphs.dotted} {printable(name, 40)}", "dim"),
            Span(f": {rule.words()}", "dim"),
        )
        for name, rule in alerts.rules().items()
        if name not in firing
    ]


def _earlier(alert: Alert, now: datetime, zone: tzinfo, glyphs: Glyphs) -> Line:
    ended = alert.ended or now
    lasted = ago((ended - alert.since).total_seconds())
    return line(
        f"  {clock(alert.since, now, zone)} to {clock(ended, now, zone)}  ",
        Span(printable(alert.name, 40), "strong"),
        Span(f" {glyphs.separator} {lasted}, peak {figure_text(alert.peak)}", "dim"),
    )


def alert_names(alerts: Sequence[Alert], most: int = 1) -> str:
    """Return the names of alerts for the line at the top, such as `rush` or `rush, 2 more`."""
    shown = ", ".join(printable(alert.name, 20) for alert in alerts[:most])
    more = len(alerts) - most
    return f"{shown}, {more} more" if more > 0 else shown
