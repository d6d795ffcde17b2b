"""One server: its session, what is shown of it, and its dashboard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import App

from coffeert.client.events import FeedEvent
from coffeert.tui.comparison import refresh_comparison
from coffeert.tui.dashboard_state import DashboardState
from coffeert.tui.history.recorder import Recording
from coffeert.tui.model.alerts import Alert, AlertNotice, Alerts
from coffeert.tui.model.clock import Clock, SystemClock
from coffeert.tui.model.saved_views import SavedViews
from coffeert.tui.model.server_address import ServerAddress
from coffeert.tui.model.session import Session, follow
from coffeert.tui.model.source import Archive, LiveFeed, PastSource
from coffeert.tui.order_actions import OrderActions
from coffeert.tui.order_refresh import refresh_orders
from coffeert.tui.past_reader import follow_seeks
from coffeert.tui.render.glyphs import Glyphs
from coffeert.tui.report_refresh import refresh_reports
from coffeert.tui.screens.dashboard import Dashboard
from coffeert.tui.settings import Settings
from coffeert.wire.orders import encode

if TYPE_CHECKING:
    from coffeert.client.webhook import Webhook
    from coffeert.tui.demo_link import DemoLink
    from coffeert.tui.injection import Injection


class ServerTab:
    """What belongs to one server; several of them know nothing of each other.

    `past` is what is asked for past moments, if that is not the archive.
    """

    def __init__(
        self,
        feed: LiveFeed,
        archive: Archive | None,
        address: ServerAddress,
        glyphs: Glyphs,
        settings: Settings,
        *,
        past: PastSource | None = None,
        has_token: bool = False,
        clock: Clock | None = None,
        injection: Injection | None = None,
        webhook: Webhook | None = None,
        read_only: bool = False,
        demo: DemoLink | None = None,
    ) -> None:
        self.session = Session(clock or SystemClock())
        self.state = DashboardState(self.session, glyphs)
        self.order_actions = OrderActions(self.session, feed, archive)
        self.views = SavedViews(settings.views)
        self.recording = Recording(self.session, address)
        self.dashboard = Dashboard(
            self.state,
            self.order_actions,
            archive,
            self.recording,
            injection,
            Alerts(settings.alerts),
            self.views,
            address=address,
            has_token=has_token,
            reconnect=feed.reconnect_now,
            on_alert=self._post_alert,
            read_only=read_only,
            demo=demo,
        )
        self.feed = feed
        self.injection = injection
        self.address = address
        self._webhook = webhook
        self.archive = archive
        self._past = past or archive

    def start(self, app: App[None]) -> None:
        """Follow the server as workers of an app, whether its dashboard shows or not."""

        def wake(urgent: bool = True) -> None:
            if self.dashboard in app.screen_stack:
                self.dashboard.wake(urgent=urgent)

        work = {"feed": follow(self.session, self.feed, self._record, wake)}
        if self._past is not None:
            warn = self.dashboard.notify_warning
            work["past"] = follow_seeks(self.state, self._past, wake, warn)
        if self.archive is not None:
            work["comparison"] = refresh_comparison(self.state, self.archive)
            work["reports"] = refresh_reports(self.state, self.archive, wake)
            work["orders"] = refresh_orders(self.state, self.archive, wake)
        for name, running in work.items():
            app.run_worker(running, name=name, exit_on_error=True)

    def _record(self, event: FeedEvent) -> None:
        self.recording.record(event)

    def _post_alert(self, alert: Alert, since: str) -> None:
        if self._webhook is not None:
            self._webhook.post(encode(AlertNotice.of(alert, self.address.name, since)))
