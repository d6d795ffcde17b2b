"""Fetches the minutes that a range is compared with, if they reach back further than the view."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Final

from coffeert.domain.rollup_cube import RollupCube
from coffeert.domain.rollups import ZERO, Grain
from coffeert.errors import CoffeertError
from coffeert.tui.dashboard_state import Comparison, DashboardState
from coffeert.tui.model.source import Archive
from coffeert.tui.model.window import Range
from coffeert.wire.frames import Columns, buckets_from, retention_from

REFRESH_SECONDS: Final[dict[str, float]] = {"1 hour": 20.0}
"""How old an earlier window may become: a small part of its length."""

_CHECK_SECONDS: Final = 0.5


async def refresh_comparison(state: DashboardState, archive: Archive) -> None:
    """Fetch the earlier window of the range shown whenever it is missing or too old, until cancelled."""
    while True:
        span = state.span
        if _due(state, span):
            await _fetch(state, archive, span)
        await asyncio.sleep(_CHECK_SECONDS)


def _due(state: DashboardState, span: Range) -> bool:
    every = REFRESH_SECONDS.get(span.name)
    session = state.session
    if every is None or session.view is None or state.live.link.state != "up":
        return False
    earlier, now = state.comparisons.get(span.name), session.now().timestamp()
    if earlier is None or abs(now - earlier.moment) >= every:
        return True
    # A bucket that has begun since then is not in it.
    retention = session.view.cube.retention
    running = retention.running("minute", now)
    return running != retention.running("minute", earlier.moment)


async def _fetch(state: DashboardState, archive: Archive, span: Range) -> None:
    moment = state.session.now()
    try:
        snapshot = await archive.dashboard(moment - timedelta(seconds=span.seconds))
    except CoffeertError:
        # The tiles say that there is nothing to compare with; everything else works without it.
        state.comparisons.pop(span.name, None)
        await asyncio.sleep(REFRESH_SECONDS[span.name] / 4)
        return
    # In a thread: decoding a large menu's snapshot takes long enough to be noticed on the screen.
    cube = await asyncio.to_thread(decode_grain, snapshot.view, "minute")
    max_distance = 2 * REFRESH_SECONDS[span.name]
    state.comparisons[span.name] = Comparison(cube, moment.timestamp(), max_distance)


def decode_grain(columns: Columns, grain: Grain) -> RollupCube:
    """Decode the buckets of one grain; the others are never compared with.

    Each result is garbage a minute later, and the peak of its memory fragments the heap.
    """
    cube = RollupCube(retention_from(columns))
    for start, cells in buckets_from(columns, grain):
        cube.set_bucket(grain, start, {pair: totals for pair, totals in cells if totals != ZERO})
    return cube
