"""The frames of `/ws/dashboard`, and `/api/dashboard`, which is one of them.

Cells are sent as columns (`coffeert.wire.columns`): each frame lists the store and drink codes that it
uses, and a bucket is `[start, keys, orders, quantity, cents]` with parallel lists, where a key is
`store index * number of drinks + drink index`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Annotated, Final

import msgspec

from coffeert.domain.currency import DEFAULT_PLACES
from coffeert.domain.retention_window import LocalDay, RetentionWindow
from coffeert.domain.rollup_cube import WindowTotals
from coffeert.domain.rollups import GRAINS, Cells, Grain, StoreDrink, Totals
from coffeert.domain.view import Change
from coffeert.errors import ApiError, FieldError, Malformed
from coffeert.wire.columns import CellColumns, from_columns, from_grid, grid_offsets, to_columns
from coffeert.wire.health import Health
from coffeert.wire.order_requests import OrderRequest, VoidRequest, field_checks
from coffeert.wire.orders import MenuBody, OrderBody
from coffeert.wire.validation import NOT_DECODED, describe_invalid_fields, refuse_repeated_fields

PROTOCOL = 2

LOGIN_EXPIRED = 4001
SLOW_CLIENT = 4008
SERVICE_RESTART = 1012


class Bucket(msgspec.Struct, frozen=True, array_like=True):
    """One bucket's cells as parallel columns; `start` in Unix seconds."""

    start: int
    keys: list[int]
    orders: list[int]
    quantity: list[int]
    cents: list[int]


class TopDrink(msgspec.Struct, frozen=True):
    """A drink and its sums over 30 days."""

    drink: str
    orders: int
    quantity: int
    cents: int


class Columns(msgspec.Struct, frozen=True, kw_only=True):
    """A change as it is sent. Cells are absolute; a cell of zeros has become empty.

    `as_of` is the start of the current minute in Unix seconds. `days` has each calendar; the first is that
    of all stores but those in `calendar_of`, which gives their places. A reader drops what lies before its
    windows. `data_time` is the moment up to which every commit is
    certainly included. `totals` are `[orders, quantity, cents]` over each whole window.
    """

    as_of: int
    days: tuple[LocalDay, ...]
    calendar_of: dict[str, int]
    data_time: datetime
    stores: list[str]
    drinks: list[str]
    minute: list[Bucket]
    hour: list[Bucket]
    day: list[Bucket]
    totals: WindowTotals
    top: list[TopDrink]
    recent: list[OrderBody]


class Snapshot(msgspec.Struct, frozen=True, kw_only=True, tag="snapshot", omit_defaults=True):
    """The whole view at one version; also the body of `/api/dashboard`, which says the currency."""

    epoch: str
    version: int
    view: Columns
    health: Health | None = None
    currency: str | None = None


class Delta(msgspec.Struct, frozen=True, kw_only=True, tag="delta", rename={"from_": "from"}):
    """The change from one version to a later one.

    It applies if the epoch is the reader's own and `from <= its version < to`.
    """

    epoch: str
    from_: int
    to: int
    view: Columns


class Hello(msgspec.Struct, frozen=True, kw_only=True, tag="hello"):
    """The first frame. `heartbeat` is in seconds; without a frame for several of them the link is dead."""

    protocol: int
    server: str
    epoch: str
    version: int
    heartbeat: float
    timezone: str
    menu: MenuBody


class MenuChanged(msgspec.Struct, frozen=True, kw_only=True, tag="menu"):
    """The menu has changed."""

    menu: MenuBody


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True, tag="heartbeat"):
    """Sent at intervals: the version that the reader should have, and the health of the server."""

    epoch: str
    version: int
    data_time: datetime
    server_time: datetime
    health: Health


class Ack(msgspec.Struct, frozen=True, kw_only=True, tag="ack"):
    """An order is committed. `status` as over HTTP: 201 stored now, 200 was already stored."""

    ref: str
    status: int
    order: OrderBody


class Refusal(msgspec.Struct, frozen=True, kw_only=True, tag="error", omit_defaults=True):
    """The server refused a client's frame; the fields are those of a problem document."""

    status: int
    title: str
    detail: str
    ref: str | None = None
    errors: tuple[FieldError, ...] = ()
    retry_after: float | None = None


class Goodbye(msgspec.Struct, frozen=True, kw_only=True, tag="goodbye"):
    """The server closes; reconnect after `retry_after` seconds (jittered for each client)."""

    reason: str
    retry_after: float


ServerFrame = Hello | Snapshot | Delta | MenuChanged | Heartbeat | Ack | Refusal | Goodbye


# Without control characters: it comes back in answers, which may be printed to a terminal.
Ref = Annotated[str, msgspec.Meta(max_length=64, pattern=r"^[^\x00-\x1f\x7f-\x9f]*\Z")]


class OrderFrame(OrderRequest, frozen=True, kw_only=True, tag="order"):
    """An order from a client: the fields of the HTTP body, and `ref`, which the answer repeats."""

    ref: Ref


class VoidFrame(VoidRequest, frozen=True, kw_only=True, tag="void"):
    """A client cancels the order whose id or key is `void`; the answer repeats `ref`."""

    ref: Ref


class Resync(msgspec.Struct, frozen=True, tag="resync", forbid_unknown_fields=True):
    """A client asks for a snapshot."""


ClientFrame = OrderFrame | VoidFrame | Resync

decode_server_frame = msgspec.json.Decoder(ServerFrame).decode
decode_snapshot = msgspec.json.Decoder(Snapshot).decode
encode = msgspec.json.Encoder().encode
_CLIENT_FRAMES: dict[str, type[msgspec.Struct]] = {
    "order": OrderFrame,
    "void": VoidFrame,
    "resync": Resync,
}
ORDERING: Final = frozenset({"order", "void"})
"""The types of frames that only those may send who may order."""
_client_frame: msgspec.json.Decoder[ClientFrame] = msgspec.json.Decoder(ClientFrame)


class Peek(msgspec.Struct):
    """The fields that are needed to refuse a frame that is invalid or that there is no time to read."""

    type: str = ""
    ref: Ref | None = None


_peek: msgspec.json.Decoder[Peek] = msgspec.json.Decoder(Peek)


def decode_client_frame(text: str, places: int = DEFAULT_PLACES) -> ClientFrame:
    """Read a frame from a client; raises `Malformed` or `Invalid` as `decode_order` does."""
    try:
        frame: ClientFrame = _client_frame.decode(text)
    except NOT_DECODED:
        raise _explained(text, places) from None
    if isinstance(frame, OrderFrame):
        refuse_repeated_fields(text.encode(), frame.count_fields() + 1)  # "type"
    elif isinstance(frame, VoidFrame):
        refuse_repeated_fields(text.encode(), 3)
    return frame


def peek(text: str) -> Peek | None:
    """Return the type and the ref of a frame, or `None` if they cannot be read."""
    try:
        return _peek.decode(text)
    except NOT_DECODED:
        return None


def ref_of(text: str) -> str | None:
    """Return the ref of a frame that is otherwise invalid, so that the sender knows which was refused."""
    found = peek(text)
    return None if found is None else found.ref


def _explained(text: str, places: int) -> ApiError:
    try:
        kind = msgspec.json.decode(text, type=Peek).type
    except msgspec.ValidationError:
        # A ref of the wrong type, most likely; or no object at all.
        kind = "order" if text.lstrip().startswith("{") else ""
    except NOT_DECODED:
        return Malformed("The frame is not a JSON object in UTF-8.")
    expected = _CLIENT_FRAMES.get(kind)
    if expected is None:
        fault = FieldError("type", "must be order, void or resync")
        return Malformed("The frame has no type that is known.", errors=(fault,))
    checks = field_checks(places) if expected is OrderFrame else {}
    return describe_invalid_fields(text, expected, checks, noun="frame")


def columns(
    change: Change,
    totals: WindowTotals,
    top: Iterable[tuple[str, Totals]],
    places: int = DEFAULT_PLACES,
) -> Columns:
    """Return a change, and the sums over the view after it, as columns; orders with so many places."""
    rows, offsets = grid_offsets(
        (key.store for key in change.cells), (key.drink for key in change.cells)
    )
    grains: dict[Grain, dict[int, list[tuple[int, Totals]]]] = {grain: {} for grain in GRAINS}
    for key, sums in change.cells.items():
        cell = rows[key.store] + offsets[key.drink], sums
        grains[key.grain].setdefault(key.bucket, []).append(cell)
    buckets = {
        grain: [Bucket(start, *to_columns(cells)) for start, cells in sorted(starts.items())]
        for grain, starts in grains.items()
    }
    return Columns(
        as_of=change.retention.as_of,
        days=change.retention.days,
        calendar_of=change.retention.calendar_of,
        data_time=change.data_time,
        stores=list(rows),
        drinks=list(offsets),
        minute=buckets["minute"],
        hour=buckets["hour"],
        day=buckets["day"],
        totals=totals,
        top=[TopDrink(drink, *sums) for drink, sums in top],
        recent=[OrderBody.of(order, places) for order in change.recent],
    )


def retention_from(columns: Columns) -> RetentionWindow:
    """Return the retention window of columns; raises `ValueError` if a store has no calendar."""
    places = {0, *columns.calendar_of.values()}
    if not all(0 <= place < len(columns.days) for place in places):
        raise ValueError("a store has a calendar that is not there")
    return RetentionWindow(columns.as_of, columns.days, columns.calendar_of)


def change_from(columns: Columns) -> Change:
    """Read columns back into a change; raises `LookupError` or `ValueError` if they make no sense."""
    cells: Cells = {}
    for grain in GRAINS:
        for bucket in _buckets(columns, grain):
            cells.update(
                from_grid(grain, bucket.start, _values(bucket), columns.stores, columns.drinks)
            )
    return Change(
        retention=retention_from(columns),
        data_time=columns.data_time,
        cells=cells,
        recent=tuple(body.order() for body in columns.recent),
    )


def buckets_from(
    columns: Columns, grain: Grain
) -> Iterator[tuple[int, Iterator[tuple[StoreDrink, Totals]]]]:
    """Read one grain's buckets: the start of each, and its cells.

    A pair of store and drink is the same object in all buckets.
    """
    pairs = [StoreDrink(store, drink) for store in columns.stores for drink in columns.drinks]
    for bucket in _buckets(columns, grain):
        yield bucket.start, from_columns(_values(bucket), pairs)


def _buckets(columns: Columns, grain: Grain) -> list[Bucket]:
    return {"minute": columns.minute, "hour": columns.hour, "day": columns.day}[grain]


def _values(bucket: Bucket) -> CellColumns:
    return bucket.keys, bucket.orders, bucket.quantity, bucket.cents
