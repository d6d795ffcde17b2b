"""The choices kept from one start to the next: range, filter, theme, tab, saved views."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import msgspec

from coffeert.tui.dashboard_state import DashboardState
from coffeert.tui.model.filter import EVERYTHING, Filter, FilterError, parse_filter
from coffeert.tui.model.saved_views import SavedViews
from coffeert.tui.model.window import RANGE, RangeName
from coffeert.tui.render.layout import TABS


class SavedState(msgspec.Struct, frozen=True):
    """The viewer's last choices."""

    range: str = ""
    filter: str = ""
    theme: str = ""
    tab: str = ""
    views: dict[str, str] = {}

    def restore(self, state: DashboardState, views: SavedViews) -> None:
        """Restore the choices; those that no longer exist are skipped."""
        views.restore({name: f for name, text in self.views.items() if (f := _filter(text))})
        for name in get_args(RangeName):
            if name == self.range:
                state.span = RANGE[name]
        for tab in TABS:
            if tab == self.tab:
                state.tab = tab
        state.filter = _filter(self.filter) or EVERYTHING


def _filter(text: str) -> Filter | None:
    try:
        return parse_filter(text)
    except FilterError:
        return None


def capture_state(state: DashboardState, theme: str, views: SavedViews) -> SavedState:
    own = {name: wanted.text() for name, wanted in views.own.items()}
    return SavedState(state.span.name, state.filter.text(), theme, state.tab, own)


def load_saved_state(path: Path) -> SavedState:
    """Read the choices; if there are none, or none that can be read, return empty ones."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=SavedState)
    except (OSError, msgspec.DecodeError):
        return SavedState()


def save_state(path: Path, saved_state: SavedState) -> None:
    """Write the choices; if that fails, the dashboard simply starts without them."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(msgspec.json.encode(saved_state))
    except OSError:
        return
