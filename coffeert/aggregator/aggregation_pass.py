"""One pass: count what is new, in one transaction, and bring the projection to it."""

from __future__ import annotations

import time
from datetime import tzinfo

import msgspec

from coffeert.aggregator.projection import Projection
from coffeert.domain.rollups import RetentionWindow
from coffeert.postgres.passes import PassResult, advance
from coffeert.postgres.pool import Connection
from coffeert.postgres.rollups import load_cells, load_recent
from coffeert.postgres.state import begin_lineage, check_writable, locked_state


class LeaderLease(msgspec.Struct, frozen=True):
    """By what right a pass is made: as leader, with a token and a term in seconds, or beside it."""

    token: int | None = None
    term: float | None = None


class CompletedPass(msgspec.Struct, frozen=True):
    """A committed pass, the projection that it leads to, and how long it took."""

    result: PassResult
    projection: Projection
    milliseconds: float


async def run_pass(
    connection: Connection,
    projection: Projection | None,
    zone: tzinfo,
    mandate: LeaderLease,
    *,
    refused_token: int | None = None,
) -> CompletedPass:
    """Make and commit one pass.

    Where the database has gone back to an earlier state, the pass begins a new lineage, which tells
    every reader to begin again. `refused_token` is one that Redis has refused as stale: tokens only
    ever rise, so if it is still PostgreSQL's own, that is the case too (a restored dump).
    Raises `Fenced`, `ClusterMismatch`, `DatabaseUnavailable`; then nothing has been counted.
    """
    started = time.perf_counter()
    loaded: Projection | None = None
    async with locked_state(connection) as state:
        check_writable(state, mandate.token)
        if state.branched or refused_token == state.token:
            state = await begin_lineage(connection, state)
        retention = RetentionWindow.at(state.now, zone)
        result = await advance(connection, state, retention, lead_for=mandate.term)
        if projection is None or not projection.precedes(result.lineage, result.number, retention):
            # In the same transaction: nobody passes in between.
            cells = await load_cells(connection, retention)
            recent = await load_recent(connection, result.watermark)
            loaded = Projection(result, retention, cells, recent)
    if loaded is not None:
        projection = loaded
    else:
        assert projection is not None
        projection.apply(result, retention)
    return CompletedPass(result, projection, (time.perf_counter() - started) * 1e3)
