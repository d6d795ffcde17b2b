"""`--plain`: the dashboard as lines of prose that come now and then, for a screen reader."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from coffeert.client.events import Disconnected, FeedEvent, ViewReset
from coffeert.tui.dashboard_state import DashboardState
from coffeert.tui.model.session import Session, follow
from coffeert.tui.model.source import Feed
from coffeert.tui.render.prose import sentences

PLAIN_SECONDS: Final = 10.0
"""Time enough to hear one round before the next."""


async def run_screen_reader(
    state: DashboardState, feed: Feed, say: Callable[[str], None], every: float = PLAIN_SECONDS
) -> None:
    """Follow the feed and say how things stand, at once when the state changes, until cancelled."""
    changed = asyncio.Event()
    session: Session = state.live

    def tell(event: FeedEvent) -> None:
        if isinstance(event, ViewReset | Disconnected):
            changed.set()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(follow(session, feed, tell, lambda urgent: None))
        said: list[str] = []
        while True:
            context = state.frame_context()
            now = sentences(context, state.sums())
            if now != said:
                for sentence in now:
                    say(sentence)
                said = now
            try:
                async with asyncio.timeout(every):
                    await changed.wait()
            except TimeoutError:
                continue
            finally:
                changed.clear()
