"""`coffeert status --check`: the terminal's alert rules, answered by exit code."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from coffeert.alert_rules import ACTIVITY_METRICS, Figures, Rule, RuleMonitor, read_figures
from coffeert.client import OrderClient
from coffeert.domain.view import View
from coffeert.wire.frames import change_from

NOT_MET = 8
"""The exit code if a rule does not hold."""

_INTERVAL_SECONDS = 1.0  # as often as the terminal evaluates its alerts


@dataclass(frozen=True, slots=True)
class RuleResult:
    """Whether a rule holds, and the last value of its figure."""

    rule: Rule
    holds: bool
    value: float | None

    def text(self) -> str:
        shown = "unknown" if self.value is None else f"{self.value:,.2f}"
        return f"{self.rule.text()}: {'holds' if self.holds else 'does not hold'} ({shown} now)"


async def check(
    client: OrderClient, rules: Sequence[Rule], interval: float = _INTERVAL_SECONDS
) -> list[RuleResult]:
    """Poll the server until every rule has held for its duration, or has not held.

    A rule without a duration is decided by the first poll. Raises `ServerUnavailable`.
    """
    monitors = {rule: RuleMonitor(rule) for rule in rules}
    results: dict[Rule, RuleResult] = {}
    async with client:
        asks_for_stores = any(rule.metric in ACTIVITY_METRICS for rule in rules)
        while len(results) < len(monitors):
            figures = await _fetch_figures(client, activity=asks_for_stores)
            for rule, monitor in monitors.items():
                phase = monitor.observe(figures, time.monotonic())
                if phase != "pending" and rule not in results:
                    results[rule] = RuleResult(rule, phase == "firing", figures.get(rule.metric))
            if len(results) < len(monitors):
                await asyncio.sleep(interval)
    return [results[rule] for rule in rules]


async def _fetch_figures(client: OrderClient, *, activity: bool) -> Figures:
    snapshot = await client.dashboard()
    stores = await client.activity() if activity else None
    view = View(change_from(snapshot.view))
    return read_figures(
        view.cube, view.data_time, datetime.now(UTC), stores, snapshot.health, snapshot.currency
    )
