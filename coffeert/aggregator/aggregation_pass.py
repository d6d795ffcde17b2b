"""One pass: count the new orders in one transaction, and bring the projection up to date."""

from __future__ import annotations

import time

import msgspec

from coffeert.aggregator.projection import Projection
from coffeert.domain.calendar import MARGIN_SECONDS, Calendars, calendar_span
from coffeert.domain.coverage import Coverage
from coffeert.domain.currency import places
from coffeert.domain.retention_window import RetentionWindow
from coffeert.domain.watermark import Watermark
from coffeert.postgres.calendars import load_calendars
from coffeert.postgres.leadership import RENEW_SECONDS, renew_lease
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
    last: PassResult | None = None,
    refused: PassResult | None = None,
) -> CompletedPass:
    """Make and commit one pass.

    If the database has gone back to an earlier state (a restored dump or copy of its files, a promoted
    standby), the pass begins a new lineage, and every reader loads everything again. `last` is the last
    pass that this process has committed: it must still have happened. `refused` is one that Redis has
    refused since it knows a later one of the same lineage: if no leader has followed in PostgreSQL, that
    later one is missing here.
    Raises `Fenced`, `ClusterMismatch`, `DatabaseUnavailable`; then nothing has been counted.
    """
    started = time.perf_counter()
    loaded: Projection | None = None
    async with locked_state(connection) as state:
        check_writable(state, lease.token)
        if state.branched or _lacks(state, last) or _is_by(refused, state):
            state = await begin_lineage(connection, state)
        calendars = await _calendars(connection, projection, state)
        retention = RetentionWindow.at(state.now, calendars)
        result = await advance(connection, state, retention, lead_for=lease.term)
        if projection is None or not projection.precedes(result, retention):
            # In the same transaction, so that no other pass is made in between.
            cells = await load_cells(connection, retention)
            recent = await load_recent(connection, result.watermark)
            loaded = Projection(result, calendars, retention, cells, recent)
        if lease.token is not None and time.perf_counter() - started > RENEW_SECONDS:
            # The term was counted from the beginning of the pass.
            await renew_lease(connection, lease.token, lease.term)
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


def _lacks(state: LockedState, last: PassResult | None) -> bool:
    """Whether a pass that was committed is missing from the database."""
    if last is None or last.lineage != state.lineage:
        return False
    watermark = Watermark.parse(state.watermark)
    return (
        state.number < last.number
        or watermark.xmax < last.watermark.xmax
        or (state.number == last.number and watermark != last.watermark)
    )


def _is_by(made: PassResult | None, state: LockedState) -> bool:
    return made is not None and (made.lineage, made.token) == (state.lineage, state.token)


def message_of(result: PassResult, retention: RetentionWindow, stats: PassStats) -> PassMessage:
    """Write what a pass did as the message that is published; `retention` is that of the pass."""
    return PassMessage(
        lineage=result.lineage,
        nonce=result.nonce,
        number=result.number,
        token=result.token,
        previous=str(result.previous),
        watermark=str(result.watermark),
        data_time=result.data_time,
        covers=Coverage.of(retention),
        stats=stats,
        cells=pass_cells(result.cells),
        recent=[OrderBody.of(order, places(result.currency)) for order in result.recent],
        currency=result.currency,
    )
