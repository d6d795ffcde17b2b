"""Pictures written down bucket by bucket come back as they were, and share what has not changed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from coffeert.domain.rollups import CellKey, Cells, RetentionWindow, RollupCube, Totals
from coffeert.tui.history.pages import BucketName, Pages, apply, difference

NOON = 1_772_366_400
RETENTION = RetentionWindow(NOON, NOON - 43_200)

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


def change(picture: RollupCube, pages: Pages, changes: Cells) -> None:
    """Change a picture, and note it."""
    for key, tally in changes.items():
        picture.set(key, tally)
    pages.change((key.grain, key.bucket) for key in changes)


def content(picture: RollupCube) -> tuple[object, ...]:
    """Return everything a picture tells."""
    return dict(picture.cells()), picture.totals(), sorted(picture.top_drinks(99))


page_sets = st.dictionaries(
    st.tuples(st.just("minute"), st.integers(0, 5)), st.binary(min_size=1, max_size=2)
)


@given(page_sets, page_sets)
def test_one_set_of_pages_is_told_by_how_it_differs_from_another(
    before: dict[BucketName, bytes], after: dict[BucketName, bytes]
) -> None:
    changed = difference(before, after)
    assert len(changed) <= len(before.keys() | after.keys())
    assert all(before.get(name) != page for name, page in changed.items())
    apply(changed, before)
    assert before == after


@given(st.lists(cells, min_size=1, max_size=4), st.integers(0, 70))
def test_every_picture_written_down_comes_back_whatever_has_happened_since(
    steps: list[Cells], minutes: int
) -> None:
    picture, pages = RollupCube(RETENTION), Pages()
    seen = []
    for changes in steps:
        change(picture, pages, changes)
        seen.append((pages.of(picture), content(picture)))
    change(picture, pages, {CellKey("minute", NOON, "uptown", "tea"): Totals(9, 9, 9)})
    picture.move_to(RetentionWindow(NOON + minutes * 60, NOON - 43_200))
    for written, before in seen:
        past = RollupCube(RETENTION)
        pages.restore(written, past, picture)
        assert content(past) == before


def test_what_comes_back_is_the_past_s_own() -> None:
    picture, pages = RollupCube(RETENTION), Pages()
    key = CellKey("minute", NOON, "uptown", "tea")
    change(picture, pages, {key: Totals(1, 1, 290)})
    past = RollupCube(RETENTION)
    pages.restore(pages.of(picture), past, picture)
    past.set(key, Totals(2, 2, 580))
    assert picture.get(key) == Totals(1, 1, 290)


def test_pages_without_a_change_are_shared() -> None:
    picture, pages = RollupCube(RETENTION), Pages()
    keys = [CellKey("minute", NOON - 60 * n, "uptown", "tea") for n in range(3)]
    change(picture, pages, dict.fromkeys(keys, Totals(1, 1, 290)))
    first = pages.of(picture)
    change(picture, pages, {keys[0]: Totals(2, 2, 580)})
    second = pages.of(picture)
    shared = [name for name, page in second.items() if first[name] is page]
    assert shared == [("minute", key.bucket) for key in reversed(keys[1:])]


def test_another_picture_shares_nothing() -> None:
    picture, pages = RollupCube(RETENTION), Pages()
    change(picture, pages, {CellKey("minute", NOON, "uptown", "tea"): Totals(1, 1, 290)})
    first = pages.of(picture)
    pages.begin_anew()
    assert pages.of(RollupCube(RETENTION)) == {}
    assert first != {}
