"""What counts as sustained, as good, and as recovered."""

from __future__ import annotations

from msgspec.structs import replace

from coffeert.lab.bench import Run, cpu_per_order, middle, spread, sustained
from coffeert.lab.experiments.intake import latency_picture
from coffeert.lab.experiments.overload import recovered_after
from coffeert.lab.latency import Latencies
from coffeert.lab.load import LoadResult, Slice
from coffeert.lab.results import Evidence, Measurement

FAST = Latencies.of([0.01] * 1_000)
NOTHING = Latencies.of([])
WELL = LoadResult(
    sent=1_000, stored=1_000, shed=0, wrong=0, unanswered=0, good=1_000, elapsed=10.0,
    backlog_middle=0, backlog_end=0, cores=0.2, late=0.001, latency=FAST, shed_latency=NOTHING,
    shed_sent=NOTHING,
)  # fmt: skip


def test_a_load_is_sustained_within_its_objective() -> None:
    assert sustained(WELL, 0.1, connections=64)
    assert not sustained(WELL, 0.005, connections=64)


def test_one_error_in_a_thousand_is_allowed_and_no_more() -> None:
    assert sustained(replace(WELL, stored=999, unanswered=1), 0.1, connections=64)
    assert not sustained(replace(WELL, stored=998, shed=1, wrong=1), 0.1, connections=64)


def test_a_growing_backlog_is_not_sustained_however_fast_the_answers_are() -> None:
    assert sustained(replace(WELL, backlog_middle=50, backlog_end=60), 0.1, connections=64)
    assert not sustained(replace(WELL, backlog_middle=50, backlog_end=200), 0.1, connections=64)


def test_recovery_is_the_end_of_the_last_slice_that_was_not_good() -> None:
    def after(*slices: Slice) -> float:
        return recovered_after(replace(WELL, timeline=slices))

    good, bad, empty = Slice(100, 96, 0), Slice(100, 94, 6), Slice(0, 0, 0)
    assert after(good, good) == 0.0
    assert after(bad, good, empty) == 0.5
    assert after(bad, good, bad, good) == 1.5


def _run(rate: float, server: float, postgres: float) -> Run:
    evidence = Evidence(
        server_cores=server, postgres_cores=postgres, redis_cores=0, generator_cores=0,
        others_cores=0, loop_lag_ms=0,
    )  # fmt: skip
    return Run(Measurement(label="", good=rate, evidence=evidence), WELL)


def test_repetitions_are_summed_up_by_their_median() -> None:
    runs = [_run(1_000, 0.1, 0.02), _run(2_000, 0.4, 0.02), _run(4_000, 0.4, 0.04)]
    assert middle(runs) == 2_000
    assert spread(runs) == 1.5
    assert cpu_per_order(runs) == (100.0, 10.0)


def test_two_loads_at_the_same_rate_are_both_drawn() -> None:
    runs = [Run(Measurement(label="", offered=100.0, good=99.0), WELL) for _ in range(2)]
    assert all(len(curve.points) == 2 for curve in latency_picture(runs).curves)


def test_the_rate_is_what_was_stored_over_the_time_it_took() -> None:
    assert WELL.rate == 100.0
    assert replace(WELL, stored=0).rate == 0.0
    assert WELL.errors == 0
