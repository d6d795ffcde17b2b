"""What happens past the limit? Twice the sustainable load, and whether it recovers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from coffeert.lab.bench import Bench, Run, Subject, subject, sustained
from coffeert.lab.breaking_point import BreakingPoint, find_breaking_point
from coffeert.lab.experiments.overload_ways import (
    BATCHES,
    GOODPUT_WANTED,
    OBJECTIVE,
    REFUSAL_WANTED,
    SUSTAINED,
    WEBSOCKET,
    PastLimit,
    floor,
    past_limit,
)
from coffeert.lab.load import LoadResult
from coffeert.lab.results import Curve, Experiment, Figure, Picture, Point, Verdict, judge

RECOVERY_WANTED, MEMORY_WANTED = 10.0, 1.5
_CONNECTIONS = 4_096  # in an open loop everybody brings a connection of their own
_STEP = 0.5  # seconds of a slice of the generator's timeline


class Share(NamedTuple):
    """A share of the sustainable rate, offered several times."""

    share: float
    runs: list[Run]

    @property
    def middle(self) -> Run:
        """The run with the median rate; of two the lower."""
        return sorted(self.runs, key=lambda run: run.rate)[(len(self.runs) - 1) // 2]


class Overloaded(NamedTuple):
    """What was measured. `grown`: the server's memory at the end, as a share of that before.

    `sustainable` is what several searches found. `floor`: what was offered at twice that, to a server
    that only refuses.
    """

    peaks: list[Run]
    trials: list[Run]
    sustainable: BreakingPoint
    offered: list[Share]
    after: Run
    grown: float
    floor: Run
    others: tuple[PastLimit, ...]

    @property
    def runs(self) -> tuple[Run, ...]:
        """Everything that was measured, in its order."""
        offered = [run for share in self.offered for run in share.runs]
        single = *self.peaks, *self.trials, *offered, self.after, self.floor
        return *single, *(run for way in self.others for run in (*way.trials, way.twice))

    @property
    def twice(self) -> Run:
        """The median run at twice the sustainable rate."""
        return self.offered[-1].middle

    @property
    def at_limit(self) -> Run:
        """The median run at the sustainable rate."""
        return next(share.middle for share in self.offered if share.share == 1)

    @property
    def best(self) -> float:
        """The best goodput: the highest of the medians, orders/s."""
        return max(share.middle.rate for share in self.offered)

    @property
    def kept(self) -> float:
        """Goodput at twice the sustainable rate, as a share of the best."""
        return self.twice.rate / self.best

    @property
    def each_kept(self) -> list[float]:
        """The same of each run at twice the sustainable rate, the least first."""
        return sorted(run.rate / self.best for run in self.offered[-1].runs)

    @property
    def slowest_refusals(self) -> LoadResult:
        """What came of the run at twice the sustainable rate in which refusals took longest (p99)."""
        loads = [run.load for run in self.offered[-1].runs]
        return max(loads, key=lambda load: load.shed_sent.p99)

    @property
    def refused(self) -> float:
        """Refusals a second at twice the sustainable rate."""
        load = self.twice.load
        return load.shed / load.elapsed

    @property
    def floor_cpu(self) -> float:
        """Seconds of CPU for a refusal of what nobody has looked at: receiving, and sending."""
        load = self.floor.load
        return _cores(self.floor) / max(1.0, load.shed / load.elapsed)

    @property
    def recovery(self) -> float:
        """Seconds until everything is good again."""
        return recovered_after(self.after.load)

    def verdicts(self) -> tuple[Verdict, ...]:
        """Judge goodput, refusals, recovery and memory, and the other ways in."""
        load = self.slowest_refusals
        refusal = load.shed_sent
        bound = any(
            run.measurement.evidence is not None and run.measurement.evidence.generator_bound
            for share in self.offered
            for run in share.runs
        )
        found, each = self.sustainable.found, self.each_kept
        return (
            Verdict(
                f"goodput at twice the sustainable rate at least {GOODPUT_WANTED:.0%} of the best",
                f"{self.kept:.1%}",
                judge(self.kept, GOODPUT_WANTED, at_least=True, valid=not bound),
                f"{self.twice.rate:,.0f} orders/s and {self.refused:,.0f} refusals/s take the server "
                f"{_cores(self.twice):.2f} cores, {self.at_limit.rate:,.0f} orders/s at the sustainable "
                f"rate {_cores(self.at_limit):.2f}; a bare loop that looks at nothing refuses for "
                f"{self.floor_cpu * 1e6:.1f} us"
                + (f"; each time {_shares(each)}" if len(each) > 1 else "")
                + (f"; sustained by each search {_rates(found)}" if len(found) > 1 else "")
                + ("; the generator had no CPU left" if bound else ""),
            ),
            Verdict(
                f"orders refused there are told so within {REFUSAL_WANTED:g} ms (p99)",
                f"{refusal.p99:.1f} ms" if load.shed else "none was refused",
                judge(refusal.p99, REFUSAL_WANTED, at_least=False, valid=bool(load.shed)),
                ("" if len(each) == 1 else "the slowest time: ")
                + f"p50 {refusal.p50:.1f} ms; from when the order was sent, the first second included; "
                f"from when it was due p99 {load.shed_latency.p99:.1f} ms, of which the generator's own "
                f"lateness (p99) {load.late * 1e3:.1f} ms",
            ),
            Verdict(
                f"recovers within {RECOVERY_WANTED:g} s",
                f"{self.recovery:.1f} s",
                judge(self.recovery, RECOVERY_WANTED, at_least=False),
            ),
            Verdict(
                f"memory stays within {MEMORY_WANTED:g} times what it was before",
                f"{self.grown:.2f}",
                judge(self.grown, MEMORY_WANTED, at_least=False),
            ),
            *(verdict for way in self.others for verdict in way.verdicts()),
        )


async def run(bench: Bench) -> Experiment:
    """Find what an open loop sustains, offer half to twice of it, then half again."""
    connections = min(_CONNECTIONS, 64 * bench.effort.connections)
    found = await _overloaded(bench, connections)
    peak = max(found.peaks, key=lambda run: run.rate)
    shed = found.twice.load.shed / max(1, found.twice.load.sent)
    return Experiment(
        name="overload",
        question="What happens past the limit?",
        measurements=tuple(run.measurement for run in found.runs),
        figures=(
            Figure("peak", round(peak.rate), "orders/s"),
            Figure("sustainable", round(found.sustainable.median), "orders/s"),
            Figure("goodput_kept", round(found.kept, 3)),
            Figure("shed_share", round(shed, 3)),
            Figure("cores_at_limit", round(_cores(found.at_limit), 2)),
            Figure("twice_rate", round(found.twice.rate), "orders/s"),
            Figure("twice_refused", round(found.refused), "refusals/s"),
            Figure("twice_cores", round(_cores(found.twice), 2)),
            Figure("floor_cpu", round(found.floor_cpu * 1e6, 1), "us"),
            Figure("refusal_p99", found.slowest_refusals.shed_sent.p99, "ms"),
            Figure("recovery_s", found.recovery, "s"),
            Figure("memory_grown", round(found.grown, 2)),
            *(figure for way in found.others for figure in way.figures()),
        ),
        pictures=(_picture(peak, found.offered),),
        verdicts=found.verdicts(),
        notes=(
            f"Sustainable: the highest rate at which an open loop has p99 within {SUSTAINED:g} s and at "
            f"most 0.1 % refused, {bench.effort.overload_trials} times of {bench.effort.overload_trials}; "
            f"the median of {bench.effort.overload_searches} searches. Shares of it were offered "
            f"{bench.effort.overload_repeats} times each, and medians are compared. "
            f"Goodput: stored and answered within {OBJECTIVE:g} s of when the order was due. The rest "
            "was answered 503 with Retry-After, or waited for one of the generator's "
            f"{connections} connections.",
        ),
    )


async def _overloaded(bench: Bench, connections: int) -> Overloaded:
    seconds = bench.effort.overload_seconds
    async with subject(bench) as server:
        await server.warm_up(seconds=bench.effort.seconds / 4)
        peaks = [
            await server.measure("peak, closed loop", seconds=bench.effort.seconds)
            for _ in range(2 * bench.effort.overload_trials - 1)
        ]
        highest = max(run.rate for run in peaks)
        found, trials = await _sustainable(bench, server, highest, connections)
        sustainable = found.median
        memory = server.server.memory()

        async def offer(label: str, share: float, lasting: float) -> Run:
            return await server.measure(
                label, rate=sustainable * share, seconds=lasting, objective=OBJECTIVE,
                connections=connections,
            )  # fmt: skip

        # In turns, so that what disturbs the machine for a while does not meet one share only.
        offered = [Share(share, []) for share in bench.effort.overload_shares]
        for _ in range(bench.effort.overload_repeats):
            for share, runs in offered:
                label = f"{share:.0%} of the sustainable rate"
                runs.append(await offer(label, share, seconds))
        after = await offer("50 % again", 0.5, max(seconds, 1.0))
        grown = server.server.memory() / memory
        others = tuple(
            [
                await past_limit(server, way, sustainable)
                for way in (WEBSOCKET, BATCHES)[: bench.effort.overload_ways]
            ]
        )
    least = await floor(bench, 2 * sustainable, connections)
    return Overloaded(peaks, trials, found, offered, after, grown, least, others)


async def _sustainable(
    bench: Bench, server: Subject, peak: float, connections: int
) -> tuple[BreakingPoint, list[Run]]:
    trials: list[Run] = []

    async def holds(rate: float) -> bool:
        # What held once by luck is not sustained.
        for _ in range(bench.effort.overload_trials):
            trial = await server.measure(
                f"open loop at {rate:,.0f}/s",
                rate=rate, seconds=2 * bench.effort.seconds, objective=SUSTAINED,
                connections=connections,
            )  # fmt: skip
            trials.append(trial)
            if not sustained(trial.load, SUSTAINED, connections):
                return False
        return True

    # The closed loop waits for commits, and thousands of clients who do not can reach more.
    effort = bench.effort
    found = await find_breaking_point(
        holds, peak / 2, 1.5 * peak, steps=effort.overload_steps, repeats=effort.overload_searches
    )
    sure = tuple(rate or peak / 2 for rate in found.found)
    return BreakingPoint(sure, found.bounded), trials


def _shares(shares: list[float]) -> str:
    return ", ".join(f"{share:.1%}" for share in shares)


def _rates(rates: Sequence[float]) -> str:
    return ", ".join(f"{rate:,.0f}/s" for rate in rates)


def _cores(run: Run) -> float:
    evidence = run.measurement.evidence
    return 0.0 if evidence is None else evidence.server_cores


def recovered_after(load: LoadResult) -> float:
    """Return the seconds until 95 % of what is offered is good, and stays so."""
    recovered = 0.0
    for number, part in enumerate(load.timeline):
        if part.due and part.good < 0.95 * part.due:
            recovered = (number + 1) * _STEP
    return recovered


def _picture(peak: Run, offered: list[Share]) -> Picture:
    middles = [share.middle for share in offered]

    def share(run: Run, count: float) -> Point:
        return Point(run.measurement.offered, count / run.load.elapsed)

    return Picture(
        name="overload",
        title="Offered load and goodput",
        x="orders/s offered",
        y="orders/s",
        curves=(
            Curve("goodput", tuple(share(run, run.load.good) for run in middles)),
            Curve("refused with 503", tuple(share(run, run.load.shed) for run in middles)),
            Curve(
                "peak, closed loop",
                tuple(Point(run.measurement.offered, peak.rate) for run in middles),
            ),
        ),
    )
