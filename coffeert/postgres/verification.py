"""Checking that the rollups equal the orders, and computing them again from the orders."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from coffeert.domain.rollups import Totals
from coffeert.errors import ClusterMismatch
from coffeert.postgres.closings import move_closings
from coffeert.postgres.errors import translate_errors
from coffeert.postgres.leadership import term
from coffeert.postgres.pool import Connection
from coffeert.postgres.queries import sql
from coffeert.postgres.rollups import load_state
from coffeert.postgres.state import OTHER_CLUSTER, locked_state

RollupGrain = Literal["minute", "quarter", "day"]


class GrainCheck(msgspec.Struct, frozen=True):
    """How many cells a grain has, and how many differ, missing ones included."""

    grain: RollupGrain
    cells: int
    differing: int


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A cell whose rollup differs from the sum of its orders; `None` if there is no such cell."""

    grain: RollupGrain
    bucket: int
    store: str
    drink: str
    rollup: Totals | None
    orders: Totals | None


class ActivityDifference(msgspec.Struct, frozen=True, kw_only=True):
    """A minute whose activity differs from that of its orders; `None` if there is no such minute."""

    store: str
    source: str
    minute: datetime
    kept_first: datetime | None
    kept_last: datetime | None
    kept_orders: int | None
    first: datetime | None
    last: datetime | None
    orders: int | None


class ActivityCheck(msgspec.Struct, frozen=True, kw_only=True):
    """How many minutes of stores and sources have activity, and how many differ from their orders.

    Of `stale` ones, which the next passes read again after a void, only the number of orders is compared.
    """

    minutes: int
    differing: int
    stale: int
    examples: tuple[ActivityDifference, ...]


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """The result of comparing every rollup with every counted order, or with a seal.

    `orders` were read; `unread_orders` were not, since their `unread_days` are sealed. Of all `seals`, what
    the days in `broken_seals` hold is not what it was when they were sealed.
    What that leaves out: `uncounted` committed orders, which no pass has seen, and `uncountable` ones that
    break a rule of the table. The last pass was made `pass_age_s` seconds ago by the database's clock;
    `term_over`: its leader has been silent for too long.
    """

    exact: bool
    number: int
    watermark: str
    data_time: datetime
    orders: int
    grains: tuple[GrainCheck, ...]
    examples: tuple[Difference, ...]
    activity: ActivityCheck
    unread_days: int
    unread_orders: int
    seals: int
    broken_seals: tuple[date, ...]
    uncounted: int
    uncountable: int
    pass_age_s: float
    term_over: bool
    seconds: float

    def stalled(self, interval: float) -> bool:
        """Whether orders wait although passes are due, if they are made at least every `interval` s.

        A pass of the future was made before the clock was put back, and none has been made since.
        """
        late = self.term_over and self.pass_age_s > term(interval)
        return self.uncounted > 0 and (late or self.pass_age_s < -term(interval))


class FoundOrders(msgspec.Struct, frozen=True):
    """How many of some orders are stored, and how many of those a pass has counted."""

    stored: int
    counted: int


class Rebuilt(msgspec.Struct, frozen=True, kw_only=True):
    """What a rebuild did: of `cells`, computed from `orders`, `corrected` differed.

    `adopted` orders came from another cluster and got a new transaction id. Of the `seconds` that it took,
    no pass was made for `locked_seconds`.
    """

    lineage: str
    number: int
    orders: int
    cells: int
    corrected: int
    adopted: int
    seconds: float
    locked_seconds: float


async def verify(connection: Connection, *, unread_before: date | None = None) -> Verification:
    """Compare the rollups with the orders that their watermark sees, all from one moment.

    Reads every order once, but for those of sealed days before `unread_before`: there minutes and quarters
    are compared with the seal, and activity is not compared. Writers and passes go on meanwhile. Raises
    `ClusterMismatch`.
    """
    started = time.perf_counter()
    with translate_errors():
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            state = await load_state(connection)
            if not state.here:
                raise ClusterMismatch(OTHER_CLUSTER)
            row = await connection.fetchrow(sql("verify"), state.watermark, unread_before)
            activity = await _check_activity(connection, state.watermark, unread_before)
            left_out = await connection.fetchrow(sql("uncounted_orders"), state.watermark)
    assert row is not None
    assert left_out is not None
    grains = (
        GrainCheck("minute", row["minute_cells"], row["minute_differing"]),
        GrainCheck("quarter", row["quarter_cells"], row["quarter_differing"]),
        GrainCheck("day", row["day_cells"], row["day_differing"]),
    )
    return Verification(
        exact=activity.differing == 0
        and not row["broken_seals"]
        and all(grain.differing == 0 for grain in grains),
        number=state.number,
        watermark=state.watermark,
        data_time=state.data_time,
        orders=row["orders"],
        grains=grains,
        examples=tuple(
            Difference(
                grain=values[0],
                bucket=values[1],
                store=values[2],
                drink=values[3],
                rollup=_totals(*values[4:7]),
                orders=_totals(*values[7:10]),
            )
            for values in row["examples"]
        ),
        activity=activity,
        unread_days=row["unread_days"],
        unread_orders=row["unread_orders"],
        seals=row["seals"],
        broken_seals=tuple(row["broken_seals"]),
        **left_out,
        uncountable=row["uncountable"],
        seconds=time.perf_counter() - started,
    )


async def _check_activity(
    connection: Connection, watermark: str, unread_before: date | None
) -> ActivityCheck:
    row = await connection.fetchrow(sql("verify_activity"), watermark, unread_before)
    assert row is not None
    names = ActivityDifference.__struct_fields__
    return ActivityCheck(
        minutes=row["minutes"],
        differing=row["differing"],
        stale=row["stale"],
        examples=tuple(
            ActivityDifference(**dict(zip(names, values, strict=True)))
            for values in row["examples"]
        ),
    )


async def count_found(
    connection: Connection, order_ids: Sequence[UUID], watermark: str
) -> FoundOrders:
    """Look for orders by id; those that `watermark`, of a verification, sees are counted."""
    with translate_errors():
        row = await connection.fetchrow(sql("count_found"), order_ids, watermark)
    assert row is not None
    return FoundOrders(**row)


async def rebuild(connection: Connection) -> Rebuilt:
    """Compute all rollups from the orders that passes have counted, and begin a new lineage.

    Orders may arrive and passes be made meanwhile: it first notes what each cell lacks, which takes long,
    and then adds that in a moment. Until then nothing has changed. This also repairs a dump that was
    restored on another cluster. The leader is fenced and becomes leader again. All days are sealed again.
    """
    started = time.perf_counter()
    await move_closings(connection)
    adopted = await _adopt_foreign_orders(connection)
    found = None
    while found is None:
        found = await _try_to_rebuild(connection)
    return Rebuilt(**found, adopted=adopted, seconds=time.perf_counter() - started)


async def _try_to_rebuild(connection: Connection) -> dict[str, Any] | None:
    """Return the fields of `Rebuilt`, or None if a calendar or the history changed meanwhile."""
    with translate_errors():
        async with connection.transaction(isolation="read_committed"):
            before = await load_state(connection)
            await connection.execute(sql("begin_corrections"))
            found = await connection.fetchrow(sql("rebuild"), not before.here)
            assert found is not None
            watermark = None if before.here else found["watermark"]
            noted = await connection.fetchval(sql("rebuild_activity"), watermark)
            async with locked_state(connection) as state:
                locked = time.perf_counter()
                if state.lineage != before.lineage:
                    return None
                await connection.execute(sql("apply_corrections"))
                await connection.execute(sql("apply_activity"), noted, watermark or state.watermark)
                row = await connection.fetchrow(
                    sql("finish_rebuild"), watermark, found["uncountable"]
                )
    assert row is not None
    counts = {name: found[name] for name in ("orders", "cells", "corrected")}
    return {**row, **counts, "locked_seconds": time.perf_counter() - locked}


async def _adopt_foreign_orders(connection: Connection) -> int:
    with translate_errors():
        if not await connection.fetchval(sql("has_foreign_orders")):
            return 0
        async with connection.transaction(isolation="read_committed"):
            await connection.execute(sql("allow_adoption"))
            status = await connection.execute(sql("adopt_orders"))
            await connection.execute(sql("forbid_changes"))
            await connection.execute(sql("forget_feed_ticks"))
    return int(status.rpartition(" ")[2])


def _totals(orders: int | None, quantity: int | None, cents: int | None) -> Totals | None:
    if orders is None or quantity is None or cents is None:
        return None
    return Totals(orders, quantity, cents)
