"""A file of orders: keys that make a second load add nothing, and its pace."""

from __future__ import annotations

import io
import random
from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from coffeert.domain.orders import Draft
from coffeert.inject.column_mapping import layout_for
from coffeert.inject.recording import Pace, RecordingClock, RowKeys, shots_from
from coffeert.inject.rows import BadRow, Rows
from coffeert.inject.scheduled_order import ScheduledOrder
from coffeert.wire.orders import MenuBody, decode_order

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LAYOUT = layout_for(MenuBody((), ()), {}, None, None)

drafts = st.lists(
    st.builds(
        Draft,
        store=st.sampled_from(["uptown", "central"]),
        drink=st.sampled_from(["tea", "latte"]),
        quantity=st.integers(1, 2),
        price_cents=st.sampled_from([None, 290]),
        placed_at=st.sampled_from([None, NOON, NOON + timedelta(seconds=1)]),
    ),
    max_size=30,
)


def keys(rows: list[Draft]) -> list[object]:
    made = RowKeys()
    return [made.key(draft) for draft in rows]


@settings(deadline=None)
@given(drafts, st.randoms())
def test_keys_are_distinct_and_do_not_depend_on_the_order_of_rows(
    rows: list[Draft], chance: random.Random
) -> None:
    assert len(set(keys(rows))) == len(rows), "equal rows are different orders"
    turned = list(rows)
    chance.shuffle(turned)
    assert set(keys(turned)) == set(keys(rows))


@settings(deadline=None)
@given(drafts, drafts)
def test_rows_appended_later_leave_the_others_their_keys(
    rows: list[Draft], more: list[Draft]
) -> None:
    assert keys(rows + more)[: len(rows)] == keys(rows)


@settings(deadline=None)
@given(drafts)
def test_a_key_always_stands_for_the_same_content(rows: list[Draft]) -> None:
    content: dict[object, Draft] = {}
    for seen in (rows, rows[::-1], rows[::2]):
        for key, draft in zip(keys(seen), seen, strict=True):
            assert content.setdefault(key, draft) == draft


def test_the_same_instant_in_another_zone_has_the_same_key() -> None:
    there = datetime.fromisoformat("2026-03-01T14:00:00+02:00")
    assert keys([Draft("a", "b", placed_at=NOON)]) == keys([Draft("a", "b", placed_at=there)])


AT_ONCE = Pace()


def shots(
    data: bytes, pace: Pace = AT_ONCE, count: int | None = None
) -> list[ScheduledOrder | BadRow]:
    return list(shots_from(Rows(io.BytesIO(data)), LAYOUT, pace, count))


FILE = b"""store,drink,placed_at
uptown,tea,2026-03-01T12:00:00Z
uptown,tea,2026-03-01T12:00:00Z
uptown,,2026-03-01T12:00:01Z
uptown,latte,2026-03-01T12:00:30Z
uptown,mocha,2026-03-01T12:00:10Z
"""


def test_rows_become_orders_and_bad_ones_are_told() -> None:
    made = shots(FILE)
    good = [shot for shot in made if isinstance(shot, ScheduledOrder)]
    assert [decode_order(shot.body).drink for shot in good] == ["tea", "tea", "latte", "mocha"]
    assert [shot.line for shot in good] == [2, 3, 5, 6]
    assert {shot.due for shot in good} == {None}
    assert [row for row in made if isinstance(row, BadRow)] == [BadRow(4, "drink is empty")]


def test_a_file_loaded_twice_makes_the_same_orders() -> None:
    assert shots(FILE) == shots(FILE)
    lines = FILE.splitlines(keepends=True)
    turned = b"".join([lines[0], *lines[:0:-1]])
    bodies = [shot.body for shot in shots(FILE) if isinstance(shot, ScheduledOrder)]
    again = [shot.body for shot in shots(turned) if isinstance(shot, ScheduledOrder)]
    assert Counter(again) == Counter(bodies)


def test_count_takes_the_first_orders() -> None:
    assert [shot.line for shot in shots(FILE, count=3)] == [2, 3, 4, 5]
    assert shots(FILE, count=4) == shots(FILE)


def test_recorded_pace() -> None:
    made = [shot for shot in shots(FILE, Pace(speed=10)) if isinstance(shot, ScheduledOrder)]
    assert [shot.due for shot in made] == [0.0, 0.0, 3.0, 3.0], "never before the row above it"


def test_a_rate_of_its_own() -> None:
    clock = RecordingClock(Pace(rate=4))
    assert [clock.due(None), clock.due(NOON), clock.due(NOON)] == [0, 0.25, 0.5]
