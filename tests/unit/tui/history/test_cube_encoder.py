"""Rollup cubes encoded bucket by bucket come back as they were, and share what has not changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from coffeert.domain.retention_window import RetentionWindow
from coffeert.domain.rollup_cube import RollupCube
from coffeert.domain.rollups import CellKey, Cells, Totals
from coffeert.tui.history.segment import BucketKey, CubeEncoder, apply_difference, difference
from tests.calendars import calendars

DAY = 1_772_323_200  # 2026-03-01
TWO = calendars("Europe/Berlin", 240, central="Asia/Kathmandu")
EVENING = datetime.fromtimestamp(DAY, UTC).replace(hour=18, minute=14)
"""A minute before the day ends in Kathmandu; in Berlin it goes on until 03:00 UTC."""
HORIZON = RetentionWindow.at(EVENING, TWO)

cells: st.SearchStrategy[Cells] = st.dictionaries(
    st.builds(
        CellKey,
        st.just("minute"),
        st.integers(-3, 0).map(lambda n: HORIZON.as_of + n * 60),
        st.sampled_from(["uptown", "central"]),
        st.sampled_from(["tea", "latte", "mocha"]),
    )
    | st.builds(
        CellKey,
        st.just("day"),
        st.sampled_from([0, -1, -28, -29]).map(lambda n: DAY + n * 86_400),
        st.sampled_from(["uptown", "central"]),
        st.sampled_from(["tea", "latte", "mocha"]),
    ),
    st.builds(Totals, *[st.integers(-5, 5)] * 3),
    max_size=12,
)


def change(cube: RollupCube, encoder: CubeEncoder, changes: Cells) -> None:
    """Change a cube, and note it."""
    for key, totals in changes.items():
        cube.set(key, totals)
    encoder.invalidate((key.grain, key.bucket) for key in changes)


def content(cube: RollupCube) -> tuple[object, ...]:
    """Return everything that can be asked of a cube."""
    return dict(cube.cells()), cube.totals(), sorted(cube.top_drinks(99))


encoded_cubes = st.dictionaries(
    st.tuples(st.just("minute"), st.integers(0, 5)), st.binary(min_size=1, max_size=2)
)


@given(encoded_cubes, encoded_cubes)
def test_a_difference_turns_one_encoded_cube_into_the_other(
    before: dict[BucketKey, bytes], after: dict[BucketKey, bytes]
) -> None:
    changed = difference(before, after)
    assert len(changed) <= len(before.keys() | after.keys())
    assert all(before.get(name) != bucket for name, bucket in changed.items())
    apply_difference(changed, before)
    assert before == after


@given(st.lists(cells, min_size=1, max_size=4), st.integers(0, 70) | st.just(600))
def test_every_encoded_cube_comes_back_whatever_has_changed_since(
    steps: list[Cells], minutes: int
) -> None:
    cube, encoder = RollupCube(HORIZON), CubeEncoder()
    seen = []
    for changes in steps:
        change(cube, encoder, changes)
        seen.append((encoder.encode(cube), content(cube)))
    change(cube, encoder, {CellKey("minute", HORIZON.as_of, "uptown", "tea"): Totals(9, 9, 9)})
    cube.move_to(RetentionWindow.at(EVENING + timedelta(minutes=minutes), TWO))
    for written, before in seen:
        restored = RollupCube(HORIZON)
        encoder.restore(written, restored, cube)
        assert content(restored) == before


def test_the_oldest_day_comes_back_with_the_stores_that_have_dropped_it_since() -> None:
    cube, encoder = RollupCube(HORIZON), CubeEncoder()
    oldest = CellKey("day", DAY - 29 * 86_400, "uptown", "tea")
    central = oldest._replace(store="central")
    change(cube, encoder, {oldest: Totals(2, 2, 580), central: Totals(1, 1, 290)})
    written, before = encoder.encode(cube), content(cube)
    cube.move_to(RetentionWindow.at(EVENING + timedelta(minutes=1), TWO))
    assert (cube.get(oldest), cube.get(central)) == (Totals(2, 2, 580), Totals(0, 0, 0))
    restored = RollupCube(HORIZON)
    encoder.restore(written, restored, cube)
    assert content(restored) == before
    later = RollupCube(cube.retention)
    encoder.restore(encoder.encode(cube), later, cube)
    assert content(later) == content(cube)


def test_a_restored_cube_shares_nothing_with_the_newest_one() -> None:
    cube, encoder = RollupCube(HORIZON), CubeEncoder()
    key = CellKey("minute", HORIZON.as_of, "uptown", "tea")
    change(cube, encoder, {key: Totals(1, 1, 290)})
    restored = RollupCube(HORIZON)
    encoder.restore(encoder.encode(cube), restored, cube)
    restored.set(key, Totals(2, 2, 580))
    assert cube.get(key) == Totals(1, 1, 290)


def test_buckets_without_a_change_are_shared() -> None:
    cube, encoder = RollupCube(HORIZON), CubeEncoder()
    keys = [CellKey("minute", HORIZON.as_of - 60 * n, "uptown", "tea") for n in range(3)]
    change(cube, encoder, dict.fromkeys(keys, Totals(1, 1, 290)))
    first = encoder.encode(cube)
    change(cube, encoder, {keys[0]: Totals(2, 2, 580)})
    second = encoder.encode(cube)
    shared = [name for name, bucket in second.items() if first[name] is bucket]
    assert shared == [("minute", key.bucket) for key in reversed(keys[1:])]


def test_after_a_reset_nothing_is_shared() -> None:
    cube, encoder = RollupCube(HORIZON), CubeEncoder()
    change(cube, encoder, {CellKey("minute", HORIZON.as_of, "uptown", "tea"): Totals(1, 1, 290)})
    first = encoder.encode(cube)
    encoder.reset()
    assert encoder.encode(RollupCube(HORIZON)) == {}
    assert first != {}
