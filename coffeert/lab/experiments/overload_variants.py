"""Past the limit by other heads and transports: browsers' requests, WebSocket orders, batches."""

from __future__ import annotations

from typing import NamedTuple

from coffeert.lab.clients import RequestHead
from coffeert.lab.harness import LoadRun, ServerUnderTest, bisect, sustained
from coffeert.lab.load_generator import LoadResult, OrderTransport
from coffeert.lab.results import Metric, Verdict, judge

OBJECTIVE_SECONDS = 1.0
SUSTAINED_SECONDS = 0.1  # at p99
TARGET_GOODPUT, TARGET_REFUSAL_MS = 0.9, 50.0
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
    """

    variant: LoadVariant
    trials: list[LoadRun]
    sustainable: float
    twice: LoadRun
    found: bool = True

    @property
    def goodput_kept(self) -> float:
        """Goodput at twice the sustainable rate, as a share of the best."""
        best = max(run.rate for run in (*self.trials, self.twice))
        return self.twice.rate / best if best else 0.0

    def metrics(self) -> tuple[Metric, ...]:
        name = self.variant.name
        return (
            Metric(f"{name}_sustainable", round(self.sustainable), "orders/s"),
            Metric(f"{name}_goodput_kept", round(self.goodput_kept, 3)),
            Metric(f"{name}_refusal_p99", self.twice.load.shed_sent.p99, "ms"),
        )

    def verdicts(self) -> tuple[Verdict, ...]:
        bound, load, title = self.twice.generator_bound, self.twice.load, self.variant.title
        return (
            goodput_verdict(
                f"{title}: ",
                self.goodput_kept,
                f"{self.sustainable:,.0f} orders/s can be sustained"
                + ("" if self.found else " at most: no higher rate was"),
                bound=bound,
            ),
            refusal_verdict(
                f"{title}: ",
                load,
                f"p50 {load.shed_sent.p50:.1f} ms; {load.shed / max(1, load.sent):.0%} were refused",
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

    async def offer(rate: float, label: str) -> LoadRun:
        return await server.measure(
            f"{variant.title}: {label}",
            transport=variant.transport, head=variant.head, lines=variant.lines,
            rate=rate / variant.lines, connections=connections, max_in_flight=variant.max_in_flight,
            seconds=min(MAX_VARIANT_SECONDS, preset.overload_seconds / 2),
            objective=OBJECTIVE_SECONDS,
        )  # fmt: skip

    async def sustains(rate: float) -> bool:
        trial = await offer(rate, f"open loop at {rate:,.0f}/s")
        trials.append(trial)
        return sustained(trial.load, SUSTAINED_SECONDS, connections)

    low, high = single * variant.low, single * variant.high
    found, _ = await bisect(sustains, low, high, steps=preset.overload_trials + 1)
    sustainable = found or low
    twice = await offer(2 * sustainable, "200 % of the sustainable rate")
    return VariantOverload(variant, trials, sustainable, twice, found=bool(found))


def goodput_verdict(prefix: str, kept: float, note: str, *, bound: bool) -> Verdict:
    """Judge the goodput at twice the sustainable rate, a share of the best."""
    return Verdict(
        f"{prefix}goodput at twice the sustainable rate at least {TARGET_GOODPUT:.0%} of the best",
        f"{kept:.1%}",
        judge(kept, TARGET_GOODPUT, at_least=True, valid=not bound),
        note + ("; the generator had no CPU left" if bound else ""),
    )


def refusal_verdict(prefix: str, load: LoadResult, note: str) -> Verdict:
    """Judge how soon refusals were answered; inconclusive if nothing was refused."""
    p99 = load.shed_sent.p99
    return Verdict(
        f"{prefix}refusals there are answered within {TARGET_REFUSAL_MS:g} ms (p99)",
        f"{p99:.1f} ms" if load.shed else "none was refused",
        judge(p99, TARGET_REFUSAL_MS, at_least=False, valid=bool(load.shed)),
        note,
    )
