"""The screen of panels: places them, repaints them as things change, and gives notices."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from textual.app import ComposeResult
from textual.screen import Screen

from coffeert.errors import CoffeertError
from coffeert.printable import printable
from coffeert.tui.bindings import key_hints
from coffeert.tui.dashboard_state import DashboardState
from coffeert.tui.demo_link import DemoLink
from coffeert.tui.model.alerts import Alert, Alerts
from coffeert.tui.model.clock import zone_difference
from coffeert.tui.render.alerts import clock
from coffeert.tui.screens.dashboard_panels import DashboardPanels, place_panel
from coffeert.tui.textual_workarounds import trim_caches
from coffeert.tui.widgets.demo_bar import DemoBar
from coffeert.tui.widgets.inputs import FilterBar
from coffeert.tui.widgets.key_bar import KeyBar

TICK_SECONDS = 0.25
"""Four repaints a second: faster than one reads figures, slow enough to cost little."""


class PanelScreen(Screen[None]):
    """Shows the state in its panels; what keys and clicks do to it is the dashboard's part."""

    def __init__(
        self,
        state: DashboardState,
        panels: DashboardPanels,
        alerts: Alerts,
        on_alert: Callable[[Alert, str], None],
        demo: DemoLink | None,
    ) -> None:
        super().__init__()
        self.state = state
        self.panels = panels
        self._alerts = alerts
        self._on_alert = on_alert
        self._demo = demo
        self._demo_bar = DemoBar(id="demo")
        self._zone_told = False
        self._ticked = 0.0

    def compose(self) -> ComposeResult:
        """Yield every panel; the layout decides which of them show."""
        yield from self.panels
        if self._demo is not None:
            yield self._demo_bar
        yield FilterBar()
        yield KeyBar()

    def on_mount(self) -> None:
        self.place_panels()
        self.set_interval(TICK_SECONDS, self.tick)
        if self._demo is not None:
            self.run_worker(self._demo.follow(self.tick), name="demo", exit_on_error=False)

    def on_resize(self) -> None:
        self.place_and_tick()

    # Repainting

    def wake(self, *, urgent: bool) -> None:
        """Repaint at once, if the last repaint was a tick ago or the viewer waits for this one.

        So a single order is on the screen in milliseconds, while a flood costs four repaints a second.
        """
        if urgent or time.monotonic() - self._ticked >= TICK_SECONDS:
            self._ticked = time.monotonic()
            self.call_next(self.tick)

    def tick(self) -> None:
        """Show the present state."""
        if not self.app.is_running:
            return  # an event that arrived while the panels were being removed
        self._ticked = time.monotonic()
        trim_caches()
        context = self.state.frame_context()
        moved = self.panels.note_fault(context, self.size.width)
        if moved or self.panels.notice.display != (context.view is None):
            self.place_panels()
        self._notify_alerts()
        if self not in self.app.screen_stack:
            return  # another server is shown: only the alerts of this one are told
        self._tell_zone()
        if self._demo is not None:
            self._demo_bar.show((self._demo.state,))
        self.panels.show(context)
        self._show_keys()
        if context.view is not None and self.state.rewound_to is None and self.panels.kpi.display:
            self._mark_rendered()

    def place_panels(self) -> None:
        """Put the panels where the layout says, and keep the focus on one that shows."""
        if self.size.width <= 0 or self.size.height <= 0:
            return
        height = self.size.height
        if self._demo is not None:
            height -= 1
            place_panel(self._demo_bar, 0, height - 1, self.size.width, 1)
        self.panels.place(self.size.width, height)
        if self.focused is not None and not self.focused.display:
            self.set_focus(None)
        if self.focused is None and self.state.view() is not None:
            self.set_focus(self.panels.first_to_focus())

    def place_and_tick(self) -> None:
        """Put the panels where the layout says now, and show the present state in them."""
        self.place_panels()
        self.tick()

    def _mark_rendered(self) -> None:
        """Note which own orders are on the screen with the next paint, if only in the sums.

        When many orders arrive, the list shows others before anybody could see these.
        """
        own, clock = self.state.live.own, self.state.live.clock
        if fresh := own.not_rendered():
            self.call_after_refresh(lambda: own.mark_rendered(fresh, clock.monotonic()))

    def _show_keys(self) -> None:
        """Show the keys of the moment in the last line."""
        bar = self.query_one(FilterBar)
        if bar.display:
            hints = bar.key_hints()
        else:
            by_name: dict[str | None, str] = {}
            for key, active in self.active_bindings.items():
                by_name.setdefault(active.binding.id, key)
            hints = key_hints(
                "" if self.focused is None else (self.focused.id or ""),
                past=self.state.rewound_to is not None,
                opened=bool(self.state.path or self.state.opened_from),
                days=self.state.span.grouping == "day" and not self.state.span.minutes,
                key_of=by_name.get,
            )
        self.query_one(KeyBar).show(tuple(hints))

    def on_descendant_focus(self) -> None:
        self._show_keys()

    # Notices

    def _tell_zone(self) -> None:
        """Say once if this machine's clock shows another time than the shops'."""
        session = self.state.live
        if self._zone_told or session.hello is None:
            return
        self._zone_told = True
        if difference := zone_difference(session.now(), session.zone()):
            self.notify_info(difference)

    def notify_info(self, text: str) -> None:
        """Say what was done."""
        self._say(text)

    def notify_warning(self, text: str) -> None:
        """Say why nothing was done."""
        self._say(text, severity="warning")

    def notify_error(self, error: CoffeertError | str) -> None:
        """Say what went wrong."""
        self._say(str(error), severity="error", timeout=8)

    def _say(self, text: str, **how: Any) -> None:
        self.notify(printable(text, 300), markup=False, **how)

    def _notify_alerts(self) -> None:
        """Announce the alerts that have just begun, by notice and bell, and those that are over."""
        session = self.state.live
        for alert in self._alerts.observe(session):
            since = clock(alert.since, session.now(), session.zone())
            self._on_alert(alert, since)
            if alert.ended is None:
                self.app.bell()
                self.notify_warning(f"Alert {alert.sentence(since)} a: alerts")
