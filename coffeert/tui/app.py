"""The terminal dashboard: creates state, feed, session and screen, and connects them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

from textual.app import App, SystemCommand
from textual.notifications import SeverityLevel
from textual.screen import Screen

from coffeert.tui.bindings import readable
from coffeert.tui.dashboard_state import DashboardState
from coffeert.tui.model.clock import Clock
from coffeert.tui.model.server_address import ServerAddress
from coffeert.tui.model.session import Session
from coffeert.tui.model.source import Archive, LiveFeed, PastSource
from coffeert.tui.render.appearance import Appearance
from coffeert.tui.render.glyphs import GLYPHS, Glyphs
from coffeert.tui.render.layout import FULL, TALL
from coffeert.tui.render.palette import THEMES, Palette, PlainPalette
from coffeert.tui.saved_state import capture_state, save_state
from coffeert.tui.screens.dashboard import Dashboard
from coffeert.tui.server_tab import ServerTab
from coffeert.tui.settings import Settings
from coffeert.tui.textual_workarounds import RELEASE_SECONDS, release_memory

if TYPE_CHECKING:
    from coffeert.client.webhook import Webhook
    from coffeert.tui.demo_link import DemoLink
    from coffeert.tui.injection import Injection

DEFAULT_APPEARANCE = Appearance()
NO_SETTINGS = Settings()
PLAIN = PlainPalette()


class CoffeertApp(App[None]):
    """The dashboard of a server, and those of `others`; the viewer's choices are kept in `state_path`."""

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
    .-picture ToastHolder:last-child { display: none; }
    Toast { margin: 0; padding: 0 1; }
    .-narrow ToastHolder, .-low ToastHolder { max-height: 2; }
    .-narrow Toast, .-low Toast { width: 1fr; max-width: 100%; }
    """

    def __init__(
        self,
        feed: LiveFeed,
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
        others: Sequence[ServerTab] = (),
    ) -> None:
        # With NO_COLOR no colour at all is sent, not even shades of grey.
        super().__init__(ansi_color=True if "NO_COLOR" in os.environ else None)
        self.glyphs: Glyphs = GLYPHS[appearance.glyphs]
        if not appearance.animated:
            self.animation_level = "none"  # which TEXTUAL_ANIMATIONS may have asked for as well
        self.set_class(appearance.glyphs == "ascii", "-ascii")
        self.set_keymap(dict(settings.keys))
        address = url if isinstance(url, ServerAddress) else ServerAddress(url)
        first = ServerTab(
            feed,
            archive,
            address,
            self.glyphs,
            settings,
            past=past,
            has_token=has_token,
            clock=clock,
            injection=injection,
            webhook=webhook,
            read_only=read_only,
            demo=demo,
        )
        self.tabs = (first, *others)
        self._shown = 0
        self._webhook = webhook
        self._state_path = state_path
        for known in THEMES:
            self.register_theme(known)
        theme = appearance.theme
        self.theme = theme if theme in self.available_themes else DEFAULT_APPEARANCE.theme
        self._palette: tuple[str, Palette] | None = None

    @property
    def tab(self) -> ServerTab:
        """The server that is shown."""
        return self.tabs[self._shown]

    @property
    def dashboard(self) -> Dashboard:
        """The dashboard of the server shown."""
        return self.tab.dashboard

    @property
    def session(self) -> Session:
        """The session of the server shown."""
        return self.tab.session

    @property
    def state(self) -> DashboardState:
        """What is chosen for the server shown."""
        return self.tab.state

    @property
    def animated(self) -> bool:
        """Whether what has just changed is seen to do so."""
        return self.animation_level != "none"

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
        for number, tab in enumerate(self.tabs, 1):
            if len(self.tabs) > 1:
                tab.address.number = f"{number}/{len(self.tabs)}"
            if tab is not self.tab:
                self.install_screen(tab.dashboard, f"server-{number}")
            tab.start(self)

    def action_next_server(self) -> None:
        """Show the next of several servers; the others are followed all the same."""
        if self.screen is not self.dashboard or len(self.tabs) == 1:
            return
        # The first dashboard is the app's lowest screen for good; of the others one at a time lies on it.
        if self._shown:
            self.pop_screen()
        self._shown = (self._shown + 1) % len(self.tabs)
        if self._shown:
            self.push_screen(self.dashboard)

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

    def action_page_link(self) -> None:
        """Show a link to the page of this server, for a phone."""
        # The first picture need not wait for what draws QR codes.
        from coffeert.tui.screens.page_link import PageLink

        archive = self.tab.archive
        if archive is None:
            self.dashboard.notify_warning("A recording has no page.")
            return
        blocks = self.glyphs is not GLYPHS["ascii"]
        self.push_screen(PageLink(self.tab.address.url, archive.login_link, blocks=blocks))

    def action_help_quit(self) -> None:
        """Quit on Ctrl-C, as every other command does; in an input it copies what is selected."""
        self.exit()

    def on_unmount(self) -> None:
        """Complete the files being written."""
        for tab in self.tabs:
            tab.recording.stop()
        if self._state_path is not None:
            first = self.tabs[0]
            save_state(self._state_path, capture_state(first.state, self.theme, first.views))

    def _run(self, action: str) -> None:
        self.call_later(self.run_action, action, self.screen)
