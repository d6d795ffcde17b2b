"""The past window: fetched now and then, for ranges longer than what is at hand."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Final

from coffeert.domain.rollups import ZERO, Grain, RetentionWindow, RollupCube, floor
from coffeert.errors import CoffeertError
from coffeert.tui.dashboard_state import DashboardState, Past
from coffeert.tui.model.ranges import Range, RangeName
from coffeert.tui.model.source import Archive
from coffeert.wire.frames import Columns, buckets_from

REFRESH_SECONDS: Final[dict[RangeName, float]] = {"1h": 20.0, "24h": 60.0, "30d": 300.0}
"""How old a past window may grow: a small part of the window."""

_LOOK_SECONDS = 0.5


async def keep_past(board: DashboardState, archive: Archive) -> None:
    """Fetch the past of the range on the screen whenever it is missing or too old."""
    while True:
        span = board.span
        if _due(board, span):
            await _fetch(board, archive, span)
        await asyncio.sleep(_LOOK_SECONDS)


def _due(board: DashboardState, span: Range) -> bool:
    every = REFRESH_SECONDS.get(span.name)
    session = board.session
    if every is None or session.view is None or board.live.link.state != "up":
        return False
    past, now = board.past.get(span.name), session.now().timestamp()
    if past is None or abs(now - past.moment) >= every:
        return True
    # A bucket that has begun since is not in that picture.
    return floor(int(now), span.grain) != floor(int(past.moment), span.grain)


async def _fetch(board: DashboardState, archive: Archive, span: Range) -> None:
    moment = board.session.now()
    try:
        snapshot = await archive.dashboard(moment - timedelta(seconds=span.seconds))
    except CoffeertError:
        # The comparison is missing for a while, and the tiles say so; the picture does not need it.
        board.past.pop(span.name, None)
        await asyncio.sleep(REFRESH_SECONDS[span.name] / 4)
        return
    # A large menu's picture takes a while to unpack; the screen goes on meanwhile.
    picture = await asyncio.to_thread(unpack, snapshot.view, span.grain)
    board.past[span.name] = Past(picture, moment.timestamp(), 2 * REFRESH_SECONDS[span.name])
    board.session.revision += 1


def unpack(columns: Columns, grain: Grain) -> RollupCube:
    """Read the buckets of one grain into a picture: those that a range compares itself with.

    Every refresh is garbage a minute later, and what it takes at its peak may leave holes in the memory.
    So the other grains are left packed.
    """
    picture = RollupCube(RetentionWindow(columns.as_of, columns.today_start))
    for start, cells in buckets_from(columns, grain):
        picture.set_bucket(grain, start, {pair: tally for pair, tally in cells if tally != ZERO})
    return picture
