"""Changes: however they are split, merged or repeated, they lead to the same view (invariant 7)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffeert.domain.orders import Order, new_order_id
from coffeert.domain.retention_window import RetentionWindow
from coffeert.domain.rollup_cube import WindowTotals
from coffeert.domain.rollups import ZERO, Cells, at_all_grains, tally_orders
from coffeert.domain.view import RECENT_ORDERS, Change, View, newest
from tests.calendars import retention
from tests.unit.strategies import Present, Rule, fewer, orders, presents

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

NOW = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)


class Seen(NamedTuple):
    """All that a view shows."""

    retention: RetentionWindow
    data_time: datetime
    cells: Cells
    recent: tuple[Order, ...]
    totals: WindowTotals
    top: list[tuple[str, tuple[int, int, int]]]


def seen(view: View) -> Seen:
    cube = view.cube
    return Seen(
        cube.retention,
        view.data_time,
        dict(cube.cells()),
        view.recent,
        cube.totals(),
        [*cube.top_drinks(99)],
    )


class History(NamedTuple):
    """The whole view at the beginning, each change after it, and what was to be seen each time."""

    first: Change
    changes: list[Change]
    seen: list[Seen]


def advance(view: View, present: Present, placed: Sequence[Order]) -> Change:
    """Do to a view what a server does to its own, and return what changed."""
    view.cube.move_to(present.retention())
    view.data_time = present.now
    changed = [
        key
        for key, tally in at_all_grains(tally_orders(placed), present.calendars()).items()
        if view.cube.add(key, tally)
    ]
    added = view.add_recent(placed)
    cells = {key: view.cube.get(key) for key in changed}
    return Change(view.cube.retention, present.now, cells, added)


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Orders and corrections while time passes, over ends of days and changes of the clock."""
    present = draw(presents)
    view = View(Change(present.retention(), present.now, {}))
    known: list[Order] = draw(st.lists(orders(present.now), max_size=8))
    advance(view, present, known)
    known = [order for order in known if order.voids is None]
    first = view.as_change()
    history = History(first, [], [seen(view)])
    for minutes in draw(st.lists(st.integers(0, 5) | st.integers(0, 2000), max_size=6)):
        present = present.later(minutes)
        placed: list[Order] = draw(st.lists(orders(present.now), max_size=4))
        void: bool = draw(st.booleans())
        if void and known:
            voided = known.pop()
            placed.append(voided.correction(draw(st.uuids()), present.now))
        known += [order for order in placed if order.voids is None]
        history.changes.append(advance(view, present, placed))
        history.seen.append(seen(view))
    return history


def merged(changes: Sequence[Change]) -> Change:
    whole = changes[0]
    for change in changes[1:]:
        whole = whole.then(change)
    return whole


@fewer
@given(histories())
def test_every_change_leads_to_the_next_version(history: History) -> None:
    view = View(history.first)
    assert seen(view) == history.seen[0]
    for change, after in zip(history.changes, history.seen[1:], strict=True):
        view.apply(change)
        assert seen(view) == after


@pytest.mark.long
@fewer
@given(histories(), st.data())
def test_a_merged_change_has_the_effect_of_its_parts(history: History, data: st.DataObject) -> None:
    """delta(a->c) equals delta(a->b), delta(b->c), for every way to cut the history."""
    view = View(history.first)
    version = 0
    while version < len(history.changes):
        until = data.draw(st.integers(version + 1, len(history.changes)))
        view.apply(merged(history.changes[version:until]))
        version = until
        assert seen(view) == history.seen[version]


@pytest.mark.long
@fewer
@given(histories(), st.data())
def test_merging_is_associative(history: History, data: st.DataObject) -> None:
    changes = [history.first, *history.changes]
    first, second = sorted(data.draw(st.tuples(*[st.integers(0, len(changes) - 1)] * 2)))
    parts = [part for part in (changes[:first], changes[first:second], changes[second:]) if part]
    assert merged([merged(part) for part in parts]) == merged(changes)
    *before, last = changes
    if before:
        folded = last
        for change in reversed(before):
            folded = change.then(folded)
        assert folded == merged(changes)


@pytest.mark.long
@fewer
@given(histories(), st.data())
def test_a_change_that_comes_again_is_harmless(history: History, data: st.DataObject) -> None:
    """A reader at b takes delta(a->c) as it takes delta(b->c): all of it, or a part of it, twice."""
    view = View(history.first)
    for version, after in enumerate(history.seen[1:], 1):
        since = data.draw(st.integers(0, version - 1))
        for _ in range(data.draw(st.integers(1, 2))):
            view.apply(merged(history.changes[since:version]))
        assert seen(view) == after


@pytest.mark.long
@fewer
@given(histories())
def test_a_view_can_be_taken_whole_at_any_version(history: History) -> None:
    view = View(history.first)
    for change, after in zip(history.changes, history.seen[1:], strict=True):
        view.apply(change)
        assert seen(View(view.as_change())) == after


@pytest.mark.long
@fewer
@given(histories())
def test_the_whole_history_in_one_change_is_the_view_at_its_end(history: History) -> None:
    whole = merged([history.first, *history.changes])
    assert seen(View(whole)) == history.seen[-1]
    assert all(whole.retention.contains(key) for key in whole.cells)


@fewer
@given(st.lists(st.lists(orders(NOW), max_size=40), max_size=4))
def test_the_recent_orders_are_the_fifty_placed_last(batches: list[list[Order]]) -> None:
    view = View(Change(retention(NOW), NOW, {}))
    everything: dict[UUID, Order] = {}
    for batch in batches:
        before = view.recent
        everything |= {order.order_id: order for order in batch}
        added = view.add_recent([*batch, *batch[:3], *before[:3]])
        ranked = sorted(everything.values(), key=lambda order: order.recency, reverse=True)
        assert view.recent == tuple(ranked[:RECENT_ORDERS])
        assert set(added) == set(view.recent) - set(before)
    assert newest(everything.values()) == view.recent


def test_an_order_too_old_for_the_list_is_not_returned() -> None:
    """Also if there was room for it until the ones that came along took their places."""
    view = View(Change(retention(NOW), NOW, {}))
    many = [order_at(NOW - timedelta(minutes=n)) for n in range(RECENT_ORDERS)]
    view.add_recent(many)
    late = order_at(NOW - timedelta(minutes=RECENT_ORDERS - 1) + timedelta(seconds=1))
    news = [order_at(NOW + timedelta(seconds=n)) for n in range(5)]
    assert view.add_recent([late, *news]) == tuple(reversed(news))


def order_at(moment: datetime) -> Order:
    return Order(new_order_id(), "uptown", "latte", 1, 480, moment, NOW)


def test_a_cell_that_has_become_empty_is_part_of_the_change() -> None:
    view = View(Change(retention(NOW), NOW, {}))
    order = order_at(NOW)
    advance(view, Present(NOW, Rule("UTC"), {}), [order])
    change = advance(view, Present(NOW, Rule("UTC"), {}), [order.correction(new_order_id(), NOW)])
    assert list(change.cells.values()) == [ZERO] * 3
    assert dict(view.cube.cells()) == {}
