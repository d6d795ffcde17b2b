"""The terminal dashboard: creates state, feed, session and screen, and connects them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

from textual.app import App, SystemCommand
from textual.notifications import SeverityLevel
from textual.screen import Screen

from coffeert.client.events import FeedEvent
from coffeert.tui.bindings import readable
from coffeert.tui.comparison import refresh_comparison
from coffeert.tui.dashboard_state import DashboardState
from coffeert.tui.history.recorder import Recording
from coffeert.tui.model.alerts import Alert, AlertNotice, Alerts
from coffeert.tui.model.clock import Clock, SystemClock
from coffeert.tui.model.saved_views import SavedViews
from coffeert.tui.model.server_address import ServerAddress
from coffeert.tui.model.session import Session, follow
from coffeert.tui.model.source import Archive, Feed, PastSource
from coffeert.tui.order_actions import OrderActions
from coffeert.tui.order_refresh import refresh_orders
from coffeert.tui.past_reader import follow_seeks
from coffeert.tui.render.appearance import Appearance
from coffeert.tui.render.glyphs import GLYPHS, Glyphs
from coffeert.tui.render.layout import FULL, TALL
from coffeert.tui.render.palette import THEMES, Palette, PlainPalette
from coffeert.tui.report_refresh import refresh_reports
from coffeert.tui.saved_state import capture_state, save_state
from coffeert.tui.screens.dashboard import Dashboard
from coffeert.tui.settings import Settings
from coffeert.tui.textual_workarounds import RELEASE_SECONDS, release_memory
from coffeert.wire.orders import encode

if TYPE_CHECKING:
    from coffeert.client.webhook import Webhook
    from coffeert.tui.demo_link import DemoLink
    from coffeert.tui.injection import Injection

DEFAULT_APPEARANCE = Appearance()
NO_SETTINGS = Settings()
PLAIN = PlainPalette()


class CoffeertApp(App[None]):
    """The dashboard of one feed; the viewer's choices are kept in the file `state_path`.

    `past` is what is asked for past moments, if that is not the archive.
    """

    TITLE = "coffeert"
    ENABLE_COMMAND_PALETTE = True
    # One notice at a time, at the top right; on small terminals in two lines at most.
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (FULL, "-broad")]  # noqa: RUF012 (as Textual has it)
    VERTICAL_BREAKPOINTS = [(0, "-low"), (TALL, "-high")]  # noqa: RUF012 (as Textual has it)
    CSS = """
    .-ascii Modal > .box { border: ascii $accent; scrollbar-size-vertical: 0; }
    .-ascii SelectCurrent .arrow { display: none; }
    ToastRack { dock: top; align: right top; margin: 2 0 0 0; scrollbar-size-vertical: 0; }
    ToastHolder { align-horizontal: right; display: none; }
    ToastHolder:last-child { display: block; }
    Toast { margin: 0; padding: 0 1; }
    .-narrow ToastHolder, .-low ToastHolder { max-height: 2; }
    .-narrow Toast, .-low Toast { width: 1fr; max-width: 100%; }
    """

    def __init__(
        self,
        feed: Feed,
        archive: Archive | None,
        *,
        url: str | ServerAddress,
        past: PastSource | None = None,
        has_token: bool = False,
        clock: Clock | None = None,
        appearance: Appearance = DEFAULT_APPEARANCE,
        settings: Settings = NO_SETTINGS,
        injection: Injection | None = None,
        webhook: Webhook | None = None,
        state_path: Path | None = None,
        read_only: bool = False,
        demo: DemoLink | None = None,
    ) -> None:
        # With NO_COLOR no colour at all is sent, not even shades of grey.
        super().__init__(ansi_color=True if "NO_COLOR" in os.environ else None)
        self.glyphs: Glyphs = GLYPHS[appearance.glyphs]
        self.set_class(appearance.glyphs == "ascii", "-ascii")
        self.set_keymap(dict(settings.keys))
        address = url if isinstance(url, ServerAddress) else ServerAddress(url)
        self.session = Session(clock or SystemClock())
        self.state = DashboardState(self.session, self.glyphs)
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
        self._address = address
        self._webhook = webhook
        self.feed = feed
        self.injection = injection
        self._archive = archive
        self._past = past or archive
        self._state_path = state_path
        for known in THEMES:
            self.register_theme(known)
        theme = appearance.theme
        self.theme = theme if theme in self.available_themes else DEFAULT_APPEARANCE.theme
        self._palette: tuple[str, Palette] | None = None

    @property
    def palette(self) -> Palette:
        """The styles of the theme in use."""
        if self.no_color:
            return PLAIN
        if self._palette is None or self._palette[0] != self.theme:
            colors = self.current_theme.to_color_system().generate()
            self._palette = self.theme, Palette(colors, dark=self.current_theme.dark)
        return self._palette[1]

    def get_default_screen(self) -> Screen[None]:
        """Return the dashboard as the first screen."""
        return self.dashboard

    def on_mount(self) -> None:
        self.set_interval(RELEASE_SECONDS, release_memory)
        if self._webhook is not None:
            self._webhook.on_failure = self.dashboard.notify_warning
            self.run_worker(self._webhook.run(), name="webhook", exit_on_error=True)
        self.run_worker(
            follow(self.session, self.feed, self._record, self._wake),
            name="feed",
            exit_on_error=True,
        )
        if self._past is not None:
            self.run_worker(
                follow_seeks(
                    self.state, self._past, lambda: self._wake(True), self.dashboard.notify_warning
                ),
                name="past",
                exit_on_error=True,
            )
        if self._archive is not None:
            self.run_worker(
                refresh_comparison(self.state, self._archive),
                name="comparison",
                exit_on_error=True,
            )
            self.run_worker(
                refresh_reports(self.state, self._archive, lambda: self._wake(True)),
                name="reports",
                exit_on_error=True,
            )
            self.run_worker(
                refresh_orders(self.state, self._archive, lambda: self._wake(True)),
                name="orders",
                exit_on_error=True,
            )

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Offer every key's action in the palette, and the themes, ours first."""
        for binding in self.dashboard.available_keys():
            yield SystemCommand(
                binding.tooltip,
                f"key {readable(binding.key)}",
                lambda action=binding.action: self._run(action),
            )
        for theme in THEMES:
            yield SystemCommand(
                f"Use the {theme.name.removeprefix('coffeert-')} theme",
                "colours of coffeert",
                lambda name=theme.name: setattr(self, "theme", name),
            )
        yield SystemCommand("Choose another theme", "of Textual", self.action_change_theme)

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = True,
    ) -> None:
        """Show a notice; on small terminals, in two lines at most."""
        if self.size.width < FULL or self.size.height < TALL:
            cells = max(20, self.size.width - 3)
            message = "\n".join(wrap(message, cells, max_lines=2, placeholder=" ..."))
        super().notify(message, title=title, severity=severity, timeout=timeout, markup=markup)

    def action_help_quit(self) -> None:
        """Quit on Ctrl-C, as every other command does; in an input it copies what is selected."""
        self.exit()

    def on_unmount(self) -> None:
        """Complete the files being written."""
        self.recording.stop()
        if self._state_path is not None:
            save_state(self._state_path, capture_state(self.state, self.theme, self.views))

    def _record(self, event: FeedEvent) -> None:
        self.recording.record(event)

    def _post_alert(self, alert: Alert, since: str) -> None:
        if self._webhook is not None:
            self._webhook.post(encode(AlertNotice.of(alert, self._address.name, since)))

    def _wake(self, urgent: bool) -> None:
        if self.dashboard in self.screen_stack:
            self.dashboard.wake(urgent=urgent)

    def _run(self, action: str) -> None:
        self.call_later(self.run_action, action, self.screen)
