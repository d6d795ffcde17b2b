"""Frames: a change survives its columns, and a client's frame is read as an order's body is."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffeert.domain.orders import Order
from coffeert.domain.retention_window import RetentionWindow
from coffeert.domain.rollup_cube import WindowTotals
from coffeert.domain.rollups import GRAINS, SECONDS, ZERO, CellKey, Totals
from coffeert.domain.view import Change
from coffeert.errors import ApiError, FieldError, Invalid, Malformed
from coffeert.wire.frames import (
    Ack,
    Columns,
    Delta,
    Goodbye,
    Heartbeat,
    Hello,
    MenuChanged,
    OrderFrame,
    Refusal,
    Resync,
    ServerFrame,
    Snapshot,
    change_from,
    columns,
    decode_client_frame,
    decode_server_frame,
    decode_snapshot,
    encode,
    ref_of,
)
from coffeert.wire.health import (
    AggregatorHealth,
    DatabaseHealth,
    Health,
    IntakeHealth,
    RedisHealth,
    SocketsHealth,
)
from coffeert.wire.order_requests import draft_from_request
from coffeert.wire.orders import MenuBody, MenuDrink, MenuStore, OrderBody
from tests.calendars import calendars
from tests.unit.strategies import fewer, orders, presents

if TYPE_CHECKING:
    from coffeert.domain.rollups import Cells

NOW = datetime(2026, 1, 31, 9, 30, 15, 250_000, tzinfo=UTC)
RETENTION = RetentionWindow.at(NOW, calendars("Europe/Berlin", 240, central="Asia/Kathmandu"))
MENU = MenuBody((MenuStore("uptown", "Uptown"),), (MenuDrink("latte", "Latte", "4.80"),))
HEALTH = Health(
    live=True,
    started=NOW,
    intake=IntakeHealth(ok=False, since=NOW, reason="full"),
    aggregator=AggregatorHealth(leader="here"),
    redis=RedisHealth(round_trip_ms=0.25),
    sockets=SocketsHealth(clients=3),
    database=DatabaseHealth(pool=8),
)

codes = st.text(st.characters(codec="utf-8"), min_size=1, max_size=4)
tallies = st.builds(Totals, *[st.integers(-(10**12), 10**12)] * 3) | st.just(ZERO)


@st.composite
def changes(draw: st.DrawFn) -> Change:
    """Any change: a few codes, cells of all grains, orders, stores with calendars of their own."""
    retention = draw(presents).retention()
    running = {"minute": retention.as_of, "hour": retention.days[0].hour}
    stores, drinks = draw(st.lists(codes, min_size=1)), draw(st.lists(codes, min_size=1))
    cells: Cells = {}
    for _ in range(draw(st.integers(0, 20))):
        grain = draw(st.sampled_from(GRAINS))
        newest = running.get(grain, retention.days[0].date)
        start = newest - draw(st.integers(-1, 30)) * SECONDS[grain]
        key = CellKey(grain, start, draw(st.sampled_from(stores)), draw(st.sampled_from(drinks)))
        cells[key] = draw(tallies)
    return Change(retention, NOW, cells, tuple(draw(st.lists(orders(NOW), max_size=3))))


@fewer
@given(changes())
def test_a_change_survives_its_columns(change: Change) -> None:
    totals = WindowTotals(Totals(1, 2, 3), Totals(4, 5, 6), Totals(7, 8, 9), Totals(10, 11, 12))
    packed = columns(change, totals, [("latte", Totals(1, 2, 3))])
    assert change_from(packed) == change
    delta = Delta(epoch="e", from_=1, to=3, view=packed)
    sent = encode(delta)
    assert decode_server_frame(sent) == delta
    assert change_from(json_columns(sent)) == change
    snapshot = Snapshot(epoch="e", version=1, view=packed)
    assert decode_snapshot(encode(snapshot)) == snapshot


def json_columns(sent: bytes) -> Columns:
    """Read the columns as a program in another language would: by the documented names."""
    view = json.loads(sent)["view"]
    return msgspec.convert(view, Columns)


@fewer
@given(changes())
def test_only_cells_and_codes_that_are_used_travel(change: Change) -> None:
    packed = columns(change, WindowTotals(), ())
    buckets = [*packed.minute, *packed.hour, *packed.day]
    assert sum(len(bucket.keys) for bucket in buckets) == len(change.cells)
    assert all(bucket.keys for bucket in buckets)
    assert all(bucket.keys == sorted(set(bucket.keys)) for bucket in buckets)
    assert set(packed.stores) == {key.store for key in change.cells}
    assert set(packed.drinks) == {key.drink for key in change.cells}
    for grain in (packed.minute, packed.hour, packed.day):
        assert [bucket.start for bucket in grain] == sorted({bucket.start for bucket in grain})


def test_a_bucket_is_parallel_columns() -> None:
    """As documented, for readers that use none of our code."""
    key = CellKey("minute", RETENTION.as_of, "uptown", "tea")
    change = Change(
        RETENTION,
        NOW,
        {key: Totals(1, 2, 580), key._replace(store="central", drink="latte"): Totals(3, 4, 1920)},
    )
    packed = json.loads(encode(columns(change, WindowTotals(), [("latte", Totals(3, 4, 1920))])))
    assert packed["stores"] == ["central", "uptown"]
    assert packed["drinks"] == ["latte", "tea"]
    assert packed["minute"] == [[RETENTION.as_of, [0, 3], [3, 1], [4, 2], [1920, 580]]]
    assert packed["hour"] == packed["day"] == packed["recent"] == []
    assert packed["totals"]["today"] == [0, 0, 0]
    sunday, midnight = 1_769_817_600, 1_769_796_900
    assert packed["days"] == [
        [
            "Europe/Berlin",
            240,
            sunday,
            sunday + 3 * 3600,
            sunday + 27 * 3600,
            RETENTION.as_of - 1800,
        ],
        ["Asia/Kathmandu", 0, sunday, midnight, midnight + 86400, RETENTION.as_of - 900],
    ]
    assert packed["calendar_of"] == {"central": 1}
    assert packed["top"] == [{"drink": "latte", "orders": 3, "quantity": 4, "cents": 1920}]


VIEW = columns(Change(RETENTION, NOW, {}), WindowTotals(), ())
BODY = OrderBody.of(
    Order(
        order_id=UUID("01890a5d-ac96-774b-bcce-b302099a8057"),
        store="uptown",
        drink="latte",
        quantity=1,
        price_cents=480,
        placed_at=NOW,
        received_at=NOW,
    )
)
FRAMES: list[tuple[str, ServerFrame]] = [
    ("hello", Hello(protocol=2, server="s", epoch="e", version=2, heartbeat=1, timezone="UTC", menu=MENU)),
    ("snapshot", Snapshot(epoch="e", version=2, view=VIEW, health=HEALTH)),
    ("delta", Delta(epoch="e", from_=1, to=2, view=VIEW)),
    ("menu", MenuChanged(menu=MENU)),
    ("heartbeat", Heartbeat(epoch="e", version=2, data_time=NOW, server_time=NOW, health=HEALTH)),
    ("ack", Ack(ref="r", status=201, order=BODY)),
    ("error", Refusal(status=422, title="t", detail="d", errors=(FieldError("f", "m"),))),
    ("goodbye", Goodbye(reason="restart", retry_after=1.5)),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "frame"), FRAMES)
def test_each_frame_says_its_type_and_is_read_back(kind: str, frame: ServerFrame) -> None:
    sent = encode(frame)
    assert json.loads(sent)["type"] == kind
    assert decode_server_frame(sent) == frame
    later = json.loads(sent) | {"added": {"in": "a later version"}}
    assert decode_server_frame(json.dumps(later)) == frame


def test_a_delta_names_its_versions_as_documented() -> None:
    sent = json.loads(encode(Delta(epoch="e", from_=1, to=2, view=VIEW)))
    assert (sent["from"], sent["to"]) == (1, 2)


def frame(**fields: Any) -> str:
    return json.dumps({"type": "order", "ref": "r1", "store": "uptown", "drink": "latte"} | fields)


def test_an_order_is_read_from_a_frame() -> None:
    read = decode_client_frame(frame(quantity=2, price="4.80", placed_at="2026-01-31T09:30:00Z"))
    assert isinstance(read, OrderFrame)
    assert read.ref == "r1"
    draft = draft_from_request(read, 2)
    assert (draft.quantity, draft.price_cents) == (2, 480)
    assert draft.placed_at == NOW.replace(second=0, microsecond=0)
    assert decode_client_frame('{"type":"resync"}') == Resync()


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        (frame(store=1), {"store"}),
        (frame(price="x", quantity="y"), {"quantity", "price"}),
        (frame(ref="x" * 65), {"ref"}),
        (frame(ref="a\x1b[2J"), {"ref"}),
        (frame(ref="a\x9b31m"), {"ref"}),
        (frame(ref="a\n"), {"ref"}),
        (frame(ref=7), {"ref"}),
        (frame(x=1), {"x"}),
        ('{"type":"order"}', {"ref", "store", "drink"}),
        ('{"type":"resync","x":1}', {"x"}),
        ('{"type":"void","ref":"r1"}', {"void"}),
        ('{"type":"void","ref":"r1","void":7}', {"void"}),
        ('{"type":"void","ref":"r1","void":"x","store":"uptown"}', {"store"}),
    ],
)
def test_a_frame_with_a_bad_value_is_refused_by_field(text: str, fields: set[str]) -> None:
    def read() -> None:
        frame = decode_client_frame(text)
        assert isinstance(frame, OrderFrame)
        draft_from_request(frame, 2)

    with pytest.raises(Invalid) as error:
        read()
    assert {fault.field for fault in error.value.errors} >= fields


@pytest.mark.parametrize(
    "text",
    ["", "null", "[]", "{}", '{"type":"snapshot"}', '{"type":"order"', "[" * 5000,
     frame(type="Order"), frame()[:-1] + ',"ref":"r2"}', frame()[:-1] + ',"\\u0072ef":"r2"}',
     frame(ref="quantity")[:-1] + ',"price":1,"price":2}',
     frame()[:-1] + ',"type":"order"}', frame(store="\ud800"), '{"type":"order","ref":"\ud800"}'],
    ids=range(14),
)  # fmt: skip
def test_what_is_no_frame_is_malformed(text: str) -> None:
    with pytest.raises(Malformed):
        decode_client_frame(text)


@given(
    st.text(max_size=40) | st.builds(lambda a, b: frame()[:a] + b, st.integers(0, 70), st.text())
)
def test_no_text_makes_the_reader_fail(text: str) -> None:
    with suppress(ApiError):
        decode_client_frame(text)
    ref = ref_of(text)
    assert ref is None or len(ref) <= 64


@pytest.mark.parametrize(
    ("text", "ref"),
    [
        (frame(store=1), "r1"),
        (frame(x=1), "r1"),
        (frame(ref="x" * 65), None),
        (frame(ref="a\x7f"), None),
        (frame(ref="tür ☕"), "tür ☕"),
        (frame(ref=None), None),
        ('{"type":"order"}', None),
        ("junk", None),
        ("[]", None),
    ],
)
def test_a_refusal_can_name_the_frame_it_answers(text: str, ref: str | None) -> None:
    assert ref_of(text) == ref


@pytest.mark.parametrize("place", [-1, 2, 10**9])
def test_a_store_whose_calendar_is_not_there_is_refused(place: int) -> None:
    damaged = msgspec.structs.replace(VIEW, calendar_of={"central": place})
    with pytest.raises(ValueError, match="calendar"):
        change_from(damaged)
    with pytest.raises(ValueError, match="calendar"):
        change_from(msgspec.structs.replace(VIEW, days=(), calendar_of={}))


@pytest.mark.parametrize("days", [[["Europe/Berlin", 240, 1, 2, 3]], [{"zone": "UTC"}], None])
def test_a_day_that_is_none_is_refused(days: object) -> None:
    sent = json.loads(encode(Delta(epoch="e", from_=1, to=2, view=VIEW)))
    sent["view"]["days"] = days
    with pytest.raises(msgspec.DecodeError):
        decode_server_frame(json.dumps(sent))


def test_times_keep_their_microseconds() -> None:
    change = Change(RETENTION, NOW + timedelta(microseconds=1), {})
    assert change_from(columns(change, WindowTotals(), ())).data_time == change.data_time
