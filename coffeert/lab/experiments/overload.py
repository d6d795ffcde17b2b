"""What happens past the limit? Twice the sustainable load, and whether it recovers."""

from __future__ import annotations

from coffeert.lab.bench import Bench, Run, subject
from coffeert.lab.load import LoadResult
from coffeert.lab.results import Curve, Experiment, Figure, Picture, Point, Verdict, judge

OBJECTIVE = 1.0
GOODPUT_WANTED, RECOVERY_WANTED, REFUSAL_WANTED = 0.8, 10.0, 500.0
_SHARES = (0.5, 1.0, 1.5, 2.0)
_CONNECTIONS = 4_096  # in an open loop everybody brings a connection of their own
_STEP = 0.5  # seconds of a slice of the generator's timeline


async def run(bench: Bench) -> Experiment:
    """Find the peak, offer half to twice of it, then half again, and watch goodput and refusals."""
    seconds = bench.effort.overload_seconds
    connections = min(_CONNECTIONS, 64 * bench.effort.connections)
    async with subject(bench) as server:
        await server.warm_up(seconds=bench.effort.seconds / 4)
        peaks = [
            await server.measure("peak, closed loop", seconds=bench.effort.seconds)
            for _ in range(min(3, bench.effort.repeats))
        ]
        peak = max(peaks, key=lambda run: run.rate)  # a low one would offer less than twice
        offered = [
            await server.measure(
                f"{share:.0%} of the peak",
                rate=peak.rate * share,
                seconds=seconds,
                objective=OBJECTIVE,
                connections=connections,
            )
            for share in _SHARES
        ]
        after = await server.measure(
            "50 % again", rate=peak.rate / 2, seconds=max(seconds, 1.0), objective=OBJECTIVE,
            connections=connections,
        )  # fmt: skip
    twice = offered[-1]
    kept = twice.rate / max(run.rate for run in offered)
    recovery = recovered_after(after.load)
    bound = any(
        run.measurement.evidence is not None and run.measurement.evidence.generator_bound
        for run in offered
    )
    return Experiment(
        name="overload",
        question="What happens past the limit?",
        measurements=tuple(run.measurement for run in (*peaks, *offered, after)),
        figures=(
            Figure("peak", round(peak.rate), "orders/s"),
            Figure("goodput_kept", round(kept, 3)),
            Figure("shed_share", round(twice.load.shed / max(1, twice.load.sent), 3)),
            Figure("refusal_p99", twice.load.shed_latency.p99, "ms"),
            Figure("recovery_s", recovery, "s"),
        ),
        pictures=(_picture(peak, offered),),
        verdicts=(
            Verdict(
                f"goodput at twice the peak at least {GOODPUT_WANTED:.0%} of the best",
                f"{kept:.0%}",
                judge(kept, GOODPUT_WANTED, at_least=True, valid=not bound),
                "the generator had no CPU left" if bound else "",
            ),
            Verdict(
                f"recovers within {RECOVERY_WANTED:g} s",
                f"{recovery:.1f} s",
                judge(recovery, RECOVERY_WANTED, at_least=False),
            ),
        ),
        notes=(
            f"Goodput: stored and answered within {OBJECTIVE:g} s of when the order was due. The rest "
            "was answered 503 with Retry-After, or waited for one of the generator's "
            f"{connections} connections.",
        ),
    )


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
