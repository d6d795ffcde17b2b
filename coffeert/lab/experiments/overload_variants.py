"""Past the limit by other heads and transports: browsers' requests, WebSocket orders, batches."""

from __future__ import annotations

from typing import NamedTuple

from coffeert.lab.bare_loops import serve_refusals
from coffeert.lab.baselines import BaselineJob, start_baseline
from coffeert.lab.clients import RequestHead
from coffeert.lab.environment import free_port
from coffeert.lab.experiments.overload_limit import (
    OBJECTIVE_SECONDS,
    PATIENCE_SECONDS,
    OverloadLimit,
    accepted_verdict,
    goodput_verdict,
    order_cpu,
    refusal_cpu,
    refusal_verdict,
)
from coffeert.lab.harness import (
    Harness,
    LoadRun,
    ServerUnderTest,
    bisect,
    load_baseline,
    sustained,
)
from coffeert.lab.load_generator import OrderTransport
from coffeert.lab.results import Metric, Verdict

SUSTAINED_SECONDS = 0.1  # at p99
HTTP_CONNECTIONS = 4_096  # in an open loop every client has a connection of its own
MAX_VARIANT_SECONDS = 5.0


class LoadVariant(NamedTuple):
    """Another way to send orders.

    `low` and `high`: where the sustainable rate is searched, as shares of that of minimal HTTP requests.
    """

    name: str
    title: str
    transport: OrderTransport
    head: RequestHead
    connections: int
    max_in_flight: int
    lines: int
    low: float
    high: float


BROWSER = LoadVariant(
    "browser", "browser head", "http", "browser", HTTP_CONNECTIONS, 1, 1, 0.5, 1.1
)
WEBSOCKET = LoadVariant("ws", "WebSocket", "ws", "minimal", 64, 256, 1, 0.75, 1.35)
BATCHES = LoadVariant("batch", "batches of 100", "batch", "minimal", 1_024, 1, 100, 1.5, 4.0)


class VariantOverload(NamedTuple):
    """What an open loop sustains by one variant, and the run at twice that; rates in orders/s.

    `found`: at least one of the rates tried was sustained; else `sustainable` is the lowest tried.
    `floor`: the load at twice that, on a bare loop that only refuses; `None` over WebSocket and for
    batches, of which one send refuses several, so that nearly everything is possible.
    """

    variant: LoadVariant
    trials: list[LoadRun]
    sustainable: float
    twice: LoadRun
    found: bool = True
    floor: LoadRun | None = None

    @property
    def limit(self) -> OverloadLimit:
        """What is possible at twice the sustainable rate."""
        at_limit = min(
            self.trials or [self.twice],
            key=lambda run: abs(run.measurement.offered - self.sustainable),
        )
        return OverloadLimit(
            offered=self.twice.measurement.offered,
            order_cpu=order_cpu(at_limit),
            refusal_cpu=refusal_cpu(self.floor) if self.floor else 0.0,
            best=max(run.rate for run in (*self.trials, self.twice)),
        )

    @property
    def goodput_kept(self) -> float:
        """Goodput at twice the sustainable rate, as a share of the best."""
        best = self.limit.best
        return self.twice.rate / best if best else 0.0

    def metrics(self) -> tuple[Metric, ...]:
        name = self.variant.name
        return (
            Metric(f"{name}_sustainable", round(self.sustainable), "orders/s"),
            Metric(f"{name}_goodput_kept", round(self.goodput_kept, 3)),
            Metric(f"{name}_possible", round(self.limit.goodput), "orders/s"),
            Metric(f"{name}_twice_offered", round(self.twice.measurement.offered), "orders/s"),
            Metric(f"{name}_twice_rate", round(self.twice.rate), "orders/s"),
            Metric(f"{name}_accepted_p99", self.twice.load.latency.p99, "ms"),
            Metric(f"{name}_refusal_p99", self.twice.load.shed_sent.p99, "ms"),
        )

    def verdicts(self) -> tuple[Verdict, ...]:
        load, title = self.twice.load, self.variant.title
        return (
            goodput_verdict(
                f"{title}: ",
                self.twice,
                self.limit,
                f"{self.sustainable:,.0f} orders/s can be sustained"
                + ("" if self.found else " at most: no higher rate was"),
            ),
            accepted_verdict(f"{title}: ", load),
            refusal_verdict(
                f"{title}: ",
                load,
                f"p50 {load.shed_sent.p50:.1f} ms; {load.shed / max(1, load.sent):.0%} were refused",
                held=self.variant.transport != "ws",
            ),
        )


async def overload_variant(
    server: ServerUnderTest, variant: LoadVariant, single: float
) -> VariantOverload:
    """Find what is sustained by a variant, and offer twice that.

    `single`: orders/s that minimal HTTP requests sustain.
    """
    preset = server.harness.preset
    connections = min(variant.connections, 64 * preset.connections)
    trials: list[LoadRun] = []

    async def offer(rate: float, label: str, patience: float = 0.0) -> LoadRun:
        return await server.measure(
            f"{variant.title}: {label}",
            transport=variant.transport, head=variant.head, lines=variant.lines,
            rate=rate / variant.lines, connections=connections, max_in_flight=variant.max_in_flight,
            seconds=min(MAX_VARIANT_SECONDS, preset.overload_seconds / 2),
            objective=OBJECTIVE_SECONDS, patience=patience,
        )  # fmt: skip

    async def sustains(rate: float) -> bool:
        trial = await offer(rate, f"open loop at {rate:,.0f}/s")
        trials.append(trial)
        return sustained(trial.load, SUSTAINED_SECONDS, connections)

    low, high = single * variant.low, single * variant.high
    found, _ = await bisect(sustains, low, high, steps=preset.overload_trials + 1)
    sustainable = found or low
    patience = 0.0 if variant.transport == "ws" else PATIENCE_SECONDS
    twice = await offer(2 * sustainable, "200 % of the sustainable rate", patience)
    floor = None
    if variant.transport == "http":
        floor = await measure_floor(server.harness, 2 * sustainable, connections, variant.head)
    return VariantOverload(variant, trials, sustainable, twice, bool(found), floor)


async def measure_floor(
    harness: Harness, rate: float, connections: int, head: RequestHead = "minimal"
) -> LoadRun:
    """Send a load to a bare loop that refuses every request without parsing it."""
    async with start_baseline(serve_refusals, BaselineJob(free_port())) as baseline:
        return await load_baseline(
            harness, baseline, "the floor: every request refused without parsing",
            note="the limit: stores nothing, and parses nothing",
            rate=rate, connections=connections, head=head,
            seconds=min(MAX_VARIANT_SECONDS, harness.preset.overload_seconds / 2),
        )  # fmt: skip
