"""Alerts: rules that are watched while one looks at something else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from coffeert.alert_rules import Figures, Rule, RuleMonitor, read_figures
from coffeert.tui.model.session import Session


@dataclass(frozen=True, slots=True)
class Alert:
    """A rule that has begun to hold for as long as it says."""

    name: str
    rule: Rule


class Alerts:
    """Watches all rules on the live session, whatever range, filter or past is shown."""

    def __init__(self, rules: Mapping[str, Rule]) -> None:
        self._watches = {name: RuleMonitor(rule) for name, rule in rules.items()}
        self._acknowledged: set[str] = set()

    def __len__(self) -> int:
        return len(self._watches)

    @property
    def firing(self) -> list[Alert]:
        """All alerts that fire, acknowledged or not."""
        return [Alert(n, w.rule) for n, w in self._watches.items() if w.phase == "firing"]

    @property
    def waiting(self) -> list[Alert]:
        """The alerts that fire and have not been acknowledged."""
        return [alert for alert in self.firing if alert.name not in self._acknowledged]

    def rules(self) -> list[Rule]:
        """Return all rules."""
        return [watch.rule for watch in self._watches.values()]

    def observe(self, session: Session) -> list[Alert]:
        """Appearance at the session; return the alerts that have just begun."""
        if session.view is None or not self._watches:
            return []
        figures = figures_of(session)
        moment = session.clock.monotonic()
        begun = []
        for name, watch in self._watches.items():
            before = watch.phase
            phase = watch.observe(figures, moment)
            if phase == "firing" and before != "firing":
                begun.append(Alert(name, watch.rule))
            if phase == "quiet":
                self._acknowledged.discard(name)
        return begun

    def acknowledge(self) -> int:
        """Take note of everything that fires; return how many were new."""
        waiting = self.waiting
        self._acknowledged.update(alert.name for alert in waiting)
        return len(waiting)


def figures_of(session: Session) -> Figures:
    """Take the figures of a session."""
    view = session.view
    assert view is not None
    stores = () if session.menu is None else [store.code for store in session.menu.stores]
    return read_figures(view.cube, view.data_time, session.now(), stores, session.health)
