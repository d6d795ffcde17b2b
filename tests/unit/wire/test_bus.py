"""Messages between processes: what goes in comes out, and stays small."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffeert.domain.coverage import Coverage
from coffeert.domain.orders import Order
from coffeert.domain.pending_batches import PendingBatches
from coffeert.domain.rollups import GRAINS, RetentionWindow, tally_orders
from coffeert.domain.watermark import Watermark, Xid
from coffeert.wire.bus import (
    BatchesCommitted,
    PassCell,
    PassMessage,
    PassStats,
    decode_batches,
    decode_pass,
    encode,
    is_from,
)
from tests.unit.strategies import orders

NOW = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
XIDS = st.builds(Xid, st.integers(3, 2**63 - 1))
MESSAGE = PassMessage(
    lineage="lineage",
    nonce="nonce",
    number=7,
    token=2,
    previous="8:12:9",
    watermark="10:20:10,14",
    data_time=NOW,
    covers=Coverage.of(RetentionWindow.at(NOW, UTC)),
    stats=PassStats(leader="here", rows=3, pass_ms=1.25, interval_s=1.0),
    cells=None,
    recent=[],
)


@given(st.dictionaries(XIDS, st.lists(orders(NOW), max_size=4), min_size=1, max_size=4))
def test_a_message_carries_each_batchs_sums(placed: dict[Xid, list[Order]]) -> None:
    minutes = {xid: tally_orders(some) for xid, some in placed.items()}
    batches = PendingBatches.of(minutes)
    recent = [order for some in placed.values() for order in some]
    data = encode(BatchesCommitted.of("sender", "lineage", batches, recent))
    heard = decode_batches(data)
    assert is_from("sender", data)
    assert not is_from("send", data)
    assert heard.lineage == "lineage"
    assert heard.batches() == batches
    assert heard.batches().apart() == minutes
    assert [body.order() for body in heard.recent] == recent


@given(st.lists(st.builds(PassCell, st.integers(0, len(GRAINS) - 1)), max_size=5) | st.none())
def test_a_pass_is_received_as_it_was_sent(cells: list[PassCell] | None) -> None:
    message = msgspec.structs.replace(MESSAGE, cells=cells)
    heard = decode_pass(encode(message))
    assert heard == message
    assert heard.parsed_watermark() == Watermark(10, 20, frozenset({10, 14}))


@pytest.mark.parametrize("data", [b"", b"null", b"{}", b"[]", encode(MESSAGE)])
def test_what_is_no_message_of_batches_is_refused(data: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_batches(data)


@pytest.mark.parametrize("data", [b"", b"null", b"{}", b"[]", b'["lineage",1,[],[]]'])
def test_what_is_no_pass_is_refused(data: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_pass(data)
