"""What one publish sends to the script: the fence, the buckets to write, and the keys for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from coffeert.domain.orders import Order
from coffeert.domain.rollups import GRAINS, ZERO, CellKey, Grain, RollupCube, StoreDrink, Totals
from coffeert.redis_bus import keys
from coffeert.redis_bus.snapshot import RECENT, encode_bucket, field_name
from coffeert.wire.bus import PassMessage
from coffeert.wire.orders import OrderBody

_ALL_DRINKS = 1_000_000

Bucket = tuple[Grain, int]


class HourPlan(msgspec.Struct, frozen=True):
    """What to write to one hour's hash; `whole` where nothing else of it is to stay."""

    key: str
    ttl: int
    whole: bool
    fields: list[str]
    """Names and values in turn."""
    empty: list[str]


class PublishPlan(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a publish, besides the snapshot's meta, that the script looks into."""

    whole: bool
    live: list[str]
    """Every bucket field that the snapshot has after this pass."""
    hour_keys: list[str]
    """The hash of every hour in `live`."""
    hours: list[HourPlan]
    top: dict[str, int]
    recent: list[str]
    prefix: str = keys.PREFIX
    picture_ttl: int = keys.PICTURE_TTL
    fence_ttl: int = keys.FENCE_TTL


_encode = msgspec.json.Encoder().encode


def plan_publish(
    message: PassMessage, picture: RollupCube, recent: tuple[Order, ...], *, whole: bool
) -> tuple[PublishPlan, list[str | bytes]]:
    """PublishPlan a publish of what the pass changed, or of everything.

    Returns the plan, and the snapshot's fields and their values in turn.
    """
    live = [(grain, bucket) for grain in GRAINS for bucket in picture.buckets(grain)]
    if whole or message.cells is None:
        whole, touched = True, live
    else:
        changed = {(GRAINS[cell.grain], cell.bucket) for cell in message.cells}
        touched = [bucket for bucket in live if bucket in changed]
    bodies = [OrderBody.of(order) for order in recent]
    fields: list[str | bytes] = [RECENT, _encode(bodies)]
    for grain, bucket in touched:
        fields += field_name(grain, bucket), encode_bucket(picture.bucket(grain, bucket))
    plan = PublishPlan(
        whole=whole,
        live=[field_name(grain, bucket) for grain, bucket in live],
        hour_keys=[keys.hour(bucket) for grain, bucket in live if grain == "hour"],
        hours=list(_hours(message, picture, touched, whole=whole)),
        top={drink: tally.orders for drink, tally in picture.top_drinks(_ALL_DRINKS)},
        recent=[_encode(body).decode() for body in bodies],
    )
    return plan, fields


def _hours(
    message: PassMessage, picture: RollupCube, touched: Iterable[Bucket], *, whole: bool
) -> Iterator[HourPlan]:
    changed: dict[int, list[StoreDrink]] = {}
    hour = GRAINS.index("hour")
    for cell in () if whole else message.cells or ():
        if cell.grain == hour:
            changed.setdefault(cell.bucket, []).append(StoreDrink(cell.store, cell.drink))
    for grain, bucket in touched:
        if grain == "hour":
            cells = picture.bucket("hour", bucket)
            yield _hour(picture, bucket, cells.keys() if whole else changed[bucket])


def _hour(picture: RollupCube, bucket: int, names: Iterable[StoreDrink]) -> HourPlan:
    fields = _figures("total", picture.bucket_sum("hour", bucket))
    empty: list[str] = []
    written = 0
    for store, drink in names:
        tally = picture.get(CellKey("hour", bucket, store, drink))
        figures = _figures(f"{store}/{drink}", tally)
        if tally == ZERO:
            empty += figures[::2]
        else:
            fields += figures
            written += 1
    return HourPlan(
        key=keys.hour(bucket),
        ttl=keys.hour_ttl(bucket, picture.retention.as_of),
        whole=written == len(picture.bucket("hour", bucket)),
        fields=fields,
        empty=empty,
    )


def _figures(name: str, tally: Totals) -> list[str]:
    return [
        f"{name}:orders", str(tally.orders),
        f"{name}:quantity", str(tally.quantity),
        f"{name}:revenue_cents", str(tally.cents),
    ]  # fmt: skip
