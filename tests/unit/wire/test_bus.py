"""Messages between processes: what goes in comes out, and stays small."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffeert.cells import GRAINS, tally_orders
from coffeert.order import Order
from coffeert.watermark import Watermark
from coffeert.wire.bus import (
    HotBatch,
    HotCell,
    PassCell,
    PassMessage,
    PassStats,
    decode_hot_batch,
    decode_pass,
    encode,
    is_from,
)
from coffeert.wire.orders import OrderBody
from tests.unit.strategies import orders

NOW = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
MESSAGE = PassMessage(
    lineage="lineage",
    number=7,
    token=2,
    watermark="10:20:10,14",
    data_time=NOW,
    stats=PassStats(leader="here", rows=3, pass_ms=1.25, interval_s=1.0),
    cells=None,
    recent=[],
)


@given(st.lists(orders(NOW), max_size=8), st.integers(3, 2**63 - 1))
def test_a_hot_batch_carries_its_orders_sums(placed: list[Order], xid: int) -> None:
    minutes = tally_orders(placed)
    batch = HotBatch(
        "sender",
        "lineage",
        xid,
        [HotCell(key.bucket, key.store, key.drink, *tally) for key, tally in minutes.items()],
        [OrderBody.of(order) for order in placed],
    )
    heard = decode_hot_batch(encode(batch))
    assert heard == batch
    assert is_from("sender", encode(batch))
    assert not is_from("send", encode(batch))
    assert heard.minutes() == minutes
    assert [body.order() for body in heard.recent] == placed


@given(st.lists(st.builds(PassCell, st.integers(0, len(GRAINS) - 1)), max_size=5) | st.none())
def test_a_pass_is_heard_as_it_was_told(cells: list[PassCell] | None) -> None:
    message = msgspec.structs.replace(MESSAGE, cells=cells)
    heard = decode_pass(encode(message))
    assert heard == message
    assert heard.parsed_watermark() == Watermark(10, 20, frozenset({10, 14}))


@pytest.mark.parametrize("data", [b"", b"null", b"{}", b"[]", encode(MESSAGE)])
def test_what_is_no_hot_batch_is_refused(data: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_hot_batch(data)


@pytest.mark.parametrize("data", [b"", b"null", b"{}", b"[]", b'["lineage",1,[],[]]'])
def test_what_is_no_pass_is_refused(data: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_pass(data)
