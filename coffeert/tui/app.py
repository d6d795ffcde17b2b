"""The terminal dashboard: wires feed, clock, session, board and screens, and nothing more."""

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
from coffeert.tui.bindings import DASHBOARD_KEYS
from coffeert.tui.comparison import keep_past
from coffeert.tui.dashboard_state import DashboardState
from coffeert.tui.freed import GIVE_BACK_SECONDS, give_back_the_freed
from coffeert.tui.history.recorder import Recorder
from coffeert.tui.model.alerts import Alerts
from coffeert.tui.model.clock import Clock, SystemClock
from coffeert.tui.model.session import Session, follow
from coffeert.tui.model.source import Archive, Feed
from coffeert.tui.order_actions import Till
from coffeert.tui.render.appearance import Appearance
from coffeert.tui.render.glyphs import GLYPHS, Glyphs
from coffeert.tui.render.layout import FULL, TALL
from coffeert.tui.render.palette import THEMES, Palette, PlainPalette
from coffeert.tui.saved_state import capture_state, save_state
from coffeert.tui.screens.dashboard import Dashboard
from coffeert.tui.settings import Settings
from coffeert.tui.widgets.gone import let_go_of_gone_widgets

if TYPE_CHECKING:
    from coffeert.tui.injection import Injection

DEFAULT_APPEARANCE = Appearance()
NO_SETTINGS = Settings()
PLAIN = PlainPalette()


class CoffeertApp(App[None]):
    """The dashboard."""

    TITLE = "coffeert"
    ENABLE_COMMAND_PALETTE = True
    # On small terminals the newest notice takes the line of the keys, and one more if it is long.
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (FULL, "-broad")]  # noqa: RUF012 (as Textual has it)
    VERTICAL_BREAKPOINTS = [(0, "-low"), (TALL, "-high")]  # noqa: RUF012 (as Textual has it)
    CSS = """
    KeyBar FooterKey.-command-palette { border-left: none; }
    .-ascii Modal > .box { border: ascii $accent; scrollbar-size-vertical: 0; }
    .-ascii SelectCurrent .arrow { display: none; }
    .-narrow ToastRack, .-low ToastRack { margin-bottom: 0; scrollbar-size-vertical: 0; }
    .-narrow ToastHolder, .-low ToastHolder { display: none; max-height: 2; }
    .-narrow ToastHolder:last-child, .-low ToastHolder:last-child { display: block; }
    .-narrow Toast, .-low Toast { width: 1fr; max-width: 100%; margin: 0; padding: 0 1; }
    """

    def __init__(
        self,
        feed: Feed,
        archive: Archive | None,
        *,
        url: str,
        clock: Clock | None = None,
        look: Appearance = DEFAULT_APPEARANCE,
        settings: Settings = NO_SETTINGS,
        injection: Injection | None = None,
        memory: Path | None = None,
    ) -> None:
        # Where colour is not wanted, none at all is sent, not even shades of grey.
        super().__init__(ansi_color=True if "NO_COLOR" in os.environ else None)
        self.feed = feed
        self.archive = archive
        self.url = url
        self.glyphs: Glyphs = GLYPHS[look.glyphs]
        self.set_class(look.glyphs == "ascii", "-ascii")
        self.session = Session(clock or SystemClock())
        self.board = DashboardState(self.session, self.glyphs, settings.rewind_bytes)
        self.settings = settings
        self.injection = injection
        self.alerts = Alerts(settings.alerts)
        self.set_keymap(dict(settings.keys))
        self._memory = memory
        self.recorder: Recorder | None = None
        self.till = Till(self.session, feed, archive)
        for known in THEMES:
            self.register_theme(known)
        self.theme = look.theme if look.theme in self.available_themes else DEFAULT_APPEARANCE.theme
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

    @property
    def place_name(self) -> str:
        """Where the server is, in short."""
        return self.url.removeprefix("http://").removeprefix("https://").rstrip("/")

    def get_default_screen(self) -> Screen[None]:
        """Begin with the dashboard."""
        return Dashboard()

    def on_mount(self) -> None:
        """Follow the feed."""
        self.set_interval(GIVE_BACK_SECONDS, self.tidy_up)
        self.run_worker(
            follow(self.session, self.feed, self._tell, self._wake), name="feed", exit_on_error=True
        )
        if self.archive is not None:
            self.run_worker(keep_past(self.board, self.archive), name="past", exit_on_error=True)

    def tidy_up(self) -> None:
        """Let go of what is gone from the screen, and of the memory that it took."""
        let_go_of_gone_widgets()
        give_back_the_freed()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Offer every key's action in the palette."""
        yield from super().get_system_commands(screen)
        for binding in DASHBOARD_KEYS:
            yield SystemCommand(
                binding.description.capitalize(),
                f"{binding.tooltip} ({binding.key})",
                lambda action=binding.action: self._run(action),
            )

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = True,
    ) -> None:
        """Tell the viewer something; where there is little room, in two lines at most."""
        if self.size.width < FULL or self.size.height < TALL:
            room = max(20, self.size.width - 3)
            message = "\n".join(wrap(message, room, max_lines=2, placeholder=" ..."))
        super().notify(message, title=title, severity=severity, timeout=timeout, markup=markup)

    def action_help_quit(self) -> None:
        """End on Ctrl-C, as every other command does; in an input it copies what is selected."""
        self.exit()

    def refresh_dashboard(self) -> None:
        """Show the present state now, whatever dialogue lies over it."""
        for screen in self.screen_stack:
            if isinstance(screen, Dashboard):
                screen.tick()

    def _tell(self, event: FeedEvent) -> None:
        self.board.tape.hear(event)
        if self.recorder is not None:
            self.recorder.hear(event)

    def start_recording(self, path: Path) -> None:
        """Write from now on into a file; raises `RecordingError`."""
        self.stop_recording()
        self.recorder = Recorder(path, self.session, self.place_name)

    def stop_recording(self) -> Recorder | None:
        """End the recording, if there is one, and return it."""
        recorder, self.recorder = self.recorder, None
        if recorder is not None:
            recorder.close()
        return recorder

    def on_unmount(self) -> None:
        """Leave whole files."""
        self.stop_recording()
        if self._memory is not None:
            save_state(self._memory, capture_state(self.board, self.theme))

    def _wake(self, urgent: bool) -> None:
        for screen in self.screen_stack:
            if isinstance(screen, Dashboard):
                screen.wake(urgent=urgent)

    def _run(self, action: str) -> None:
        self.call_later(self.run_action, action, self.screen)
