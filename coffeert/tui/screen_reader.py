"""`--plain`: the dashboard as sentences, repeated when they change, for a screen reader."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from coffeert.client.events import Beat, Disconnected, FeedEvent, ViewReset
from coffeert.tui.dashboard_state import DashboardState
from coffeert.tui.model.alerts import AlertNotice, Alerts
from coffeert.tui.model.session import Session, follow
from coffeert.tui.model.source import Archive, LiveFeed
from coffeert.tui.render.alerts import clock
from coffeert.tui.render.prose import sentences, zone_sentence
from coffeert.tui.report_refresh import refresh_reports
from coffeert.wire.orders import encode

if TYPE_CHECKING:
    from coffeert.client.webhook import Webhook

REPEAT_SECONDS: Final = 10.0
"""Time enough to listen to all sentences before the next ones."""
_ALERT_SECONDS: Final = 1.0

NO_ALERTS: Final = Alerts({})


class ScreenReader:
    """Says what is new of a feed: how things stand every few seconds, alerts when they begin and end."""

    def __init__(
        self,
        state: DashboardState,
        say: Callable[[str], None],
        alerts: Alerts,
        webhook: Webhook | None,
        server: str,
    ) -> None:
        self._state = state
        self._say = say
        self._alerts = alerts
        self._webhook = webhook
        self._server = server
        self._said: list[str] = []
        self._zone_said = False

    def report(self) -> None:
        """Say how things stand, if that is not what was said last."""
        session: Session = self._state.live
        if session.hello is not None and not self._zone_said:
            self._zone_said = True
            self._say(zone_sentence(session.now(), session.zone()))
        now = sentences(self._state.frame_context(), self._state.sums())
        for sentence in now if now != self._said else ():
            self._say(sentence)
        self._said = now

    async def watch_alerts(self) -> None:
        """Say and post each alert as it begins and ends, until cancelled."""
        while True:
            session = self._state.live
            for alert in self._alerts.observe(session):
                since = clock(alert.since, session.now(), session.zone())
                word = "Alert" if alert.ended is None else "Alert over"
                self._say(f"{word} {alert.sentence(since)}")
                if self._webhook is not None:
                    self._webhook.post(encode(AlertNotice.of(alert, self._server, since)))
            await asyncio.sleep(_ALERT_SECONDS)


async def run_screen_reader(
    state: DashboardState,
    feed: LiveFeed,
    say: Callable[[str], None],
    every: float = REPEAT_SECONDS,
    archive: Archive | None = None,
    *,
    alerts: Alerts = NO_ALERTS,
    webhook: Webhook | None = None,
    server: str = "",
    dated: bool = False,
) -> None:
    """Follow the feed and pass sentences to `say`, at once if the connection changes, until cancelled.

    A view is not described before a heartbeat has said what time it is: it may be old. `dated`: the clock
    is that of the views, as in a replay.
    """
    changed = asyncio.Event()
    reader = ScreenReader(state, say, alerts, webhook, server)

    def on_event(event: FeedEvent) -> None:
        nonlocal dated
        first = isinstance(event, Beat) and not dated
        dated = dated or first
        if first or isinstance(event, ViewReset | Disconnected):
            changed.set()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(follow(state.live, feed, on_event, lambda urgent: None))
        if archive is not None:
            tasks.create_task(refresh_reports(state, archive, lambda: None))
        if len(alerts):
            tasks.create_task(reader.watch_alerts())
        if webhook is not None:
            webhook.on_failure = say
            tasks.create_task(webhook.run())
        while True:
            if dated or state.view() is None:
                reader.report()
            try:
                async with asyncio.timeout(every):
                    await changed.wait()
            except TimeoutError:
                continue
            finally:
                changed.clear()
