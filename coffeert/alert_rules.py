"""Alert rules such as `orders_per_min > 130 for 30s`, for the terminal and for `status --check`."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Final, Literal, get_args

from coffeert.domain.currency import places
from coffeert.domain.rollup_cube import RollupCube
from coffeert.domain.rollups import SECONDS, floor, sliding_minutes
from coffeert.durations import parse_duration
from coffeert.errors import ConfigError
from coffeert.wire.health import Health
from coffeert.wire.reports import Activity

Metric = Literal[
    "orders_per_min",
    "rate_10m",
    "rush",
    "revenue_per_min",
    "avg_ticket",
    "orders_today",
    "revenue_today",
    "silent_stores",
    "silent_for",
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

ACTIVITY_METRICS: Final[frozenset[Metric]] = frozenset({"silent_stores", "silent_for", "rush"})
"""Those that the server must be asked for, beside its view."""

_TICKET_MINUTES = 15
_RATE_MINUTES = 10
_RUSH_ENDS = 0.8
"""A rush that began above 1.5 times the usual ends below 1.2."""
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
_WORDS: Final[dict[Comparison, str]] = {
    "<": "less than",
    "<=": "at most",
    ">": "more than",
    ">=": "at least",
    "==": "exactly",
}
_FIGURES_IN_WORDS: Final[dict[Metric, str]] = {
    "orders_per_min": "orders a minute",
    "rate_10m": "orders a minute over ten minutes",
    "rush": "times the usual orders of ten minutes at a store",
    "revenue_per_min": "in takings a minute",
    "avg_ticket": "per order",
    "orders_today": "orders today",
    "revenue_today": "in takings today",
    "silent_stores": "stores that sell nothing",
    "silent_for": "seconds without a sale at a store that is quiet",
    "data_age": "seconds without news",
    "lag": "seconds until orders are counted",
    "pass_ms": "ms for a pass",
    "commit_ms": "ms for a commit",
    "queue": "orders waiting to be stored",
    "predicted_wait_ms": "ms until an order is stored",
    "redis_ms": "ms to Redis and back",
    "clients": "screens connected",
    "orders_per_s": "orders a second",
}
_RULE = re.compile(
    r"\s*([a-z_0-9]+)\s*(<=|>=|==|=|<|>)\s*(-?\d+(?:\.\d+)?)\s*(?:for\s+(\S.*?))?\s*"
)


@dataclass(frozen=True, slots=True)
class Rule:
    """A condition on one figure, which must hold for some seconds without a break."""

    metric: Metric
    comparison: Comparison
    limit: float
    seconds: float = 0.0

    def holds(self, figures: Figures) -> bool | None:
        """Return whether the condition holds, `None` if the figure is not known."""
        value = figures.get(self.metric)
        return None if value is None else _COMPARE[self.comparison](value, self.limit)

    def goes_on(self, figures: Figures) -> bool | None:
        """Return whether the condition still holds once it has: that of a rush a little longer."""
        if self.metric != "rush" or self.comparison not in (">", ">="):
            return self.holds(figures)
        return replace(self, limit=self.limit * _RUSH_ENDS).holds(figures)

    def text(self) -> str:
        """Return the rule as one would type it."""
        lasting = f" for {_plain(self.seconds)}s" if self.seconds else ""
        return f"{self.metric} {self.comparison} {_plain(self.limit)}{lasting}"

    def words(self) -> str:
        """Return the rule as one would say it, such as `more than 130 orders a minute for 30 s`."""
        lasting = f" for {duration_words(self.seconds)}" if self.seconds else ""
        figure = _FIGURES_IN_WORDS[self.metric]
        return f"{_WORDS[self.comparison]} {figure_text(self.limit)} {figure}{lasting}"

    def worse(self, one: float, other: float) -> float:
        """Return that of two values which is further beyond the limit; the newer (`other`) of equals."""
        if self.comparison == "==":
            return other
        return max(one, other) if self.comparison in (">", ">=") else min(one, other)


class RuleMonitor:
    """The state of one rule over time; `since` is the moment from which its condition has held."""

    __slots__ = ("phase", "rule", "since")

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.phase: Phase = "quiet"
        self.since: float | None = None

    def observe(self, figures: Figures, moment: float) -> Phase:
        """Update by the figures of a moment, in seconds; an unknown figure changes nothing."""
        firing = self.phase == "firing"
        holds = self.rule.goes_on(figures) if firing else self.rule.holds(figures)
        if holds is False:
            self.since, self.phase = None, "quiet"
        elif holds:
            self.since = moment if self.since is None else self.since
            lasted = moment - self.since
            self.phase = "firing" if lasted >= self.rule.seconds else "pending"
        return self.phase


def parse_rule(text: str) -> Rule:
    """Read a rule; raises `ConfigError` with a plain sentence."""
    match = _RULE.fullmatch(text)
    if match is None:
        raise ConfigError(
            f"{text[:60]!a} is no rule; one looks like: orders_per_min > 130 for 30s."
        )
    name, sign, limit, lasting = match.groups()
    metric = next((known for known in METRICS if known == name), None)
    if metric is None:
        raise ConfigError(f"{name[:40]} is no figure; known are {', '.join(METRICS)}.")
    comparison = _SIGNS[sign]
    try:
        seconds = parse_duration(lasting) if lasting else 0.0
    except ValueError as error:
        raise ConfigError(f"The duration of the rule {text[:60]!a} {error}.") from None
    return Rule(metric, comparison, float(limit), seconds)


def figure_text(number: float) -> str:
    """Write a figure with at most two places: `130`, `4.50`, `1,204`."""
    return f"{number:,.0f}" if number == round(number) else f"{number:,.2f}"


def duration_words(seconds: float) -> str:
    """Write a duration in its greatest whole unit: `30 s`, `5 min`, `2 h`."""
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:.0f} {unit}"
    return f"{_plain(seconds)} s"


def _plain(number: float) -> str:
    return f"{number:f}".rstrip("0").rstrip(".")


def read_figures(
    cube: RollupCube,
    data_time: datetime,
    now: datetime,
    activity: Activity | None,
    health: Health | None,
    currency: str | None = None,
) -> Figures:
    """Return the figures that rules are about, as far as they are known; money is in whole units."""
    moment, scale = now.timestamp(), 10 ** places(currency)
    running = floor(int(moment), "minute")
    minute_sum = partial(cube.bucket_sum, "minute")
    orders, cents = sliding_minutes(minute_sum, moment)
    of_ten_minutes, _ = sliding_minutes(minute_sum, moment, _RATE_MINUTES)
    recent = cube.total("minute", running - (_TICKET_MINUTES - 1) * SECONDS["minute"])
    today = cube.totals().today
    figures: dict[Metric, float] = {
        "orders_per_min": orders,
        "rate_10m": of_ten_minutes / _RATE_MINUTES,
        "revenue_per_min": cents / scale,
        "orders_today": today.orders,
        "revenue_today": today.cents / scale,
        "data_age": max(0.0, (now - data_time).total_seconds()),
    }
    if recent.orders > 0:
        figures["avg_ticket"] = recent.cents / recent.orders / scale
    if activity is not None:
        figures["silent_stores"] = sum(store.quiet for store in activity.stores)
        figures["silent_for"] = max((store.silent_for for store in activity.stores), default=0.0)
        figures["rush"] = max((store.rush or 0.0 for store in activity.stores), default=0.0)
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
