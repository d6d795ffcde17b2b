"""A comparison holds what the server sent of its grain, and takes little more memory on the way."""

from __future__ import annotations

import tracemalloc
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffeert.domain.rollups import GRAINS, CellKey, Cells, Grain, Totals, floor
from coffeert.domain.view import Change, View
from coffeert.tui.comparison import decode_grain
from coffeert.wire.frames import Columns, columns
from tests.calendars import retention
from tests.tui.scripted import DRINKS, NOON, STORES, House

NOW = datetime(2026, 3, 14, 10, 6, 24, tzinfo=UTC)

bucket_totals = st.builds(
    Totals, st.integers(-3, 3), st.integers(-9, 9), st.integers(-9_000, 9_000)
)
keys = st.builds(
    lambda grain, back, store, drink: CellKey(
        grain, floor(int(NOW.timestamp()) - back, grain), store, drink
    ),
    st.sampled_from(GRAINS),
    st.integers(-100, 40 * 86_400),  # some lie beyond the retention window
    st.sampled_from(STORES),
    st.sampled_from(DRINKS),
)


def _columns(cells: Cells) -> Columns:
    change = Change(retention(NOW), NOW, cells)
    return columns(change, View(change).cube.totals(), ())


@pytest.mark.parametrize("grain", GRAINS)
@given(cells=st.dictionaries(keys, bucket_totals, max_size=30))
def test_it_is_the_view_at_one_grain(grain: Grain, cells: Cells) -> None:
    view = View(Change(retention(NOW), NOW, cells)).cube
    cube = decode_grain(_columns(cells), grain)
    assert cube.retention == view.retention
    expected = {key: totals for key, totals in view.cells() if key.grain == grain}
    assert dict(cube.cells()) == expected
    for bucket in view.buckets(grain):
        assert cube.bucket_sum(grain, bucket) == view.bucket_sum(grain, bucket)


@pytest.mark.parametrize("grain", GRAINS)
def test_decoding_makes_little_that_is_thrown_away(grain: Grain) -> None:
    packed = _columns(dict(House(now=NOON, busy=25).view.cube.cells()))
    decode_grain(packed, grain)
    tracemalloc.start()
    try:
        cube = decode_grain(packed, grain)
        held, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1.2 * held
    pairs = {id(pair) for start in cube.buckets(grain) for pair in cube.bucket(grain, start)}
    assert len(pairs) == len(STORES) * len(DRINKS)
