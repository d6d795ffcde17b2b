"""`coffeert status --check`: the terminal's alert rules, answered by exit code."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from coffeert.alert_rules import Figures, Rule, RuleMonitor, read_figures
from coffeert.client import OrderClient
from coffeert.domain.view import View
from coffeert.wire.frames import change_from

NOT_MET = 8
"""The exit code where a rule does not hold."""

_EVERY = 1.0  # seconds between two looks, as often as an alert looks at fresh figures


@dataclass(frozen=True, slots=True)
class RuleResult:
    """What became of a rule, and the last value of its figure."""

    rule: Rule
    holds: bool
    value: float | None

    def text(self) -> str:
        """Say it in a line."""
        shown = "unknown" if self.value is None else f"{self.value:,.2f}"
        return f"{self.rule.text()}: {'holds' if self.holds else 'does not hold'} ({shown} now)"


async def check(
    client: OrderClient, rules: Sequence[Rule], every: float = _EVERY
) -> list[RuleResult]:
    """RuleMonitor the server until every rule has held as long as it says, or has not.

    A rule without a duration is answered at the first look. Raises `ServerUnavailable`.
    """
    watches = {rule: RuleMonitor(rule) for rule in rules}
    verdicts: dict[Rule, RuleResult] = {}
    async with client:
        stores = [store.code for store in (await client.menu()).stores]
        while len(verdicts) < len(watches):
            figures = await _look(client, stores)
            for rule, watch in watches.items():
                phase = watch.observe(figures, time.monotonic())
                if phase != "pending" and rule not in verdicts:
                    verdicts[rule] = RuleResult(rule, phase == "firing", figures.get(rule.metric))
            if len(verdicts) < len(watches):
                await asyncio.sleep(every)
    return [verdicts[rule] for rule in rules]


async def _look(client: OrderClient, stores: Sequence[str]) -> Figures:
    snapshot = await client.dashboard()
    view = View(change_from(snapshot.view))
    return read_figures(view.cube, view.data_time, datetime.now(UTC), stores, snapshot.health)
