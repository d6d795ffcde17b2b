"""Rollup cubes encoded bucket by bucket come back as they were, and share what has not changed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from coffeert.domain.rollups import CellKey, Cells, RetentionWindow, RollupCube, Totals
from coffeert.tui.history.segment import BucketKey, CubeEncoder, apply_difference, difference

NOON = 1_772_366_400
HORIZON = RetentionWindow(NOON, NOON - 43_200)

cells: st.SearchStrategy[Cells] = st.dictionaries(
    st.builds(
        CellKey,
        st.just("minute"),
        st.integers(-3, 0).map(lambda n: NOON + n * 60),
        st.sampled_from(["uptown", "central"]),
        st.sampled_from(["tea", "latte", "mocha"]),
    )
    | st.builds(
        CellKey,
        st.just("day"),
        st.integers(-2, 0).map(lambda n: NOON - 43_200 + n * 86_400),
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


@given(st.lists(cells, min_size=1, max_size=4), st.integers(0, 70))
def test_every_encoded_cube_comes_back_whatever_has_changed_since(
    steps: list[Cells], minutes: int
) -> None:
    cube, encoder = RollupCube(HORIZON), CubeEncoder()
    seen = []
    for changes in steps:
        change(cube, encoder, changes)
        seen.append((encoder.encode(cube), content(cube)))
    change(cube, encoder, {CellKey("minute", NOON, "uptown", "tea"): Totals(9, 9, 9)})
    cube.move_to(RetentionWindow(NOON + minutes * 60, NOON - 43_200))
    for written, before in seen:
        restored = RollupCube(HORIZON)
        encoder.restore(written, restored, cube)
        assert content(restored) == before


def test_a_restored_cube_shares_nothing_with_the_newest_one() -> None:
    cube, encoder = RollupCube(HORIZON), CubeEncoder()
    key = CellKey("minute", NOON, "uptown", "tea")
    change(cube, encoder, {key: Totals(1, 1, 290)})
    restored = RollupCube(HORIZON)
    encoder.restore(encoder.encode(cube), restored, cube)
    restored.set(key, Totals(2, 2, 580))
    assert cube.get(key) == Totals(1, 1, 290)


def test_buckets_without_a_change_are_shared() -> None:
    cube, encoder = RollupCube(HORIZON), CubeEncoder()
    keys = [CellKey("minute", NOON - 60 * n, "uptown", "tea") for n in range(3)]
    change(cube, encoder, dict.fromkeys(keys, Totals(1, 1, 290)))
    first = encoder.encode(cube)
    change(cube, encoder, {keys[0]: Totals(2, 2, 580)})
    second = encoder.encode(cube)
    shared = [name for name, bucket in second.items() if first[name] is bucket]
    assert shared == [("minute", key.bucket) for key in reversed(keys[1:])]


def test_after_a_reset_nothing_is_shared() -> None:
    cube, encoder = RollupCube(HORIZON), CubeEncoder()
    change(cube, encoder, {CellKey("minute", NOON, "uptown", "tea"): Totals(1, 1, 290)})
    first = encoder.encode(cube)
    encoder.reset()
    assert encoder.encode(RollupCube(HORIZON)) == {}
    assert first != {}
