"""How the overload is judged, with minimal HTTP requests and by each variant."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from coffeert.lab.experiments.overload import HttpOverload, OfferedShare, recovered_after
from coffeert.lab.experiments.overload_limit import OverloadLimit
from coffeert.lab.experiments.overload_variants import (
    BATCHES,
    BROWSER,
    WEBSOCKET,
    VariantOverload,
)
from coffeert.lab.harness import BreakingPoint, LoadRun
from coffeert.lab.load_generator import LoadResult, TimelineSlice
from coffeert.lab.results import Latencies, Measurement, ResourceUsage


def _run(
    good: float, *, offered: float = 0.0, cores: float = 0.5, shed: float = 0.0, generator: float = 0.2,
    refused_after: float = 0.01, accepted_after: float = 0.01, released_after: float = 0.0,
) -> LoadRun:  # fmt: skip
    """A run of ten seconds; `good` and `shed` a second."""
    usage = ResourceUsage(
        server_cores=cores, postgres_cores=0, redis_cores=0, generator_cores=generator,
        others_cores=0, loop_lag_ms=0,
    )  # fmt: skip
    refused = Latencies.of([refused_after] * (10 if shed else 0))
    accepted = Latencies.of([accepted_after] * 10)
    load = LoadResult(
        sent=int(10 * (good + shed)), stored=int(10 * good), shed=int(10 * shed), wrong=0,
        unanswered=0, good=int(10 * good), elapsed=10.0, backlog_middle=0, backlog_end=0,
        cores=generator, send_delay_p99=0.0, release_delay_p99=released_after, latency=accepted,
        shed_latency=refused, shed_sent=refused,
    )  # fmt: skip
    return LoadRun(Measurement(label="", offered=offered, good=good, usage=usage), load)


def _variant(twice: LoadRun, *trials: float) -> VariantOverload:
    return VariantOverload(
        WEBSOCKET, [_run(rate, offered=rate, cores=1.0) for rate in trials], 1_000, twice
    )


def test_goodput_is_kept_against_the_best_that_was_seen() -> None:
    assert _variant(_run(900), 500, 1_000).goodput_kept == 0.9
    assert _variant(_run(1_200), 500, 1_000).goodput_kept == 1.0
    assert _variant(_run(0)).goodput_kept == 0.0


def test_what_is_possible_is_what_refusing_everybody_leaves_of_the_core() -> None:
    # 48,000/s offered at 9.7 us each leave 0.534 of a core; an order takes 30.3 us more than a refusal.
    limit = OverloadLimit(offered=48_000, order_cpu=40e-6, refusal_cpu=9.7e-6, best=25_000)
    assert limit.goodput == pytest.approx(0.5344 / 30.3e-6)
    stored = limit.goodput
    refused = limit.offered - stored
    assert stored * limit.order_cpu + refused * limit.refusal_cpu == pytest.approx(1.0)


def test_what_is_possible_never_exceeds_the_best_and_is_nothing_if_refusing_takes_all() -> None:
    cheap = OverloadLimit(offered=40_000, order_cpu=20e-6, refusal_cpu=1e-6, best=30_000)
    assert cheap.goodput == 30_000
    assert cheap._replace(offered=2e6).goodput == 0.0
    assert cheap._replace(refusal_cpu=0.0, best=60_000).goodput == pytest.approx(50_000)
    assert cheap._replace(refusal_cpu=25e-6).goodput == 30_000  # nothing is known


@pytest.mark.parametrize(
    ("twice", "goodput", "refusals"),
    [
        (_run(900, offered=2_000, shed=900), "pass", "pass"),
        (_run(899, offered=2_000, shed=900), "fail", "pass"),
        (_run(900, offered=2_000, shed=900, refused_after=0.06), "pass", "fail"),
        (_run(900, offered=2_000), "pass", "inconclusive"),
        (_run(100, offered=2_000, shed=900, generator=0.95), "inconclusive", "pass"),
        (_run(100, offered=2_000, shed=900, released_after=0.2), "inconclusive", "pass"),
    ],
)
def test_a_variant_is_judged_by_its_goodput_and_its_refusals(
    twice: LoadRun, goodput: str, refusals: str
) -> None:
    verdicts = _variant(twice, 1_000).verdicts()
    assert [verdict.outcome for verdict in verdicts] == [goodput, "pass", refusals]
    assert all(verdict.target.startswith("WebSocket: ") for verdict in verdicts)


def test_a_variant_with_dear_refusals_need_not_store_what_they_leave_no_time_for() -> None:
    at_limit = _run(20_000, offered=20_000, cores=1.0)
    floor = _run(0, offered=40_000, cores=0.4, shed=40_000)  # 10 us
    twice = _run(13_500, offered=40_000, shed=26_500)
    found = VariantOverload(BROWSER, [at_limit], 20_000, twice, True, floor)
    assert found.limit.goodput == pytest.approx(0.6 / 40e-6)
    assert [verdict.outcome for verdict in found.verdicts()] == ["pass"] * 3
    assert found._replace(floor=None).verdicts()[0].outcome == "fail"


def test_what_was_accepted_must_be_answered_within_the_objective() -> None:
    late = _run(900, offered=2_000, shed=900, accepted_after=1.2)
    assert [verdict.outcome for verdict in _variant(late, 1_000).verdicts()] == [
        "pass", "fail", "pass",
    ]  # fmt: skip


def test_the_note_says_if_no_rate_was_sustained() -> None:
    sure = _variant(_run(900), 1_000)
    assert sure.verdicts()[0].note.endswith("; 1,000 orders/s can be sustained")
    unsure = sure._replace(found=False)
    assert unsure.verdicts()[0].note.endswith("can be sustained at most: no higher rate was")


def test_metrics_are_named_after_the_variant() -> None:
    found = VariantOverload(
        BATCHES, [_run(1_000)], 1_000, _run(800, offered=2_000, shed=100)
    ).metrics()
    named = {metric.name: metric.value for metric in found}
    assert named["batch_goodput_kept"] == 0.8
    assert named["batch_sustainable"] == 1_000
    assert named["batch_twice_offered"] == 2_000
    assert named["batch_twice_rate"] == 800
    assert named["batch_refusal_p99"] == pytest.approx(10, rel=0.01)


def test_the_note_gives_the_cpu_of_orders_and_refusals() -> None:
    at_limit = _run(10_000, offered=10_000, cores=0.3)
    twice = _run(9_000, offered=20_000, cores=0.4, shed=11_000)
    least = _run(0, offered=20_000, cores=0.1, shed=20_000)  # 5 us
    offered = [OfferedShare(1.0, [at_limit]), OfferedShare(2.0, [twice])]
    found = HttpOverload([], [], BreakingPoint((10_000,), True), offered, at_limit, 1.0, least, ())
    assert found.limit.order_cpu == pytest.approx(30e-6)
    assert found.limit.refusal_cpu == pytest.approx(5e-6)
    assert found.goodput_kept == pytest.approx(0.9)
    kept = found.verdicts()[0]
    assert kept.measured == "90.00%"
    assert kept.note == (
        "9,000/s; 20,000/s offered, 30.0 us an order, a bare loop's refusal 5.0 us: 10,000/s are "
        "possible, the best seen was 10,000; with 11,000 refusals/s it takes 0.40 cores"
    )


def test_repeated_shares_are_judged_by_medians_and_refusals_by_the_slowest() -> None:
    at_limit = [_run(good, offered=10_000, shed=1) for good in (10_500, 9_000, 10_000)]
    twice = [
        _run(9_500, offered=20_000, shed=10_500, refused_after=0.7),
        _run(9_200, offered=20_000, shed=10_800),
        _run(5_000, offered=20_000, shed=15_000, accepted_after=0.7),
    ]
    found = HttpOverload(
        [], [], BreakingPoint((9_000, 12_000, 10_000), True),
        [OfferedShare(1.0, at_limit), OfferedShare(2.0, twice)], twice[0], 1.0, _run(0, shed=20_000), (),
    )  # fmt: skip
    kept, _, refusals, *_ = found.verdicts()
    assert found.twice.load.latency.p99 < 100
    assert found.slowest_accepted_p99 == pytest.approx(700, rel=0.01)
    assert found.goodput_kept == 0.92
    assert "of the best each time 50.0%, 92.0%, 95.0%" in kept.note
    assert "sustained by each search 9,000/s, 12,000/s, 10,000/s" in kept.note
    assert refusals.outcome == "fail"
    assert refusals.note.startswith("the slowest time: ")


def test_recovery_is_the_end_of_the_last_slice_that_was_not_good() -> None:
    def after(*slices: TimelineSlice) -> float:
        return recovered_after(replace(_run(100).load, timeline=slices))

    good, bad, empty = TimelineSlice(100, 96, 0), TimelineSlice(100, 94, 6), TimelineSlice(0, 0, 0)
    assert after(good, good) == 0.0
    assert after(bad, good, empty) == 0.5
    assert after(bad, good, bad, good) == 1.5
