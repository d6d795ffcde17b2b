"""`--plain`: the dashboard as sentences, repeated when they change, for a screen reader."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from coffeert.client.events import Disconnected, FeedEvent, ViewReset
from coffeert.tui.dashboard_state import DashboardState
from coffeert.tui.model.session import Session, follow
from coffeert.tui.model.source import Archive, Feed
from coffeert.tui.render.prose import sentences
from coffeert.tui.report_refresh import refresh_reports

REPEAT_SECONDS: Final = 10.0
"""Time enough to listen to all sentences before the next ones."""


async def run_screen_reader(
    state: DashboardState,
    feed: Feed,
    say: Callable[[str], None],
    every: float = REPEAT_SECONDS,
    archive: Archive | None = None,
) -> None:
    """Follow the feed and pass sentences to `say`, at once if the connection changes, until cancelled."""
    changed = asyncio.Event()
    session: Session = state.live

    def on_event(event: FeedEvent) -> None:
        if isinstance(event, ViewReset | Disconnected):
            changed.set()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(follow(session, feed, on_event, lambda urgent: None))
        if archive is not None:
            tasks.create_task(refresh_reports(state, archive, lambda: None))
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
