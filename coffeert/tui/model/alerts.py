"""Alerts: rules that are checked whatever the screen shows, and what each of them has done so far."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import msgspec

from coffeert.alert_rules import Figures, Rule, RuleMonitor, figure_text, read_figures
from coffeert.printable import printable
from coffeert.tui.model.data_status import data_status_of
from coffeert.tui.model.session import Session

MAX_ALERTS_KEPT: Final = 200
"""Of those that are over; the list shows the newest first."""


@dataclass(frozen=True, slots=True)
class Alert:
    """A rule that has held for as long as it demands; `ended` is `None` while it does.

    `since` is when its condition began to hold. `peak` is the value furthest beyond the limit.
    """

    name: str
    rule: Rule
    since: datetime
    value: float
    peak: float
    ended: datetime | None = None
    acknowledged: bool = False

    def sentence(self, clock: str) -> str:
        """Say what is wrong in one sentence; `clock` is the local time of `since`."""
        now = f"now {figure_text(self.value)}" if self.ended is None else "over"
        return f"{printable(self.name, 40)}: {self.rule.words()}, since {clock}, {now}."


class AlertNotice(msgspec.Struct, frozen=True, kw_only=True):
    """What a webhook is sent when an alert begins, and again when it is over (`resolved`).

    `text` says it in a sentence, under the name in which chat servers expect one.
    """

    name: str
    rule: str
    value: float
    since: datetime
    resolved: datetime | None
    server: str
    text: str

    @classmethod
    def of(cls, alert: Alert, server: str, clock: str) -> AlertNotice:
        return cls(
            name=alert.name,
            rule=alert.rule.text(),
            value=round(alert.value, 2),
            since=alert.since,
            resolved=alert.ended,
            server=server,
            text=alert.sentence(clock),
        )


class Alerts:
    """Checks all rules on the live session."""

    def __init__(self, rules: Mapping[str, Rule]) -> None:
        self._monitors = {name: RuleMonitor(rule) for name, rule in rules.items()}
        self._firing: dict[str, Alert] = {}
        self._over: deque[Alert] = deque(maxlen=MAX_ALERTS_KEPT)

    def __len__(self) -> int:
        return len(self._monitors)

    @property
    def firing(self) -> list[Alert]:
        """All alerts that hold now, acknowledged or not."""
        return list(self._firing.values())

    @property
    def waiting(self) -> list[Alert]:
        """The alerts that hold now and have not been acknowledged."""
        return [alert for alert in self.firing if not alert.acknowledged]

    @property
    def over(self) -> list[Alert]:
        """The alerts of this session that are over, the newest first."""
        return list(reversed(self._over))

    def rules(self) -> dict[str, Rule]:
        return {name: monitor.rule for name, monitor in self._monitors.items()}

    def observe(self, session: Session) -> list[Alert]:
        """Check all rules; return the alerts that have just begun or ended."""
        if session.view is None or not self._monitors:
            return []
        figures = figures_of(session)
        changed = []
        for name, monitor in self._monitors.items():
            changed += self._observe_one(name, monitor, figures, session)
        return changed

    def acknowledge(self) -> int:
        """Acknowledge everything that holds now; return how many were new."""
        waiting = self.waiting
        for alert in waiting:
            self._firing[alert.name] = replace(alert, acknowledged=True)
        return len(waiting)

    def _observe_one(
        self, name: str, monitor: RuleMonitor, figures: Figures, session: Session
    ) -> list[Alert]:
        moment = session.clock.monotonic()
        phase = monitor.observe(figures, moment)
        value, known = figures.get(monitor.rule.metric), self._firing.get(name)
        if phase == "firing" and value is not None:
            if known is None:
                lasted = moment - (moment if monitor.since is None else monitor.since)
                since = session.now() - timedelta(seconds=lasted)
                alert = Alert(name, monitor.rule, since, value, value)
                self._firing[name] = alert
                return [alert]
            peak = monitor.rule.worse(known.peak, value)
            if (value, peak) != (known.value, known.peak):
                self._firing[name] = replace(known, value=value, peak=peak)
        elif phase == "quiet" and known is not None:
            del self._firing[name]
            ended = replace(known, value=known.value if value is None else value)
            self._over.append(replace(ended, ended=session.now()))
            return [self._over[-1]]
        return []


def figures_of(session: Session) -> Figures:
    """Return the figures that rules are checked against; only the data's age if there is no news.

    A figure that stands still, or falls because nothing arrives, says nothing about the shops.
    """
    view = session.view
    assert view is not None
    status = data_status_of(session)
    if status.old:
        return {"data_age": status.age or 0.0}
    return read_figures(
        view.cube,
        view.data_time,
        session.now(),
        session.activity,
        session.health,
        session.currency,
    )
