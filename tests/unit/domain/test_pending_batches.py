"""pending batches: together they are the sum of each, and each can be had again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffeert.domain.pending_batches import PendingBatches
from coffeert.domain.rollups import CellKey, Cells, Totals, add
from coffeert.domain.watermark import Xid

KEYS = [CellKey("minute", 60 * minute, "uptown", drink) for minute in (1, 2) for drink in "ab"]
numbers = st.integers(-(2**40), 2**40)
cells = st.dictionaries(st.sampled_from(KEYS), st.builds(Totals, numbers, numbers, numbers))
batches = st.dictionaries(st.builds(Xid, st.integers(3, 2**63 - 1)), cells, max_size=5)


def summed(some: dict[Xid, Cells]) -> Cells:
    total: Cells = {}
    for minutes in some.values():
        for key, tally in minutes.items():
            add(total, key, tally)
    return total


@given(batches, st.data())
def test_batches_are_summed_and_taken_apart_again(
    some: dict[Xid, Cells], data: st.DataObject
) -> None:
    together = PendingBatches.of(some)
    assert together.xids == tuple(some)
    assert together.minutes == summed(some)
    assert together.apart() == some
    chosen = data.draw(st.sets(st.sampled_from(sorted(some)))) if some else set()
    left = {xid: minutes for xid, minutes in some.items() if xid in chosen}
    assert together.only(chosen) == PendingBatches.of(left)


@pytest.mark.parametrize(
    "shares", [b"", b"null", b"[]", b"[[[0,1,1,1]]]", b"[[[2,1,1,1]],[]]", b"[[[-1,1,1,1]],[]]"]
)
def test_shares_that_make_no_sense_leave_nothing(shares: bytes) -> None:
    """They are another process's words; what is lost shows with the pass that counts it."""
    minutes = {KEYS[0]: Totals(1, 1, 450), KEYS[1]: Totals(2, 3, 900)}
    damaged = PendingBatches((Xid(7), Xid(8)), minutes, shares)
    with pytest.raises(ValueError, match=r".+"):
        damaged.apart()
    assert damaged.only({Xid(7)}) == PendingBatches.of({})


def test_more_batches_are_held_to_be_more_bytes() -> None:
    one = PendingBatches.of({Xid(7): {KEYS[0]: Totals(1, 1, 450)}})
    two = PendingBatches.of(
        {Xid(7): {KEYS[0]: Totals(1, 1, 450)}, Xid(8): {KEYS[1]: Totals(1, 1, 1)}}
    )
    assert 0 < one.bytes_held < two.bytes_held
