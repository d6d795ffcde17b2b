"""Prometheus metrics: each number of the health, read when Prometheus asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from coffeert.wire.health import Health, PartHealth

_COUNTERS = frozenset(
    {"accepted", "replayed", "refused", "shed", "frames", "bytes", "conflated", "dropped", "passes"}
)


class _HealthCollector(Collector):
    def __init__(self, health: Callable[[], Health]) -> None:
        self._health = health

    def collect(self) -> Iterator[Metric]:
        """Make a metric of each number of each part, named `coffeert_<part>_<field>`."""
        health = self._health()
        parts: dict[str, PartHealth] = {
            "intake": health.intake,
            "aggregator": health.aggregator,
            "redis": health.redis,
            "sockets": health.sockets,
            "database": health.database,
            "durability": health.durability,
        }
        yield GaugeMetricFamily("coffeert_live", "1 if orders show live.", float(health.live))
        for name, part in parts.items():
            yield GaugeMetricFamily(f"coffeert_{name}_up", "1 if healthy.", float(part.ok))
            for field, value in msgspec.structs.asdict(part).items():
                if isinstance(value, bool) or not isinstance(value, int | float):
                    continue
                if (name, field) == ("intake", "restored"):
                    yield CounterMetricFamily(
                        "coffeert_restored_orders", "Acknowledged, lost, stored again.", value
                    )
                    continue
                family = CounterMetricFamily if field in _COUNTERS else GaugeMetricFamily
                yield family(f"coffeert_{name}_{field}", f"{name}: {field}.", float(value))


class Metrics:
    """The metrics of one server process."""

    content_type = "text/plain; version=0.0.4; charset=utf-8"

    def __init__(self, health: Callable[[], Health]) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_HealthCollector(health))

    def text(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return generate_latest(self._registry)
