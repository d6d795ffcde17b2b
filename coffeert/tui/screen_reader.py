"""`--plain`: the dashboard as sentences, repeated when they change, for a screen reader."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from coffeert.client.events import Beat, Disconnected, FeedEvent, ViewReset
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
    """Follow the feed and pass sentences to `say`, at once if the connection changes, until cancelled.

    A view is not described before a heartbeat has said what time it is: it may be old.
    """
    changed = asyncio.Event()
    session: Session = state.live
    dated = False

    def on_event(event: FeedEvent) -> None:
        nonlocal dated
        first = isinstance(event, Beat) and not dated
        dated = dated or first
        if first or isinstance(event, ViewReset | Disconnected):
            changed.set()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(follow(session, feed, on_event, lambda urgent: None))
        if archive is not None:
            tasks.create_task(refresh_reports(state, archive, lambda: None))
        said: list[str] = []
        while True:
            if dated or state.view() is None:
                now = sentences(state.frame_context(), state.sums())
                for sentence in now if now != said else ():
                    say(sentence)
                said = now
            try:
                async with asyncio.timeout(every):
                    await changed.wait()
            except TimeoutError:
                continue
            finally:
                changed.clear()
