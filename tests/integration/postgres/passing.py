"""A pass as the aggregator makes it, without one."""

from __future__ import annotations

from coffeert.domain.calendar import calendar_span
from coffeert.domain.retention_window import RetentionWindow
from coffeert.postgres.calendars import load_calendars
from coffeert.postgres.passes import PassResult, advance
from coffeert.postgres.pool import Connection
from coffeert.postgres.state import check_writable, locked_state


async def run_pass(connection: Connection, *, token: int | None = None) -> PassResult:
    """Make and commit one pass."""
    async with locked_state(connection) as state:
        check_writable(state, token)
        calendars = await load_calendars(connection, *calendar_span(state.now))
        retention = RetentionWindow.at(state.now, calendars)
        return await advance(connection, state, retention, lead_for=None)
