"""What one event loop can still store while it refuses the rest, and verdicts on that.

Of `S` requests a second a server stores `G` and refuses `S - G`. An order costs it `c` seconds of CPU and a
refusal `r`, so of `k` cores

    G c + (S - G) r <= k,    and therefore    G <= (k - S r) / (c - r).

`S r` is what refusing everybody would take, and each order stored instead of refused takes `c - r` more
of what is left. `c` is the server's own at the rate it sustains. `r` is what a bare loop takes for one
receive and one send, of the same load and head: no server that answers each request is spared that. So the
limit holds on any processor. Requests that the server does not read, and those that cannot be sent for
want of a connection, count as refused: they are in `S`.
"""

from __future__ import annotations

from typing import NamedTuple

from coffeert.lab.harness import LoadRun
from coffeert.lab.load_generator import LoadResult
from coffeert.lab.results import Verdict, judge

OBJECTIVE_SECONDS = 1.0
TARGET_GOODPUT, TARGET_REFUSAL_MS = 0.9, 50.0
TARGET_HELD_MS = (
    600.0  # half a second in which the server does not look at the order, and a tenth more
)
PATIENCE_SECONDS = 0.05
"""Every client has its own connection: who finds none idle is one that was refused, and waits."""
MAX_GENERATOR_DELAY_SECONDS = 0.1


class OverloadLimit(NamedTuple):
    """Rates a second, and seconds of CPU; `refusal_cpu` is 0 if refusals cannot be told from orders.

    `best`: the highest goodput seen, which the limit never exceeds.
    """

    offered: float
    order_cpu: float
    refusal_cpu: float
    best: float
    cores: float = 1.0

    @property
    def goodput(self) -> float:
        """The orders a second that the limit leaves; 0 if refusing takes everything."""
        more = self.order_cpu - self.refusal_cpu
        if more <= 0:
            return self.best
        return min(self.best, max(0.0, self.cores - self.offered * self.refusal_cpu) / more)

    def __str__(self) -> str:
        said = f"{self.offered:,.0f}/s offered, {self.order_cpu * 1e6:.1f} us an order"
        if self.refusal_cpu:
            said += f", a bare loop's refusal {self.refusal_cpu * 1e6:.1f} us"
        return f"{said}: {self.goodput:,.0f}/s are possible, the best seen was {self.best:,.0f}"


def order_cpu(run: LoadRun) -> float:
    """Return the server's seconds of CPU for an order of a run without refusals."""
    return run.server_cores / run.rate if run.rate else 0.0


def refusal_cpu(run: LoadRun) -> float:
    """Return a bare loop's seconds of CPU for a refusal."""
    return run.server_cores / max(1.0, run.load.shed / run.load.elapsed)


def offered_as_asked(run: LoadRun) -> bool:
    """Return whether the generator kept to its own times, and had CPU left."""
    return not run.generator_bound and run.load.release_delay_p99 <= MAX_GENERATOR_DELAY_SECONDS


def goodput_verdict(prefix: str, run: LoadRun, limit: OverloadLimit, note: str = "") -> Verdict:
    """Judge the goodput at twice the sustainable rate by what the limit leaves."""
    possible = limit.goodput
    share = run.rate / possible if possible else 0.0
    said = "; ".join(part for part in (str(limit), note) if part)
    proved = offered_as_asked(run)
    return Verdict(
        f"{prefix}goodput at twice the sustainable rate at least {TARGET_GOODPUT:.0%} of what is possible",
        f"{share:.2%}",
        judge(share, TARGET_GOODPUT, at_least=True, valid=proved and possible > 0),
        f"{run.rate:,.0f}/s; {said}"
        + ("" if proved else "; the generator did not keep to its times"),
    )


def accepted_verdict(prefix: str, load: LoadResult) -> Verdict:
    """Judge how soon those accepted were answered, from when they were due."""
    p99, target = load.latency.p99, OBJECTIVE_SECONDS * 1e3
    return Verdict(
        f"{prefix}orders accepted at twice the sustainable rate are answered within {target:g} ms (p99)",
        f"{p99:.1f} ms",
        judge(p99, target, at_least=False, valid=bool(load.stored)),
        f"p50 {load.latency.p50:.1f} ms, from when they were due",
    )


def refusal_verdict(prefix: str, load: LoadResult, note: str, *, held: bool = True) -> Verdict:
    """Judge how soon refusals were answered; inconclusive if nothing was refused.

    `held`: who sends again right after a refusal waits before the next.
    """
    p99, target = load.shed_sent.p99, TARGET_HELD_MS if held else TARGET_REFUSAL_MS
    return Verdict(
        f"{prefix}refusals at twice the sustainable rate are answered within {target:g} ms (p99)",
        f"{p99:.1f} ms" if load.shed else "none was refused",
        judge(p99, target, at_least=False, valid=bool(load.shed)),
        note,
    )
