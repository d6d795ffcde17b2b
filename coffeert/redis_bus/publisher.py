"""Publishes passes of the aggregator: the snapshot, the keys for people, and the message."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable, Iterator
from importlib.resources import files
from typing import Final

import msgspec
import structlog

from coffeert.domain.currency import places
from coffeert.domain.orders import Order
from coffeert.domain.rollup_cube import RollupCube
from coffeert.domain.rollups import GRAINS, ZERO, CellKey, Grain, StoreDrink, Totals
from coffeert.errors import Fenced, RedisUnavailable
from coffeert.redis_bus import keys
from coffeert.redis_bus.connection import close_client, open_client, redis_errors
from coffeert.redis_bus.snapshot import RECENT, Meta, encode_bucket, field_name
from coffeert.wire.bus import PassMessage
from coffeert.wire.orders import OrderBody

log = structlog.get_logger(__name__)

MAX_CELLS: Final = 5000
"""The most cells of one message; for more, readers load the snapshot, which is hardly larger."""

_TIMEOUT_SECONDS = 3.0  # writing all cells of a large menu takes a fraction of a second
_SCRIPT = files("coffeert.redis_bus").joinpath("publish.lua").read_text("utf-8")

_REWRITTEN = 2
"""Unchanged buckets that each pass writes again in turn, in case somebody has changed them in Redis."""

_encode = msgspec.json.Encoder().encode
_ALL_DRINKS = 1_000_000
_BucketKey = tuple[Grain, int]


class HourPlan(msgspec.Struct, frozen=True):
    """What to write to one hour's hash; if `whole`, in place of everything in it."""

    key: str
    ttl: int
    whole: bool
    fields: list[str]
    """Names and values alternate."""
    empty: list[str]


class PublishPlan(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a publish that the script reads, apart from the meta of the snapshot."""

    whole: bool
    live: list[str]
    """Every bucket field that the snapshot has after this pass."""
    hours: list[HourPlan]
    top: dict[str, int]
    recent: list[str]
    outdated: str = ""
    """The id of what an earlier pass was refused for: this pass's commit has proved it outdated."""
    prefix: str = keys.PREFIX
    protocol: int = keys.PROTOCOL
    protocol_ttl: int = keys.PROTOCOL_TTL_SECONDS
    snapshot_ttl: int = keys.SNAPSHOT_TTL_SECONDS
    fence_ttl: int = keys.FENCE_TTL_SECONDS


class RedisPublisher:
    """Brings Redis to the state after each pass, atomically, and only for the leader.

    It is the aggregator's `Publisher`. What may be written is decided in the script, by the rules in
    docs/redis.md.
    """

    def __init__(self, url: str) -> None:
        """Prepare for the Redis at `url`; raises `ConfigError` if that is not a Redis URL."""
        self._client = open_client(url, timeout=_TIMEOUT_SECONDS)
        self._script = self._client.register_script(_SCRIPT)
        self._refused: tuple[int, str] | None = None
        self._hours: set[str] = set()

    async def publish(
        self, message: PassMessage, cube: RollupCube, recent: tuple[Order, ...]
    ) -> None:
        """Publish a pass: the message, and the cube and the recent orders after it.

        The cube must not change until this returns. Raises `Fenced` if another leader has written, and
        `RedisUnavailable` if it is not known whether anything was written; publishing again is harmless.

        A later pass replaces what an earlier one was refused for, if that is still the same: since it was
        read, PostgreSQL has committed a pass and so confirmed that nobody else leads. So neither another
        database's passes nor what a person has put there stop publishing for good.
        """
        answer = await self._run(message, cube, recent, whole=False)
        if whole := answer == "incomplete":
            answer = await self._run(message, cube, recent, whole=True)
        if answer.startswith("undeclared "):  # hours that another aggregator has published
            self._hours |= set(answer.split()[1:])
            answer = await self._run(message, cube, recent, whole=whole)
        match answer.split():
            case ["written", *foreign]:
                if foreign:
                    log.warning("foreign values in redis replaced", keys=sorted(foreign))
            case ["newer", protocol]:
                raise RedisUnavailable(keys.another_protocol(int(protocol)))
            case ["superseded", found]:
                self._refused = message.number, found
            case ["fenced", token, whose, found]:
                self._refused = message.number, found
                raise Fenced(
                    f"Another aggregator has published with fencing token {token}; "
                    f"this one has {message.token} and must not write.",
                    same_lineage=whose == "own",
                )
            case _:
                raise RedisUnavailable(f"Redis gave the publisher an unknown answer: {answer!r}.")

    async def feed_ticks_wanted(self) -> bool:
        """Return True if a server on a standby wants ticks of the feed; raises `RedisUnavailable`."""
        with redis_errors():
            return bool(await self._client.exists(keys.FEED_WANTED))

    async def close(self) -> None:
        """Close the connection; a later publish opens another."""
        await close_client(self._client)

    async def _run(
        self, message: PassMessage, cube: RollupCube, recent: tuple[Order, ...], *, whole: bool
    ) -> str:
        if whole:  # takes a fraction of a second for a large menu, so not in the event loop
            planned = asyncio.to_thread(plan_publish, message, cube, recent, whole=True)
            plan, fields = await planned
        else:
            plan, fields = plan_publish(message, cube, recent, whole=False)
        if self._refused is not None and message.number > self._refused[0]:
            plan = msgspec.structs.replace(plan, outdated=self._refused[1])
        sent = message
        if message.cells is not None and len(message.cells) > MAX_CELLS:
            sent = msgspec.structs.replace(message, cells=None)
        live_hours = {field for field in plan.live if field.startswith("hour:")}
        names = [
            keys.SNAPSHOT,
            keys.TOP_DRINKS,
            keys.RECENT,
            keys.fence(message.lineage),
            keys.PROTOCOL_IN_USE,
            *(f"{keys.PREFIX}{field}" for field in sorted(live_hours | self._hours)),
        ]
        arguments = [
            _encode(plan),
            _encode(Meta.of(message)),
            keys.PASS_CHANNEL,
            _encode(sent),
            *fields,
        ]
        with redis_errors():
            answer: bytes = await self._script(names, arguments)
        if answer.startswith(b"written"):
            self._hours = live_hours
        return answer.decode()


def plan_publish(
    message: PassMessage, cube: RollupCube, recent: tuple[Order, ...], *, whole: bool
) -> tuple[PublishPlan, list[str | bytes]]:
    """Plan a publish of what the pass changed and a little more, or of everything.

    Returns the plan, and the fields of the snapshot alternating with their values.
    """
    live = [(grain, bucket) for grain in GRAINS for bucket in cube.buckets(grain)]
    if whole or message.cells is None:
        whole, touched = True, live
    else:
        changed = {(GRAINS[cell.grain], cell.bucket) for cell in message.cells}
        changed |= {
            live[(_REWRITTEN * message.number + n) % len(live)] for n in range(_REWRITTEN) if live
        }
        touched = [bucket for bucket in live if bucket in changed]
    bodies = [OrderBody.of(order, places(message.currency)) for order in recent]
    fields: list[str | bytes] = [RECENT, _encode(bodies)]
    for grain, bucket in touched:
        fields += field_name(grain, bucket), encode_bucket(cube.bucket(grain, bucket))
    plan = PublishPlan(
        whole=whole,
        live=[field_name(grain, bucket) for grain, bucket in live],
        protocol_ttl=max(keys.PROTOCOL_TTL_SECONDS, math.ceil(3 * message.stats.interval_s)),
        hours=list(_hours(message, cube, touched, whole=whole)),
        top={drink: totals.orders for drink, totals in cube.top_drinks(_ALL_DRINKS)},
        recent=[_encode(body).decode() for body in bodies],
    )
    return plan, fields


def _hours(
    message: PassMessage, cube: RollupCube, touched: Iterable[_BucketKey], *, whole: bool
) -> Iterator[HourPlan]:
    changed: dict[int, list[StoreDrink]] = {}
    hour = GRAINS.index("hour")
    for cell in () if whole else message.cells or ():
        if cell.grain == hour:
            changed.setdefault(cell.bucket, []).append(StoreDrink(cell.store, cell.drink))
    for grain, bucket in touched:
        if grain == "hour":
            cells = cube.bucket("hour", bucket)
            yield _hour(cube, bucket, changed.get(bucket, cells.keys()))


def _hour(cube: RollupCube, bucket: int, names: Iterable[StoreDrink]) -> HourPlan:
    fields = _figures("total", cube.bucket_sum("hour", bucket))
    empty: list[str] = []
    written = 0
    for store, drink in names:
        totals = cube.get(CellKey("hour", bucket, store, drink))
        figures = _figures(f"{store}/{drink}", totals)
        if totals == ZERO:
            empty += figures[::2]
        else:
            fields += figures
            written += 1
    return HourPlan(
        key=keys.hour(bucket),
        ttl=keys.hour_ttl(bucket, cube.retention.as_of),
        whole=written == len(cube.bucket("hour", bucket)),
        fields=fields,
        empty=empty,
    )


def _figures(name: str, totals: Totals) -> list[str]:
    return [
        f"{name}:orders", str(totals.orders),
        f"{name}:quantity", str(totals.quantity),
        f"{name}:revenue_cents", str(totals.cents),
    ]  # fmt: skip
