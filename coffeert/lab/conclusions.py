"""What the figures of a run say, in sentences: for whatever depends on how they came out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import median
from typing import Final

from coffeert.lab.results import Evidence, Experiment

By = Mapping[str, Experiment]

_BUSY = 0.85  # of a core: a process with one thread that does little else
_GROWN = 1.3
_WITHIN_MS = 300
_KEPT, _SHED = 0.8, 0.05


class Unknown(LookupError):
    """A figure that a sentence needs was not measured in this run."""


def figure(by_name: By, place: str) -> float:
    """Return a figure by its experiment and name, as in `intake.rate`; raises `Unknown`."""
    experiment, _, name = place.partition(".")
    value = by_name[experiment].figure(name) if experiment in by_name else None
    if value is None:
        raise Unknown(place)
    return value


def intake_limit(by_name: By) -> str:
    """Say which process ran out of CPU in the closed loop, if one did."""
    found = _evidence(by_name, "intake", "single orders")
    server = median(one.server_cores for one in found)
    postgres = median(one.postgres_cores for one in found)
    generator = median(one.generator_cores for one in found)
    used = f"server {server:.2f} cores, PostgreSQL {postgres:.2f}, generator {generator:.2f}"
    if generator >= _BUSY and generator > server:
        return f"The generator had no CPU left ({used}): the server's own limit lies above."
    if server >= _BUSY:
        return f"What ran out is the core of the one Python process that speaks HTTP ({used})."
    return f"No process had used up its core ({used}); the last column says what was waited for."


def intake_framework(by_name: By) -> str:
    """Compare the CPU of an order with that of the bare handler, which is the web framework's."""
    bare, server = figure(by_name, "intake.bare_cpu"), figure(by_name, "intake.server_cpu")
    rates = f"In rates the server reaches {figure(by_name, 'intake.ratio'):.2f} of it."
    if server < bare:
        return (
            "The server does more for less because plain orders do not pass through the framework "
            f"([0018](decisions/0018-a-fast-path-for-plain-orders.md)). {rates}"
        )
    return (
        f"So {bare / server:.2f} of the server's time is HTTP and JSON that no database would save. "
        f"{rates}"
    )


def intake_loops(by_name: By) -> str:
    """Compare the closed loop's rate with the open loop's breaking point."""
    closed, opened = figure(by_name, "intake.rate"), figure(by_name, "intake.breaking_point")
    if opened < closed:
        return (
            "That is also why the closed loop does better here than the open one: clients who all wait "
            "for the same commit come back together and fill the next batch, while orders that trickle "
            "in make many small ones, and each batch costs two processes a turn on the CPU."
        )
    return "The open loop, in which orders trickle in, got as far as the closed one."


def aggregation_history(by_name: By) -> str:
    """Say whether a pass got longer with the history."""
    growth = figure(by_name, "aggregation.pass_growth")
    return "not by history" if growth <= _GROWN else "with the history, which it should not"


def aggregation_rate(by_name: By) -> str:
    """Compare what passes catch up with to what the intake takes at most."""
    counted, taken = (
        figure(by_name, "aggregation.catch_up_rate"),
        figure(by_name, "intake.batch_rate"),
    )
    than = "more" if counted > taken else "less"
    return f"{counted:,.0f}/s here, {than} than the {taken:,.0f}/s that the intake took at most"


def redis_first(by_name: By) -> str:
    """Say what breaks before Redis: a message of hot batches needs a commit, and so a flush of the log."""
    batches, flushes = figure(by_name, "redis.small_rate"), figure(by_name, "intake.sync_rate")
    if batches > flushes:
        return (
            f"PostgreSQL's log, {flushes:,.0f} flushes a second and one for each batch, comes first"
        )
    return f"it comes before PostgreSQL's log ({flushes:,.0f} flushes/s): larger batches, fewer servers"


def websocket_reach(by_name: By) -> str:
    """Say whether the last client had a change soon enough."""
    clients, spread = figure(by_name, "websocket.clients"), figure(by_name, "websocket.spread_ms")
    reached = "not reached at" if spread <= _WITHIN_MS else "below"
    return f"{reached} {clients:,.0f} clients"


def overload_kept(by_name: By) -> str:
    """Say what became of the goodput at twice the peak, and where the queue is."""
    kept, shed = figure(by_name, "overload.goodput_kept"), figure(by_name, "overload.shed_share")
    if kept >= _KEPT:
        return "The goodput stays: what cannot be answered in time is refused before it costs much."
    if shed >= _SHED:
        return (
            "The goodput falls although orders are refused: reading and refusing them costs the CPU "
            "that the others need."
        )
    return (
        "The goodput falls and nearly nothing is refused: orders wait where neither admission nor the "
        "lag of the loop shows it, in sockets and in front of the generator."
    )


SENTENCES: Final[dict[str, Callable[[By], str]]] = {
    sentence.__name__: sentence
    for sentence in (
        intake_limit,
        intake_framework,
        intake_loops,
        aggregation_history,
        aggregation_rate,
        redis_first,
        websocket_reach,
        overload_kept,
    )
}


def _evidence(by_name: By, experiment: str, label: str) -> list[Evidence]:
    measurements = by_name[experiment].measurements if experiment in by_name else ()
    found = [one.evidence for one in measurements if one.label == label and one.evidence]
    if not found:
        raise Unknown(label)
    return found
