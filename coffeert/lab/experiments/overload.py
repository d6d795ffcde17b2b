"""What happens past the limit? Twice the sustainable load, and whether it recovers."""

from __future__ import annotations

from typing import NamedTuple

from coffeert.lab.bench import Bench, Run, Subject, subject, sustained
from coffeert.lab.breaking_point import bisect
from coffeert.lab.load import LoadResult
from coffeert.lab.results import Curve, Experiment, Figure, Picture, Point, Verdict, judge

OBJECTIVE = 1.0
GOODPUT_WANTED, RECOVERY_WANTED, REFUSAL_WANTED, MEMORY_WANTED = 0.9, 10.0, 50.0, 1.5
_SUSTAINED = 0.1  # seconds, at p99
_TRIALS = 2
_SHARES = (0.5, 1.0, 1.5, 2.0)
_CONNECTIONS = 4_096  # in an open loop everybody brings a connection of their own
_STEP = 0.5  # seconds of a slice of the generator's timeline


class Overloaded(NamedTuple):
    """What was measured. `grown`: the server's memory at the end, as a share of that before."""

    peaks: list[Run]
    trials: list[Run]
    sustainable: float
    offered: list[Run]
    after: Run
    grown: float

    @property
    def twice(self) -> Run:
        """The run at twice the sustainable rate."""
        return self.offered[-1]

    @property
    def kept(self) -> float:
        """Goodput at twice the sustainable rate, as a share of the best."""
        return self.twice.rate / max(run.rate for run in self.offered)

    @property
    def order_cpu(self) -> float:
        """Seconds of the server's CPU for an order, at the sustainable rate."""
        sustained = self.offered[_SHARES.index(1.0)]
        return _cores(sustained) / max(1.0, sustained.rate)

    @property
    def refusal_cpu(self) -> float:
        """Seconds of the server's CPU for a refusal: what orders leave of it at twice that rate."""
        load = self.twice.load
        left = _cores(self.twice) - self.twice.rate * self.order_cpu
        return max(0.0, left) / max(1.0, load.shed / load.elapsed)

    @property
    def possible(self) -> float:
        """Goodput that a whole core leaves at twice that rate: what it cannot store, it must refuse."""
        offered = self.twice.measurement.offered or 0.0
        dearer = self.order_cpu - self.refusal_cpu
        return max(0.0, 1 - offered * self.refusal_cpu) / dearer if dearer > 0 else 0.0

    @property
    def recovery(self) -> float:
        """Seconds until everything is good again."""
        return recovered_after(self.after.load)


async def run(bench: Bench) -> Experiment:
    """Find what an open loop sustains, offer half to twice of it, then half again."""
    connections = min(_CONNECTIONS, 64 * bench.effort.connections)
    found = await _overloaded(bench, connections)
    peak = max(found.peaks, key=lambda run: run.rate)
    shed = found.twice.load.shed / max(1, found.twice.load.sent)
    return Experiment(
        name="overload",
        question="What happens past the limit?",
        measurements=tuple(
            run.measurement for run in (*found.peaks, *found.trials, *found.offered, found.after)
        ),
        figures=(
            Figure("peak", round(peak.rate), "orders/s"),
            Figure("sustainable", round(found.sustainable), "orders/s"),
            Figure("goodput_kept", round(found.kept, 3)),
            Figure("shed_share", round(shed, 3)),
            Figure("order_cpu", round(found.order_cpu * 1e6, 1), "us"),
            Figure("refusal_cpu", round(found.refusal_cpu * 1e6, 1), "us"),
            Figure("possible", round(found.possible), "orders/s"),
            Figure("refusal_p99", found.twice.load.shed_sent.p99, "ms"),
            Figure("recovery_s", found.recovery, "s"),
            Figure("memory_grown", round(found.grown, 2)),
        ),
        pictures=(_picture(peak, found.offered),),
        verdicts=_verdicts(found),
        notes=(
            f"Sustainable: the highest rate at which an open loop has p99 within {_SUSTAINED:g} s and at "
            f"most 0.1 % refused, {_TRIALS} times of {_TRIALS}. "
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
            for _ in range(min(3, bench.effort.repeats))
        ]
        highest = max(run.rate for run in peaks)
        sustainable, trials = await _sustainable(bench, server, highest, connections)
        memory = server.server.memory()

        async def offer(label: str, share: float, lasting: float) -> Run:
            return await server.measure(
                label, rate=sustainable * share, seconds=lasting, objective=OBJECTIVE,
                connections=connections,
            )  # fmt: skip

        offered = [
            await offer(f"{share:.0%} of the sustainable rate", share, seconds) for share in _SHARES
        ]
        after = await offer("50 % again", 0.5, max(seconds, 1.0))
        grown = server.server.memory() / memory
    return Overloaded(peaks, trials, sustainable, offered, after, grown)


def _verdicts(found: Overloaded) -> tuple[Verdict, ...]:
    load, refusal = found.twice.load, found.twice.load.shed_sent
    bound = any(
        run.measurement.evidence is not None and run.measurement.evidence.generator_bound
        for run in found.offered
    )
    return (
        Verdict(
            f"goodput at twice the sustainable rate at least {GOODPUT_WANTED:.0%} of the best",
            f"{found.kept:.0%}",
            judge(found.kept, GOODPUT_WANTED, at_least=True, valid=not bound),
            f"an order costs {found.order_cpu * 1e6:.0f} us of CPU and a refusal "
            f"{found.refusal_cpu * 1e6:.1f}, so of {found.twice.measurement.offered or 0:,.0f} offered a "
            f"core can store {found.possible:,.0f} and refuse the rest"
            + ("; the generator had no CPU left" if bound else ""),
        ),
        Verdict(
            f"orders refused there are told so within {REFUSAL_WANTED:g} ms (p99)",
            f"{refusal.p99:.1f} ms" if load.shed else "none was refused",
            judge(refusal.p99, REFUSAL_WANTED, at_least=False, valid=bool(load.shed)),
            f"p50 {refusal.p50:.1f} ms; from when the order was sent, the first second included; from "
            f"when it was due p99 {load.shed_latency.p99:.1f} ms, of which the generator's own lateness "
            f"(p99) {load.late * 1e3:.1f} ms",
        ),
        Verdict(
            f"recovers within {RECOVERY_WANTED:g} s",
            f"{found.recovery:.1f} s",
            judge(found.recovery, RECOVERY_WANTED, at_least=False),
        ),
        Verdict(
            f"memory stays within {MEMORY_WANTED:g} times what it was before",
            f"{found.grown:.2f}",
            judge(found.grown, MEMORY_WANTED, at_least=False),
        ),
    )


async def _sustainable(
    bench: Bench, server: Subject, peak: float, connections: int
) -> tuple[float, list[Run]]:
    trials: list[Run] = []

    async def holds(rate: float) -> bool:
        # What held once by luck is not sustained.
        for _ in range(_TRIALS):
            trial = await server.measure(
                f"open loop at {rate:,.0f}/s",
                rate=rate, seconds=2 * bench.effort.seconds, objective=_SUSTAINED,
                connections=connections,
            )  # fmt: skip
            trials.append(trial)
            if not sustained(trial.load, _SUSTAINED, connections):
                return False
        return True

    # The closed loop waits for commits, and thousands of clients who do not can reach more.
    found, _ = await bisect(holds, peak / 4, 2 * peak, steps=bench.effort.bisections)
    return found or peak / 4, trials


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


def _picture(peak: Run, offered: list[Run]) -> Picture:
    def share(run: Run, count: float) -> Point:
        return Point(run.measurement.offered, count / run.load.elapsed)

    return Picture(
        name="overload",
        title="Offered load and goodput",
        x="orders/s offered",
        y="orders/s",
        curves=(
            Curve("goodput", tuple(share(run, run.load.good) for run in offered)),
            Curve("refused with 503", tuple(share(run, run.load.shed) for run in offered)),
            Curve(
                "peak, closed loop",
                tuple(Point(run.measurement.offered, peak.rate) for run in offered),
            ),
        ),
    )
