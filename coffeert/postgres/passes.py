"""One pass: it adds to the rollups exactly the orders that the last pass could not see."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import msgspec

from coffeert.domain.orders import Order
from coffeert.domain.retention_window import RetentionWindow
from coffeert.domain.rollups import CellKey, Cells, Totals
from coffeert.domain.watermark import Watermark
from coffeert.errors import ClusterMismatch
from coffeert.postgres.errors import translate_errors
from coffeert.postgres.pool import Connection
from coffeert.postgres.queries import sql
from coffeert.postgres.state import OTHER_CLUSTER, LockedState


class PassResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a pass did: it counted `rows` new orders while `leader` led.

    `previous` is the watermark of the pass before; `nonce` names the leader's term.
    `cells` are the changed ones within the retention window, as absolute values, `recent` the newest 50 of
    the new orders, `data_time` a moment up to which every commit is certainly counted. `uncountable` are
    new orders that break a rule of the table, so that no rollup counts them (`uncountable_in_all` so far).
    `stale_minutes` are those whose first or last sale was voided, and that a later pass reads again.
    """

    lineage: str
    nonce: str
    number: int
    token: int
    leader: str
    previous: Watermark
    watermark: Watermark
    data_time: datetime
    rows: int
    cells: Cells
    recent: tuple[Order, ...]
    uncountable: tuple[UUID, ...] = ()
    uncountable_in_all: int = 0
    stale_minutes: int = 0
    currency: str | None = None


async def advance(
    connection: Connection,
    state: LockedState,
    retention: RetentionWindow,
    *,
    lead_for: float | None,
) -> PassResult:
    """Make one pass inside `locked_state`; it counts once that transaction commits.

    `lead_for` is in seconds: how long the leader counts as alive from now, `None` if the caller
    does not lead. Raises `ClusterMismatch` if the watermark would go back.
    """
    with translate_errors():
        row = await connection.fetchrow(
            sql("pass"), state.watermark, *retention_moments(retention), lead_for
        )
    assert row is not None
    previous, watermark = Watermark.parse(state.watermark), Watermark.parse(row["watermark"])
    if watermark.xmax < previous.xmax:
        # Within one cluster snapshots only move on. The system identifier is the same for two
        # clusters if one is a copy of the other's files.
        raise ClusterMismatch(OTHER_CLUSTER)
    return PassResult(
        lineage=state.lineage,
        nonce=state.nonce,
        number=row["number"],
        token=state.token,
        leader=state.leader,
        previous=previous,
        watermark=watermark,
        data_time=row["data_time"],
        rows=row["rows"],
        cells=cells_from(row["cells"]),
        recent=tuple(Order(*values) for values in row["recent"]),
        uncountable=tuple(row["uncountable"]),
        uncountable_in_all=row["uncountable_before"] + len(row["uncountable"]),
        stale_minutes=row["stale_minutes"],
        currency=state.currency,
    )


def retention_moments(retention: RetentionWindow) -> tuple[datetime, datetime, date]:
    """Return the first minute that is kept, after what hours are kept, and the first date."""
    return (
        _moment(retention.first_minute),
        _moment(retention.hours_after),
        _moment(retention.first_date).date(),
    )


def cells_from(rows: Iterable[Any]) -> Cells:
    """Read rows of (grain, bucket in Unix seconds, store, drink, orders, quantity, cents)."""
    return {CellKey(*row[:4]): Totals(*row[4:]) for row in rows}


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
