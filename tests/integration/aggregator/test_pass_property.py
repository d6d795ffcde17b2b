"""Under any interleaving, every pass leaves the rollups equal to the orders that its watermark sees."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.integration.aggregator.arena import (
    DRINKS,
    PASSERS,
    WRITERS,
    Arena,
    Beside,
    End,
    Pass,
    PassBeside,
    Place,
    Savepoint,
    Sketch,
    Step,
    Void,
    Write,
)

STATEMENTS = 8
"""More than a pass has statements, with those that begin and end its transaction."""

sketches = st.builds(
    Sketch,
    before_midnight=st.sampled_from(
        (-60.0, 0.0, 1e-6, 30.0, 59.999999, 60.0, 3600.0, 40 * 86400.0)
    ),
    drink=st.sampled_from(DRINKS),
    quantity=st.integers(-9, 99).filter(bool),
    price_cents=st.sampled_from((0, 1, 480, 100_000_000)),
    source=st.sampled_from((None, "till", "web")),
)
writers = st.integers(0, WRITERS - 1)
writes: st.SearchStrategy[Beside] = st.one_of(
    st.builds(Place, writers, st.lists(sketches, min_size=1, max_size=2)),
    st.builds(Write, writers, st.lists(sketches, min_size=1, max_size=3)),
    st.builds(Void, writers, st.integers(0, 99)),
    st.builds(Savepoint, writers),
    st.builds(End, writers, commit=st.booleans(), whole=st.booleans()),
)
passes: st.SearchStrategy[Step] = st.builds(
    Pass,
    st.integers(0, PASSERS - 1),
    st.lists(st.lists(st.one_of(writes, st.just(PassBeside())), max_size=3), max_size=STATEMENTS),
)
plans = st.lists(st.one_of(writes, passes), min_size=3, max_size=20)


@contextmanager
def arena_on(url: str) -> Iterator[tuple[Arena, asyncio.Runner]]:
    with asyncio.Runner() as runner:
        arena = runner.run(Arena.open(url))
        try:
            yield arena, runner
        finally:
            runner.run(arena.close())


@pytest.mark.long
def test_every_pass_is_exact_under_any_interleaving(database_url: str) -> None:
    with arena_on(database_url) as (arena, runner):

        @settings(max_examples=100, deadline=None)
        @given(plans)
        def play(plan: list[Step]) -> None:
            runner.run(arena.play(plan))

        play()


LATTE = Sketch(60.0, "latte", 2, 480)
COMMIT_LATE: tuple[Beside, ...] = (End(0, commit=True),)
COMMIT_NEW: tuple[Beside, ...] = (Place(1, [LATTE]),)
BESIDE: tuple[Beside, ...] = (PassBeside(),)


@pytest.mark.parametrize("statement", range(STATEMENTS))
@pytest.mark.parametrize(
    "happens",
    [COMMIT_LATE, COMMIT_NEW, BESIDE, COMMIT_NEW + BESIDE, BESIDE + COMMIT_LATE + COMMIT_NEW * 3],
)
def test_whatever_happens_between_two_statements_of_a_pass_counts_once(
    database_url: str, happens: tuple[Beside, ...], statement: int
) -> None:
    """Plans of the kind that the property must not miss, at each place where they can go wrong."""
    before: list[Step] = [
        Write(0, [LATTE]),  # an older transaction, still open when newer ones commit
        Place(1, [LATTE, LATTE]),
        Pass(0),
        Place(1, [LATTE]),
    ]
    between: list[tuple[Beside, ...]] = [()] * statement + [happens]
    with arena_on(database_url) as (arena, runner):
        runner.run(arena.play([*before, Pass(0, between), Pass(1)]))
