"""One pass: count the new orders in one transaction, and bring the projection up to date."""

from __future__ import annotations

import time

import msgspec

from coffeert.aggregator.projection import Projection
from coffeert.domain.calendar import MARGIN_SECONDS, Calendars, calendar_span
from coffeert.domain.rollups import RetentionWindow
from coffeert.postgres.calendars import load_calendars
from coffeert.postgres.passes import PassResult, advance
from coffeert.postgres.pool import Connection
from coffeert.postgres.rollups import load_cells, load_recent
from coffeert.postgres.state import LockedState, begin_lineage, check_writable, locked_state
from coffeert.wire.bus import PassMessage, PassStats, pass_cells
from coffeert.wire.orders import OrderBody


class LeaderLease(msgspec.Struct, frozen=True):
    """The right to make passes as leader: a fencing token, and a term in seconds.

    Without a token, passes are made beside those of the leader.
    """

    token: int | None = None
    term: float | None = None


class CompletedPass(msgspec.Struct, frozen=True):
    """A committed pass, the projection after it, and how long it took."""

    result: PassResult
    projection: Projection
    milliseconds: float


async def run_pass(
    connection: Connection,
    projection: Projection | None,
    lease: LeaderLease,
    *,
    refused_token: int | None = None,
) -> CompletedPass:
    """Make and commit one pass.

    If the database has gone back to an earlier state, the pass begins a new lineage, and every reader
    loads everything again. `refused_token` is one that Redis has refused as stale: tokens only ever rise,
    so if it is still PostgreSQL's own, the database has gone back too (a restored dump).
    Raises `Fenced`, `ClusterMismatch`, `DatabaseUnavailable`; then nothing has been counted.
    """
    started = time.perf_counter()
    loaded: Projection | None = None
    async with locked_state(connection) as state:
        check_writable(state, lease.token)
        if state.branched or refused_token == state.token:
            state = await begin_lineage(connection, state)
        calendars = await _calendars(connection, projection, state)
        retention = RetentionWindow.at(state.now, calendars)
        result = await advance(connection, state, retention, lead_for=lease.term)
        if projection is None or not projection.precedes(result.lineage, result.number, retention):
            # In the same transaction, so that no other pass is made in between.
            cells = await load_cells(connection, retention)
            recent = await load_recent(connection, result.watermark)
            loaded = Projection(result, calendars, retention, cells, recent)
    if loaded is not None:
        projection = loaded
    else:
        assert projection is not None
        projection.apply(result, retention)
    return CompletedPass(result, projection, (time.perf_counter() - started) * 1e3)


async def _calendars(
    connection: Connection, projection: Projection | None, state: LockedState
) -> Calendars:
    # Changing a calendar begins a lineage.
    if (
        projection is not None
        and projection.lineage == state.lineage
        and projection.calendars.reaches(int(state.now.timestamp()) + MARGIN_SECONDS)
    ):
        return projection.calendars
    return await load_calendars(connection, *calendar_span(state.now))


def message_of(result: PassResult, stats: PassStats) -> PassMessage:
    """Write what a pass did as the message that is published."""
    return PassMessage(
        lineage=result.lineage,
        number=result.number,
        token=result.token,
        watermark=str(result.watermark),
        data_time=result.data_time,
        stats=stats,
        cells=pass_cells(result.cells),
        recent=[OrderBody.of(order) for order in result.recent],
    )
