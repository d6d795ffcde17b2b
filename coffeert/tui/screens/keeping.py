"""Keeping an eye on things, and a copy of them: alerts and exports."""

from __future__ import annotations

from pathlib import Path

from coffeert.tui.render.export import orders_csv, window_json
from coffeert.tui.render.text import clean
from coffeert.tui.screens.board_screen import BoardScreen
from coffeert.tui.screens.export import Export, ExportKind


class Keeping(BoardScreen):
    """What the viewer does to be told, and to keep."""

    def watch_alerts(self) -> None:
        """Tell of alerts that have just begun, by toast and bell."""
        for alert in self.coffeert.alerts.observe(self.coffeert.session):
            self.app.bell()
            self.notify(
                f"Alert {clean(alert.name, 40)}: {alert.rule.text()} (a: take note)",
                severity="warning",
                markup=False,
                timeout=10,
            )

    def action_acknowledge(self) -> None:
        """Take note of every alert that fires."""
        alerts = self.coffeert.alerts
        if alerts.acknowledge():
            self.tick()
        elif not len(alerts):
            self.warn("No alerts are set: add them to [alerts] in coffeert-tui.toml.")
        else:
            self.warn("No alert is waiting.")

    def action_export(self) -> None:
        """Choose what to write into a file."""
        self.app.push_screen(Export(), self._export)

    def _export(self, kind: ExportKind | None) -> None:
        if kind is None:
            return
        path = Path(f"coffeert-{self.board.session.now():%Y%m%d-%H%M%S}.{kind}")
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(self._text(kind))
        except FileExistsError:
            self.complain(f"{path} exists already; nothing was written.")
        except OSError as error:
            self.complain(f"{path} cannot be written: {error.strerror}.")
        else:
            self.say(f"Wrote {path}.")

    def _text(self, kind: ExportKind) -> str:
        if kind == "csv":
            return orders_csv(self.board.orders().orders)
        if kind == "json":
            window = self.board.scene().window
            return "" if window is None else window_json(window, self.board.wanted.text())
        return self.app.export_screenshot(title="coffeert")
