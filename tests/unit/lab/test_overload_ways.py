"""What the overload says of each way in, and of what orders and refusals took."""

from __future__ import annotations

import pytest

from coffeert.lab.bench import Run
from coffeert.lab.breaking_point import BreakingPoint
from coffeert.lab.experiments.overload import Overloaded, Share
from coffeert.lab.experiments.overload_ways import BATCHES, WEBSOCKET, PastLimit
from coffeert.lab.latency import Latencies
from coffeert.lab.load import LoadResult
from coffeert.lab.results import Evidence, Measurement

NOTHING = Latencies.of([])


def _run(
    good: float, *, offered: float = 0.0, cores: float = 0.5, shed: float = 0.0, generator: float = 0.2,
    refused_after: float = 0.01,
) -> Run:  # fmt: skip
    """A run of ten seconds; `good` and `shed` a second."""
    evidence = Evidence(
        server_cores=cores, postgres_cores=0, redis_cores=0, generator_cores=generator,
        others_cores=0, loop_lag_ms=0,
    )  # fmt: skip
    refused = Latencies.of([refused_after] * (10 if shed else 0))
    load = LoadResult(
        sent=int(10 * (good + shed)), stored=int(10 * good), shed=int(10 * shed), wrong=0,
        unanswered=0, good=int(10 * good), elapsed=10.0, backlog_middle=0, backlog_end=0,
        cores=generator, late=0.0, latency=NOTHING, shed_latency=refused, shed_sent=refused,
    )  # fmt: skip
    return Run(Measurement(label="", offered=offered, good=good, evidence=evidence), load)


def _past(twice: Run, *trials: float) -> PastLimit:
    return PastLimit(WEBSOCKET, [_run(rate) for rate in trials], 1_000, twice)


def test_goodput_is_kept_against_the_best_that_was_seen() -> None:
    assert _past(_run(900), 500, 1_000).kept == 0.9
    assert _past(_run(1_200), 500, 1_000).kept == 1.0
    assert _past(_run(0)).kept == 0.0


@pytest.mark.parametrize(
    ("twice", "goodput", "refusals"),
    [
        (_run(900, shed=900), "holds", "holds"),
        (_run(899, shed=900), "fails", "holds"),
        (_run(900, shed=900, refused_after=0.06), "holds", "fails"),
        (_run(900), "holds", "no verdict"),
        (_run(100, shed=900, generator=0.95), "no verdict", "holds"),
    ],
)
def test_a_way_is_judged_by_what_it_keeps_and_how_soon_it_refuses(
    twice: Run, goodput: str, refusals: str
) -> None:
    verdicts = _past(twice, 1_000).verdicts()
    assert [verdict.held for verdict in verdicts] == [goodput, refusals]
    assert all(verdict.target.startswith("WebSocket: ") for verdict in verdicts)


def test_what_was_not_found_to_be_sustained_is_said() -> None:
    sure = _past(_run(900), 1_000)
    assert sure.verdicts()[0].note == "1,000 orders/s can be sustained"
    unsure = sure._replace(held=False)
    assert (
        unsure.verdicts()[0].note == "1,000 orders/s can be sustained at most: no higher rate was"
    )


def test_figures_are_named_after_the_way() -> None:
    found = PastLimit(BATCHES, [_run(1_000)], 1_000, _run(800, shed=100)).figures()
    named = {figure.name: figure.value for figure in found}
    assert named["batch_goodput_kept"] == 0.8
    assert named["batch_sustainable"] == 1_000
    assert named["batch_refusal_p99"] == pytest.approx(10, rel=0.01)


def test_what_orders_and_refusals_took_is_told_as_it_was_measured() -> None:
    at_limit = _run(10_000, offered=10_000, cores=0.3)
    twice = _run(9_000, offered=20_000, cores=0.4, shed=11_000)
    least = _run(0, offered=20_000, cores=0.1, shed=20_000)  # 5 us
    offered = [Share(1.0, [at_limit]), Share(2.0, [twice])]
    found = Overloaded([], [], BreakingPoint((10_000,), True), offered, at_limit, 1.0, least, ())
    assert found.floor_cpu == pytest.approx(5e-6)
    assert found.kept == pytest.approx(0.9)
    kept = found.verdicts()[0]
    assert kept.measured == "90.0%"
    assert kept.note == (
        "9,000 orders/s and 11,000 refusals/s take the server 0.40 cores, 10,000 orders/s at the "
        "sustainable rate 0.30; a bare loop that looks at nothing refuses for 5.0 us"
    )


def test_what_was_offered_several_times_is_judged_by_medians_and_refusals_by_the_slowest() -> None:
    at_limit = [_run(good, offered=10_000, shed=1) for good in (10_500, 9_000, 10_000)]
    twice = [
        _run(9_500, offered=20_000, shed=10_500, refused_after=0.06),
        _run(9_200, offered=20_000, shed=10_800),
        _run(5_000, offered=20_000, shed=15_000),
    ]
    found = Overloaded(
        [], [], BreakingPoint((9_000, 12_000, 10_000), True),
        [Share(1.0, at_limit), Share(2.0, twice)], twice[0], 1.0, _run(0, shed=20_000), (),
    )  # fmt: skip
    kept, refusals, *_ = found.verdicts()
    assert found.kept == 0.92
    assert "each time 50.0%, 92.0%, 95.0%" in kept.note
    assert "sustained by each search 9,000/s, 12,000/s, 10,000/s" in kept.note
    assert refusals.held == "fails"
    assert refusals.note.startswith("the slowest time: ")
