"""Past the limit by the other ways in: orders over WebSocket and in batches, and the floor of HTTP's."""

from __future__ import annotations

from typing import NamedTuple

from coffeert.lab.bench import Bench, Run, Subject, bare_refusals, load_bare, sustained
from coffeert.lab.breaking_point import bisect
from coffeert.lab.load import Via
from coffeert.lab.results import Figure, Verdict, judge

OBJECTIVE = 1.0
GOODPUT_WANTED, REFUSAL_WANTED = 0.9, 50.0
SUSTAINED = 0.1  # seconds, at p99
_SECONDS = 5.0


class Way(NamedTuple):
    """A way in: over so many connections, each with so many requests under way, of so many orders.

    `low` and `high`: where the sustainable rate is looked for, as shares of that of single orders.
    """

    via: Via
    title: str
    connections: int
    under_way: int
    lines: int
    low: float
    high: float


WEBSOCKET = Way("ws", "WebSocket", 64, 256, 1, 0.75, 1.35)
BATCHES = Way("batch", "batches of 100", 1_024, 1, 100, 1.5, 4.0)


class PastLimit(NamedTuple):
    """What an open loop sustains by one way, and what became of twice that. Rates in orders/s.

    `held`: at least one of the rates that were tried was sustained; else the lowest stands for it.
    """

    way: Way
    trials: list[Run]
    sustainable: float
    twice: Run
    held: bool = True

    @property
    def kept(self) -> float:
        """Goodput at twice the sustainable rate, as a share of the best."""
        best = max(run.rate for run in (*self.trials, self.twice))
        return self.twice.rate / best if best else 0.0

    @property
    def refusal_p99(self) -> float:
        """Milliseconds from when a refused request was sent to its refusal."""
        return self.twice.load.shed_sent.p99

    def figures(self) -> tuple[Figure, ...]:
        """Name what was measured."""
        via = self.way.via
        return (
            Figure(f"{via}_sustainable", round(self.sustainable), "orders/s"),
            Figure(f"{via}_goodput_kept", round(self.kept, 3)),
            Figure(f"{via}_refusal_p99", self.refusal_p99, "ms"),
        )

    def verdicts(self) -> tuple[Verdict, ...]:
        """Judge goodput and refusals as those of single orders over HTTP are."""
        evidence, load = self.twice.measurement.evidence, self.twice.load
        bound = evidence is not None and evidence.generator_bound
        return (
            Verdict(
                f"{self.way.title}: goodput at twice the sustainable rate at least "
                f"{GOODPUT_WANTED:.0%} of the best",
                f"{self.kept:.1%}",
                judge(self.kept, GOODPUT_WANTED, at_least=True, valid=not bound),
                f"{self.sustainable:,.0f} orders/s can be sustained"
                + ("" if self.held else " at most: no higher rate was")
                + ("; the generator had no CPU left" if bound else ""),
            ),
            Verdict(
                f"{self.way.title}: those refused there are told so within {REFUSAL_WANTED:g} ms (p99)",
                f"{self.refusal_p99:.1f} ms" if load.shed else "none was refused",
                judge(self.refusal_p99, REFUSAL_WANTED, at_least=False, valid=bool(load.shed)),
                f"p50 {load.shed_sent.p50:.1f} ms; {load.shed / max(1, load.sent):.0%} were refused",
            ),
        )


async def past_limit(server: Subject, way: Way, single: float) -> PastLimit:
    """Look for what is sustained by one way, and offer twice that; `single`: by single orders."""
    effort = server.bench.effort
    seconds = min(_SECONDS, effort.overload_seconds / 2)
    connections = min(way.connections, 16 * effort.connections)
    trials: list[Run] = []

    async def offer(rate: float, label: str) -> Run:
        return await server.measure(
            f"{way.title}: {label}",
            via=way.via, lines=way.lines, rate=rate / way.lines, seconds=seconds,
            connections=connections, under_way=way.under_way, objective=OBJECTIVE,
        )  # fmt: skip

    async def holds(rate: float) -> bool:
        trial = await offer(rate, f"open loop at {rate:,.0f}/s")
        trials.append(trial)
        return sustained(trial.load, SUSTAINED, connections)

    low = single * way.low
    found, _ = await bisect(holds, low, single * way.high, steps=effort.overload_trials + 1)
    sustainable = found or low
    twice = await offer(2 * sustainable, "200 % of the sustainable rate")
    return PastLimit(way, trials, sustainable, twice, held=bool(found))


async def floor(bench: Bench, rate: float, connections: int) -> Run:
    """Have every request of an open loop refused unread by a server that does nothing else."""
    async with bare_refusals() as bare:
        return await load_bare(
            bench, bare, "the floor: every request refused unread",
            note="the limit: stores nothing, and looks at nothing",
            rate=rate, seconds=min(_SECONDS, bench.effort.overload_seconds / 2), connections=connections,
        )  # fmt: skip
