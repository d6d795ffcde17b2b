"""Which days or minutes are shown, and what they are compared with."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from coffeert.tui.dashboard_state import DashboardState
from coffeert.tui.model.window import RANGE, Range, chosen_days, next_comparison, next_range
from coffeert.tui.screens.choose_days import ChooseDays
from coffeert.tui.screens.panel_screen import PanelScreen


class RangeCommands:
    """Changes the range of a state; `changed` is called after each."""

    def __init__(
        self, state: DashboardState, screen: PanelScreen, changed: Callable[[], None]
    ) -> None:
        self._state = state
        self._screen = screen
        self._changed = changed

    def step(self, step: int) -> None:
        """Show the next range (1) or the last (-1)."""
        self.show(next_range(self._state.span, step))

    def show_named(self, name: str) -> None:
        """Show a range of the header."""
        self.show(RANGE[name])

    def ask(self) -> None:
        """Ask for the days to show."""
        self._screen.app.push_screen(ChooseDays(), self.show)

    def open_day(self, index: int) -> None:
        """Show a day of the chart by itself, until `leave_day`."""
        report = self._state.shown_reports().curve
        if report is not None:
            day, before = report.period.first + timedelta(days=index), self._state.span
            self.show(chosen_days(day.isoformat()))
            self._state.opened_from = before

    def leave_day(self) -> bool:
        """Go back to the chart in which a day was opened; return whether there was one."""
        before = self._state.opened_from
        self.show(before)
        return before is not None

    def show(self, span: Range | None) -> None:
        """Show a range; `None` changes nothing."""
        if span is not None:
            self._state.span, self._state.opened_from = span, None
            self._changed()

    def compare(self) -> None:
        """Compare the range with the next other time."""
        state = self._state
        if state.comparison is None:
            self._screen.notify_warning("The latest minutes are compared with those before.")
        else:
            state.compare = next_comparison(state.span, state.comparison)
            self._screen.tick()
