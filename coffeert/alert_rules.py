"""Rules: `orders_per_min > 130 for 30s`, the same in the terminal's alerts and in `status --check`."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, get_args

from coffeert.domain.rollups import SECONDS, RollupCube, Totals, floor
from coffeert.errors import ConfigError
from coffeert.wire.health import Health

Metric = Literal[
    "orders_per_min",
    "revenue_per_min",
    "avg_ticket",
    "orders_today",
    "revenue_today",
    "silent_stores",
    "data_age",
    "lag",
    "pass_ms",
    "commit_ms",
    "queue",
    "predicted_wait_ms",
    "redis_ms",
    "clients",
    "orders_per_s",
]
METRICS: Final[tuple[Metric, ...]] = get_args(Metric)
Comparison = Literal["<", "<=", ">", ">=", "=="]
Phase = Literal["quiet", "pending", "firing"]
Figures = Mapping[Metric, float]

SILENT_AFTER: Final = 180.0
"""Seconds without an order after which a store counts as silent."""

_TICKET_MINUTES = 15
_UNITS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0}
_COMPARE: Final[dict[Comparison, Callable[[float, float], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
}
_SIGNS: Final[dict[str, Comparison]] = {
    "<": "<",
    "<=": "<=",
    ">": ">",
    ">=": ">=",
    "==": "==",
    "=": "==",
}
_RULE = re.compile(
    r"\s*([a-z_]+)\s*(<=|>=|==|=|<|>)\s*(-?\d+(?:\.\d+)?)\s*(?:for\s+(\d+(?:\.\d+)?)\s*([smh]))?\s*"
)


@dataclass(frozen=True, slots=True)
class Rule:
    """A condition on one figure that must hold for some seconds on end."""

    metric: Metric
    comparison: Comparison
    limit: float
    seconds: float = 0.0

    def holds(self, figures: Figures) -> bool | None:
        """Tell whether the condition holds; `None` where the figure is not known."""
        value = figures.get(self.metric)
        return None if value is None else _COMPARE[self.comparison](value, self.limit)

    def text(self) -> str:
        """Write the rule as one would type it."""
        lasting = f" for {_plain(self.seconds)}s" if self.seconds else ""
        return f"{self.metric} {self.comparison} {_plain(self.limit)}{lasting}"


class RuleMonitor:
    """Watches one rule as time goes by."""

    __slots__ = ("_since", "phase", "rule")

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.phase: Phase = "quiet"
        self._since: float | None = None

    def observe(self, figures: Figures, moment: float) -> Phase:
        """Appearance at the figures of a moment, in seconds; an unknown figure changes nothing."""
        holds = self.rule.holds(figures)
        if holds is False:
            self._since, self.phase = None, "quiet"
        elif holds:
            self._since = moment if self._since is None else self._since
            lasted = moment - self._since
            self.phase = "firing" if lasted >= self.rule.seconds else "pending"
        return self.phase


def parse_rule(text: str) -> Rule:
    """Read a rule; raises `ConfigError` with a plain sentence."""
    match = _RULE.fullmatch(text)
    if match is None:
        raise ConfigError(
            f"{text[:60]!a} is no rule; one looks like: orders_per_min > 130 for 30s."
        )
    name, sign, limit, lasting, unit = match.groups()
    metric = next((known for known in METRICS if known == name), None)
    if metric is None:
        raise ConfigError(f"{name[:40]} is no figure; known are {', '.join(METRICS)}.")
    comparison = _SIGNS[sign]
    seconds = float(lasting) * _UNITS[unit] if lasting else 0.0
    return Rule(metric, comparison, float(limit), seconds)


def _plain(number: float) -> str:
    return f"{number:f}".rstrip("0").rstrip(".")


def read_figures(
    picture: RollupCube,
    data_time: datetime,
    now: datetime,
    stores: Sequence[str],
    health: Health | None,
) -> Figures:
    """Take the figures that rules are about; `stores` are those of the menu, money is in units."""
    moment = now.timestamp()
    running = floor(int(moment), "minute")
    orders, cents = sliding_minute(lambda start: picture.bucket_sum("minute", start), moment)
    of_late = picture.total("minute", running - (_TICKET_MINUTES - 1) * SECONDS["minute"])
    today = picture.totals().today
    figures: dict[Metric, float] = {
        "orders_per_min": orders,
        "revenue_per_min": cents / 100,
        "orders_today": today.orders,
        "revenue_today": today.cents / 100,
        "silent_stores": len(silent_stores(picture, stores, moment)),
        "data_age": max(0.0, (now - data_time).total_seconds()),
    }
    if of_late.orders > 0:
        figures["avg_ticket"] = of_late.cents / of_late.orders / 100
    if health is not None:
        figures["orders_per_s"] = health.intake.orders_per_s
        figures["queue"] = health.intake.queue
        figures["predicted_wait_ms"] = health.intake.predicted_wait_ms
        figures["commit_ms"] = health.intake.commit_ms
        figures["lag"] = health.aggregator.lag_s
        figures["pass_ms"] = health.aggregator.pass_ms
        figures["redis_ms"] = health.redis.round_trip_ms
        figures["clients"] = health.sockets.clients
    return figures


def sliding_minute(minute: Callable[[int], Totals], moment: float) -> tuple[float, float]:
    """Return orders and cents over the last sixty seconds; `minute` returns a minute's totals by its start.

    The running minute, and of the one before as much as is missing to sixty seconds: an average that
    needs no finer data than minutes.
    """
    running = floor(int(moment), "minute")
    part = 1 - (moment - running) / SECONDS["minute"]
    newest = minute(running)
    before = minute(running - SECONDS["minute"])
    return newest.orders + part * before.orders, newest.cents + part * before.cents


def silent_stores(
    picture: RollupCube, stores: Sequence[str], moment: float
) -> list[tuple[str, float]]:
    """Return the stores without an order of late, the longest silent first, and for how many seconds.

    A minute's bucket does not tell when in the minute: a store is silent from its end on.
    """
    last: dict[str, int] = {}
    wanted = set(stores)
    oldest = picture.retention.window_start("minute")
    for start in range(floor(int(moment), "minute") + 300, oldest - 60, -60):
        for (store, _), tally in picture.bucket("minute", start).items():
            if tally.orders > 0 and store in wanted and store not in last:
                last[store] = start
        if len(last) == len(wanted):
            break
    gaps = [(code, moment - (last[code] + 60 if code in last else oldest)) for code in stores]
    silent = [(code, gap) for code, gap in gaps if gap >= SILENT_AFTER]
    return sorted(silent, key=lambda item: (-item[1], item[0]))
