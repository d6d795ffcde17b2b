"""What counts as sustained, and how repetitions and searches are summarized."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from coffeert.lab.experiments.intake import latency_diagram
from coffeert.lab.harness import (
    BreakingPoint,
    LoadRun,
    MeetsObjective,
    bisect,
    cpu_per_order,
    find_breaking_point,
    median_rate,
    relative_spread,
    sustained,
)
from coffeert.lab.load_generator import LoadResult
from coffeert.lab.results import Latencies, Measurement, ResourceUsage

FAST = Latencies.of([0.01] * 1_000)
NOTHING = Latencies.of([])
WELL = LoadResult(
    sent=1_000, stored=1_000, shed=0, wrong=0, unanswered=0, good=1_000, elapsed=10.0,
    backlog_middle=0, backlog_end=0, cores=0.2, send_delay_p99=0.001, release_delay_p99=0.001, latency=FAST,
    shed_latency=NOTHING, shed_sent=NOTHING,
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


def test_the_rate_is_what_was_stored_over_the_time_it_took() -> None:
    assert WELL.rate == 100.0
    assert replace(WELL, stored=0).rate == 0.0
    assert WELL.errors == 0


def _run(rate: float, server: float, postgres: float) -> LoadRun:
    usage = ResourceUsage(
        server_cores=server, postgres_cores=postgres, redis_cores=0, generator_cores=0,
        others_cores=0, loop_lag_ms=0,
    )  # fmt: skip
    return LoadRun(Measurement(label="", good=rate, usage=usage), WELL)


def test_repetitions_are_summarized_by_their_median() -> None:
    runs = [_run(1_000, 0.1, 0.02), _run(2_000, 0.4, 0.02), _run(4_000, 0.4, 0.04)]
    assert median_rate(runs) == 2_000
    assert relative_spread([run.rate for run in runs]) == 1.5
    assert cpu_per_order(runs) == (100.0, 10.0)


def test_two_loads_at_the_same_rate_are_both_drawn() -> None:
    runs = [LoadRun(Measurement(label="", offered=100.0, good=99.0), WELL) for _ in range(2)]
    assert all(len(curve.points) == 2 for curve in latency_diagram(runs).curves)


@settings(max_examples=25, deadline=None)
@given(st.floats(1, 1_000), st.floats(0.1, 1.2))
def test_bisection_closes_in_on_the_breaking_point(high: float, share: float) -> None:
    limit, tried = high * share, []

    async def meets(load: float) -> bool:
        tried.append(load)
        return load <= limit

    found, bounded = asyncio.run(bisect(meets, 0.0, high, steps=10))
    assert bounded == (limit < high)
    assert found <= limit
    assert min(limit, high) - found <= high / 2**10 + 1e-9
    assert len(tried) == (11 if bounded else 1)


def test_what_never_meets_has_its_breaking_point_at_nothing() -> None:
    async def never(_: float) -> bool:
        return False

    @asynccontextmanager
    async def search() -> AsyncIterator[MeetsObjective]:
        yield never

    found = asyncio.run(find_breaking_point(search, 10, 100, steps=3, repeats=2))
    assert found == BreakingPoint((0.0, 0.0), bounded=True)
    assert (found.median, found.spread) == (0.0, 0.0)


def test_the_spread_of_searches_is_a_share_of_their_median() -> None:
    found = BreakingPoint((90.0, 100.0, 120.0), bounded=True)
    assert found.median == 100.0
    assert found.spread == pytest.approx(0.3)
