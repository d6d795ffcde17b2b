"""The alerts of this session, as a list."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll

from coffeert.tui.model.alerts import Alerts
from coffeert.tui.model.session import Session
from coffeert.tui.render.alerts import alert_lines
from coffeert.tui.render.glyphs import Glyphs
from coffeert.tui.render.spans import Span, line
from coffeert.tui.screens.modal import Modal
from coffeert.tui.widgets.lines_view import LinesView

_REFRESH_SECONDS = 0.5


class AlertList(Modal[None]):
    """Shows what holds now, what is quiet and what was; `a` acknowledges what holds now."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "acknowledge", "acknowledge", id="alerts.acknowledge", tooltip="Acknowledge"),
        Binding("q", "close", "close", show=False, id="alerts.close", tooltip="Close"),
    ]

    def __init__(self, alerts: Alerts, session: Callable[[], Session], glyphs: Glyphs) -> None:
        super().__init__()
        self._alerts = alerts
        self._session = session
        self._glyphs = glyphs

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="box") as box:
            box.border_title = "Alerts"
            yield LinesView(id="alerts")

    def on_mount(self) -> None:
        self._show()
        self.set_interval(_REFRESH_SECONDS, self._show)

    def action_acknowledge(self) -> None:
        self._alerts.acknowledge()
        self._show()

    def _show(self) -> None:
        session = self._session()
        lines = alert_lines(self._alerts, session.now(), session.zone(), self._glyphs)
        if not len(self._alerts):
            lines = [
                line("No alerts are set. In coffeert-tui.toml, under ", Span("[alerts]", "key")),
                line('rush = "orders_per_min > 130 for 30s"'),
            ]
        self.query_one("#alerts", LinesView).show(lines)
