"""A pass as the aggregator makes it, without one."""

from __future__ import annotations

from datetime import UTC, tzinfo

from coffeert.domain.rollups import RetentionWindow
from coffeert.postgres.passes import PassResult, advance
from coffeert.postgres.pool import Connection
from coffeert.postgres.state import check_writable, locked_state


async def run_pass(
    connection: Connection, *, token: int | None = None, zone: tzinfo = UTC
) -> PassResult:
    """Make and commit one pass."""
    async with locked_state(connection) as state:
        check_writable(state, token)
        return await advance(connection, state, RetentionWindow.at(state.now, zone), lead_for=None)
