"""Asks for the past moment that the viewer wants to see, one at a time: the last one wanted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from coffeert.errors import CoffeertError
from coffeert.tui.dashboard_state import DashboardState
from coffeert.tui.model.past import past_session
from coffeert.tui.model.source import PastSource

_CHECK_SECONDS: Final = 0.05
_TIMEOUT_SECONDS: Final = 15.0


async def follow_seeks(
    state: DashboardState,
    source: PastSource,
    wake: Callable[[], None],
    complain: Callable[[str], None],
) -> None:
    """Show each moment that is sought, until cancelled; a sentence says why one cannot be shown."""
    travel = state.travel
    while True:
        await asyncio.sleep(_CHECK_SECONDS)
        moment = travel.sought
        if moment is None:
            continue
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                snapshot = await source.dashboard(moment)
        except (CoffeertError, TimeoutError) as error:
            travel.give_up(moment)
            complain(str(error) or "The server did not answer in time.")
        else:
            # In a thread: decoding a large menu's view takes long enough to be noticed on the screen.
            past = await asyncio.to_thread(past_session, snapshot, state.live, moment)
            travel.show(moment, past)
            state.freeze(on=False)
        wake()
