"""Alerts: rules that are checked whatever the screen shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from coffeert.alert_rules import Figures, Rule, RuleMonitor, read_figures
from coffeert.tui.model.session import Session


@dataclass(frozen=True, slots=True)
class Alert:
    """A rule that has held for as long as it demands."""

    name: str
    rule: Rule


class Alerts:
    """Checks all rules on the live session."""

    def __init__(self, rules: Mapping[str, Rule]) -> None:
        self._monitors = {name: RuleMonitor(rule) for name, rule in rules.items()}
        self._acknowledged: set[str] = set()

    def __len__(self) -> int:
        return len(self._monitors)

    @property
    def firing(self) -> list[Alert]:
        """All alerts that fire, acknowledged or not."""
        return [Alert(n, m.rule) for n, m in self._monitors.items() if m.phase == "firing"]

    @property
    def waiting(self) -> list[Alert]:
        """The alerts that fire and have not been acknowledged."""
        return [alert for alert in self.firing if alert.name not in self._acknowledged]

    def rules(self) -> dict[str, Rule]:
        """Return all rules by their names."""
        return {name: monitor.rule for name, monitor in self._monitors.items()}

    def observe(self, session: Session) -> list[Alert]:
        """Check all rules; return the alerts that have just begun."""
        if session.view is None or not self._monitors:
            return []
        figures = figures_of(session)
        moment = session.clock.monotonic()
        begun = []
        for name, monitor in self._monitors.items():
            before = monitor.phase
            phase = monitor.observe(figures, moment)
            if phase == "firing" and before != "firing":
                begun.append(Alert(name, monitor.rule))
            if phase == "quiet":
                self._acknowledged.discard(name)
        return begun

    def acknowledge(self) -> int:
        """Acknowledge everything that fires; return how many were new."""
        waiting = self.waiting
        self._acknowledged.update(alert.name for alert in waiting)
        return len(waiting)


def figures_of(session: Session) -> Figures:
    """Return the figures that rules are checked against."""
    view = session.view
    assert view is not None
    return read_figures(
        view.cube,
        view.data_time,
        session.now(),
        session.activity,
        session.health,
        session.currency,
    )
