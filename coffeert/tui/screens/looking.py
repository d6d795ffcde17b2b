"""Looking around: tabs, ranges, filters, drilling, freezing, jumping."""

from __future__ import annotations

from coffeert.tui.bindings import DASHBOARD_KEYS, readable
from coffeert.tui.model.filter import EVERYTHING
from coffeert.tui.model.ranges import RANGE, beside
from coffeert.tui.render.layout import TabName
from coffeert.tui.screens.board_screen import BoardScreen
from coffeert.tui.screens.help import Help
from coffeert.tui.screens.jump import Jump
from coffeert.tui.screens.order_details import OrderDetails
from coffeert.tui.widgets.bars import ControlsBar, HeaderBar
from coffeert.tui.widgets.breakdown_panel import BreakdownPanel
from coffeert.tui.widgets.chart_panel import ChartPanel
from coffeert.tui.widgets.filter_input import FilterInput
from coffeert.tui.widgets.order_table import OrderTable
from coffeert.tui.widgets.panel import Panel


class Looking(BoardScreen):
    """What the viewer does to see something else."""

    complaint = ""

    def action_tab(self, tab: TabName) -> None:
        """Show another tab."""
        self.board.tab = tab
        self.place_panels()
        self.tick()

    def action_range(self, step: int) -> None:
        """Show a longer or shorter range."""
        self.board.span = beside(self.board.span, step)
        self.board.cursor = None
        self.tick()

    def action_metric(self) -> None:
        """Chart the other metric where only one fits."""
        self.board.metric = "revenue" if self.board.metric == "orders" else "orders"
        self.place_panels()
        self.tick()

    def action_freeze(self) -> None:
        """Stop the list of orders, or let it follow again."""
        self.board.freeze(on=not self.board.frozen)
        self.tick()

    def action_rise(self) -> None:
        """Leave the innermost store or drink."""
        if self.board.rise():
            self.tick()

    def action_escape(self) -> None:
        """Go one step back: rewind, crosshair, freeze, drill, filter."""
        board = self.board
        if board.rewound_to is not None:
            board.go_live()
        elif board.cursor is not None:
            board.cursor = None
        elif board.frozen:
            board.freeze(on=False)
        elif not board.rise():
            board.filter = EVERYTHING
        self.tick()

    def action_filter(self) -> None:
        """Type a filter."""
        self.query_one(FilterInput).open(self.board.filter.text())

    def action_saved_view(self) -> None:
        """Go through the saved views; after the last comes no filter."""
        views = self.coffeert.settings.views
        if not views:
            self.warn("No views are saved: add them to [views] in coffeert-tui.toml.")
            return
        names = [None, *views]
        here = next((n for n, wanted in views.items() if wanted == self.board.filter), None)
        name = names[(names.index(here) + 1) % len(names)]
        self.board.filter = EVERYTHING if name is None else views[name]
        self.say("Everything." if name is None else f"View {name}: {self.board.filter.text()}")
        self.tick()

    def action_help(self) -> None:
        """Explain the keys."""
        keys = [(readable(binding.key), binding.tooltip) for binding in DASHBOARD_KEYS]
        self.app.push_screen(Help(self.focused, keys))

    def action_jump(self) -> None:
        """Give every panel a letter, and go to the one that is pressed."""
        panels = [panel for panel in self.query(Panel) if panel.display and panel.can_focus]

        def go(name: str | None) -> None:
            if name:
                self.query_one(f"#{name}").focus()

        self.app.push_screen(Jump([(str(p.id), p.region.offset) for p in panels]), go)

    def on_header_bar_tab_chosen(self, message: HeaderBar.TabChosen) -> None:
        """Show the tab that was clicked."""
        self.action_tab(message.tab)

    def on_controls_bar_range_chosen(self, message: ControlsBar.RangeChosen) -> None:
        """Show the range that was clicked."""
        self.board.span = RANGE[message.name]
        self.board.cursor = None
        self.tick()

    def on_chart_panel_cursor_moved(self, message: ChartPanel.CursorMoved) -> None:
        """Put the crosshair into every chart."""
        self.board.cursor = message.index
        self.tick()

    def on_breakdown_panel_drilled(self, message: BreakdownPanel.Drilled) -> None:
        """Go into a store or drink; from there, to its orders."""
        self.board.drill(message.row)
        self.query_one(BreakdownPanel).cursor.at = 0
        if len(self.board.path) >= 2:
            if not self.query_one(OrderTable).display:
                self.board.tab = "orders"
                self.place_panels()
            self.query_one(OrderTable).focus()
        self.tick()

    def on_order_table_opened(self, message: OrderTable.Opened) -> None:
        """Show all of an order."""
        zone = self.board.session.zone()
        self.app.push_screen(OrderDetails(message.row, zone, self.coffeert.glyphs))

    def on_order_table_chosen(self) -> None:
        """Show the chosen order's details."""
        self.tick()

    def on_filter_input_changed_to(self, message: FilterInput.ChangedTo) -> None:
        """Filter every panel as it is typed."""
        self.complaint = message.complaint
        if message.wanted is not None:
            self.board.filter = message.wanted
        self.tick()

    def on_filter_input_closed(self) -> None:
        """Give the keys back to the panels."""
        if self.complaint:
            self.warn(self.complaint)
        self.complaint = ""
        self.place_panels()
        self.tick()
