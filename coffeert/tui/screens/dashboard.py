"""The dashboard's screen: what each key and each click does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType

from coffeert.tui.bindings import CHANGING, DASHBOARD_KEYS, readable
from coffeert.tui.dashboard_state import DashboardState
from coffeert.tui.demo_link import DemoLink
from coffeert.tui.history.recorder import Recording
from coffeert.tui.injection import Injection
from coffeert.tui.model.alerts import Alert, Alerts
from coffeert.tui.model.filter import EVERYTHING
from coffeert.tui.model.filter_entry import Vocabulary
from coffeert.tui.model.saved_views import SavedView, SavedViews
from coffeert.tui.model.server_address import ServerAddress
from coffeert.tui.model.source import Archive
from coffeert.tui.order_actions import OrderActions
from coffeert.tui.render.breakdown import SORT_COLUMNS
from coffeert.tui.render.layout import ENLARGEABLE, TabName
from coffeert.tui.saved_state import present_view, show_view
from coffeert.tui.screens.alerts import AlertList
from coffeert.tui.screens.break_part import BreakPart
from coffeert.tui.screens.dashboard_panels import DashboardPanels
from coffeert.tui.screens.export import Export
from coffeert.tui.screens.file_commands import FileCommands
from coffeert.tui.screens.go_to import GoTo
from coffeert.tui.screens.help import Help
from coffeert.tui.screens.injection_commands import InjectionCommands
from coffeert.tui.screens.jump import Jump
from coffeert.tui.screens.order_commands import OrderCommands
from coffeert.tui.screens.order_details import OrderDetails
from coffeert.tui.screens.panel_screen import PanelScreen
from coffeert.tui.screens.range_commands import RangeCommands
from coffeert.tui.screens.view_list import ViewList
from coffeert.tui.screens.view_models import order_json
from coffeert.tui.widgets.bars import ControlsBar, HeaderBar
from coffeert.tui.widgets.breakdown_panel import BreakdownPanel
from coffeert.tui.widgets.chart_panel import ChartPanel
from coffeert.tui.widgets.inputs import FilterBar
from coffeert.tui.widgets.order_table import OrderTable
from coffeert.tui.widgets.panel import Panel
from coffeert.wire.demo import BreakablePart


class Dashboard(PanelScreen):
    """Turns keys and clicks into changes of the state.

    Every key works wherever the focus is, so all of them are bound here and not to a panel.
    """

    BINDINGS: ClassVar[list[BindingType]] = [*DASHBOARD_KEYS]
    AUTO_FOCUS = ""
    CSS = """
    Dashboard { background: $background; layers: base over; }
    """

    def __init__(
        self,
        state: DashboardState,
        order_actions: OrderActions,
        archive: Archive | None,
        recording: Recording,
        injection: Injection | None,
        alerts: Alerts,
        saved_views: SavedViews,
        *,
        address: ServerAddress,
        has_token: bool,
        reconnect: Callable[[], None],
        on_alert: Callable[[Alert, str], None],
        read_only: bool = False,
        demo: DemoLink | None = None,
    ) -> None:
        panels = DashboardPanels(state, recording, injection, alerts, saved_views, address)
        super().__init__(state, panels, alerts, on_alert, demo)
        self._orders = OrderCommands(state, order_actions, self, address, has_token=has_token)
        self._injecting = InjectionCommands(state, injection, self, address)
        self._ranges = RangeCommands(state, self, self.show_range_anew)
        self._files = FileCommands(state, archive, recording, self)
        self._saved_views = saved_views
        self._address = address
        self._read_only = read_only
        self._reconnect = reconnect

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave out the keys that do nothing here."""
        if action == "break_part":
            return self._demo is not None
        if action == "app.next_server":
            return bool(self._address.number)
        return not (self._read_only and action in CHANGING)

    def available_keys(self) -> list[Binding]:
        """Return the keys that do something here."""
        return [
            key for key in DASHBOARD_KEYS if self.check_action(key.action.partition("(")[0], ())
        ]

    # Tabs, ranges, panels

    def action_tab(self, tab: TabName) -> None:
        self.state.tab = tab
        self.state.enlarged = None
        self.place_and_tick()

    def on_header_bar_tab_chosen(self, message: HeaderBar.TabChosen) -> None:
        self.action_tab(message.tab)

    def action_range(self, step: int) -> None:
        self._ranges.step(step)

    def on_controls_bar_range_chosen(self, message: ControlsBar.RangeChosen) -> None:
        self._ranges.show_named(message.name)

    def action_days(self) -> None:
        self._ranges.ask()

    def on_chart_panel_opened(self, message: ChartPanel.Opened) -> None:
        self._ranges.open_day(message.index)

    def action_compare(self) -> None:
        self._ranges.compare()

    def _follow(self) -> None:
        """Let the list of orders follow what arrives, from its first row."""
        self.state.freeze(on=False)
        self.panels.orders.to_first_row()

    def show_range_anew(self) -> None:
        """Draw everything for another range."""
        self.state.cursor = None
        self._follow()
        self.place_and_tick()

    def action_metric(self) -> None:
        """Chart the other figure."""
        self.state.metric = "takings" if self.state.metric == "orders" else "orders"
        self.tick()

    def action_sort(self) -> None:
        """Sort stores and drinks by the next column."""
        place = SORT_COLUMNS.index(self.state.sort) + 1
        self.state.sort = SORT_COLUMNS[place % len(SORT_COLUMNS)]
        self.tick()

    def action_enlarge(self) -> None:
        """Give the focused panel the whole screen, or the others their places back."""
        self._enlarge_or_restore(None if self.focused is None else self.focused.id)

    def on_panel_enlarged(self, message: Panel.Enlarged) -> None:
        """Enlarge the panel whose title was chosen."""
        self._enlarge_or_restore(message.name)

    def _enlarge_or_restore(self, name: str | None) -> None:
        enlarged = self.state.enlarged is not None
        panel = None if enlarged else next((p for p in ENLARGEABLE if p == name), None)
        self.state.enlarged = panel
        self.place_panels()
        self._focus(panel)
        self.tick()

    def on_chart_panel_cursor_moved(self, message: ChartPanel.CursorMoved) -> None:
        """Put the crosshair into both charts."""
        self.state.cursor = message.index
        self.tick()

    def action_help(self) -> None:
        keys = [(readable(binding.key), binding.tooltip) for binding in self.available_keys()]
        self.app.push_screen(Help(self.focused, keys, self.state.glyphs))

    def action_jump(self) -> None:
        """Label every panel with a letter, and focus the one whose letter is pressed."""
        panels = [panel for panel in self.panels if panel.display and panel.can_focus]
        jump = Jump([(str(panel.id), panel.region.offset) for panel in panels])
        self.app.push_screen(jump, self._focus)

    def _focus(self, name: str | None) -> None:
        if name:
            self.query_one(f"#{name}").focus()

    # Filters and drilling down

    def action_filter(self) -> None:
        known = self.state.vocabulary() or Vocabulary()
        self.query_one(FilterBar).open(self.state.filter.text(), known)

    def on_filter_bar_filter_changed(self, message: FilterBar.FilterChanged) -> None:
        """Filter every panel while the filter is typed."""
        self.state.filter = message.wanted
        self.tick()

    def on_filter_bar_closed(self) -> None:
        self.place_and_tick()

    def action_next_view(self) -> None:
        """Show the next saved view; after the last comes everything."""
        if not len(self._saved_views):
            self.notify_warning("No views are saved yet: V saves what is shown by name.")
            return
        self._show_view(self._saved_views.after(present_view(self.state)))

    def action_views(self) -> None:
        """List the saved views."""
        views = ViewList(self._saved_views, present_view(self.state), self.state.glyphs)
        self.app.push_screen(views, self._show_view)

    def _show_view(self, view: SavedView | None) -> None:
        if view is not None:
            show_view(self.state, view)
            self.show_range_anew()

    def on_breakdown_panel_drilled(self, message: BreakdownPanel.Drilled) -> None:
        """Drill down into a store or drink, and from the second one into its orders."""
        self.state.drill(message.row)
        self.panels.stores.cursor.at = self.panels.drinks.cursor.at = 0
        self.place_panels()
        if len(self.state.path) >= 2:
            self.panels.orders.to_first_row()
            self.panels.orders.focus()
        self.tick()

    def action_drill_up(self) -> None:
        if not self.state.drill_up():
            self._ranges.leave_day()
        self.place_and_tick()

    def action_escape(self) -> None:
        """Go one step back: rewind, crosshair, enlarged panel, freeze, drill-down, opened day, filter."""
        state = self.state
        if state.rewound_to is not None or state.travel.sought is not None:
            state.travel.go_live()
        elif state.enlarged is not None:
            self._enlarge_or_restore(None)
        elif state.cursor is not None:
            state.cursor = None
        elif state.frozen:
            self._follow()
        elif not (state.drill_up() or self._ranges.leave_day()):
            state.filter = EVERYTHING
        self.place_and_tick()

    # The list of orders

    def action_freeze(self) -> None:
        if self.state.frozen:
            self._follow()
        else:
            self.state.freeze(on=True)
        self.tick()

    def on_order_table_moved(self, message: OrderTable.Moved) -> None:
        """Hold the list while it is read: a row that slides away cannot be chosen."""
        self.state.freeze(on=not message.follows)
        self.tick()

    def on_order_table_more_wanted(self) -> None:
        self.state.listing_orders.more_wanted = True

    def on_order_table_opened(self, message: OrderTable.Opened) -> None:
        session = self.state.session
        self.app.push_screen(
            OrderDetails(message.row, session.zone(), self.state.glyphs, session.places)
        )

    def on_order_table_selection_changed(self) -> None:
        self.tick()

    def action_copy(self) -> None:
        """Copy the chosen order as JSON, over SSH too (OSC 52)."""
        row = self.panels.orders.chosen_row
        if row is None:
            self.notify_warning("No order is chosen.")
            return
        self.app.copy_to_clipboard(order_json(row.order, self.state.session.places))
        self.notify_info(f"Copied order {row.order.order_id}.")

    # Placing and voiding orders

    def action_new_order(self) -> None:
        self._orders.open_form(self.app)

    async def action_repeat_last(self) -> None:
        await self._orders.repeat()

    async def action_void_last(self) -> None:
        await self._orders.void_last()

    def on_key(self, event: events.Key) -> None:
        """Take any other key for a no to the question whether to void."""
        if event.character != "u":
            self._orders.forget_question()

    # Rewinding and recording

    def action_seek(self, seconds: float) -> None:
        self.state.travel.seek(seconds)
        self.tick()

    def action_go_to(self) -> None:
        """Ask for a past moment, and show it."""

        def go(moment: datetime | None) -> None:
            if moment is not None:
                self.state.travel.seek_to(moment)
                self.tick()

        now = self.state.session.now()
        self.app.push_screen(GoTo(now.astimezone(self.state.live.zone())), go)

    def action_live(self) -> None:
        self.state.travel.go_live()
        self._follow()
        self.tick()

    def action_record(self) -> None:
        self._files.record()

    # Injecting, breaking the demo

    def action_inject(self) -> None:
        self._injecting.open_form(self)

    def action_stop_injection(self) -> None:
        self._injecting.stop(self)
        self.tick()

    def action_break_part(self) -> None:
        """Ask which part of the demo to kill."""
        if self._demo is not None and not self._demo.busy:
            self.app.push_screen(BreakPart(), self._break_part)

    def _break_part(self, part: BreakablePart | None) -> None:
        if part is not None and self._demo is not None:
            self._demo.break_part(part)

    def action_alerts(self) -> None:
        self.app.push_screen(AlertList(self._alerts, lambda: self.state.live, self.state.glyphs))

    def action_export(self) -> None:
        self.app.push_screen(Export(), partial(self._files.export, self))

    def action_reconnect(self) -> None:
        """Connect at once instead of waiting for the next attempt."""
        self._reconnect()
