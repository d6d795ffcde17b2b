"""The choices kept from one start to the next: what was shown last, theme, saved views."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TypeVar, get_args

import msgspec

from coffeert.tui.dashboard_state import DashboardState
from coffeert.tui.model.filter import Filter, FilterError, parse_filter
from coffeert.tui.model.saved_views import SavedView, SavedViews
from coffeert.tui.model.window import RANGE, chosen_days
from coffeert.tui.render.breakdown import SORT_COLUMNS
from coffeert.tui.render.chart import Metric
from coffeert.tui.render.layout import TABS
from coffeert.wire.reports import Comparison

Name = TypeVar("Name", bound=str)


class SavedState(SavedView, frozen=True, kw_only=True, omit_defaults=True):
    """The viewer's last choices; a saved view that is a text is but a filter, as earlier versions wrote."""

    theme: str = ""
    views: dict[str, SavedView | str] = msgspec.field(default_factory=dict)

    def restore(self, state: DashboardState, views: SavedViews) -> None:
        """Restore the choices; those that no longer exist are skipped."""
        kept = {
            name: SavedView(filter=view) if isinstance(view, str) else view
            for name, view in self.views.items()
        }
        views.restore({name: view for name, view in kept.items() if _is_known(view)})
        show_view(state, self)


def present_view(state: DashboardState) -> SavedView:
    """Return what is shown."""
    return SavedView(
        range=state.span.name,
        compare=state.compare,
        filter=state.filter.text(),
        opened=Filter(state.path).text(),
        tab=state.tab,
        sort=state.sort,
        metric=state.metric,
    )


def show_view(state: DashboardState, view: SavedView) -> None:
    """Show a view; what does not exist any more stays as it is."""
    if view.range in RANGE:
        state.span = RANGE[view.range]
    elif view.range is not None:
        with suppress(ValueError):
            state.span = chosen_days(view.range)
    for comparison in _one_of(get_args(Comparison), view.compare):
        state.compare = comparison
    for tab in _one_of(TABS, view.tab):
        state.tab = tab
    for column in _one_of(SORT_COLUMNS, view.sort):
        state.sort = column
    for metric in _one_of(get_args(Metric), view.metric):
        state.metric = metric
    if (wanted := _filter(view.filter)) is not None:
        state.filter = wanted
    if (opened := _filter(view.opened)) is not None:
        state.path = opened.terms


def _one_of(known: tuple[Name, ...], text: str | None) -> tuple[Name, ...]:
    return tuple(name for name in known if name == text)


def _filter(text: str | None) -> Filter | None:
    try:
        return None if text is None else parse_filter(text)
    except FilterError:
        return None


def _is_known(view: SavedView) -> bool:
    return all(text is None or _filter(text) is not None for text in (view.filter, view.opened))


def capture_state(state: DashboardState, theme: str, views: SavedViews) -> SavedState:
    """Return the choices; what was drilled down to is not kept."""
    last = msgspec.structs.asdict(present_view(state)) | {"opened": None}
    return SavedState(**last, theme=theme, views=dict(views.own))


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
