"""The keys that write files: recordings, exports and pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from textual.screen import Screen

from coffeert.errors import CoffeertError
from coffeert.tui.dashboard_state import DashboardState
from coffeert.tui.history.recorder import Recording
from coffeert.tui.model.source import Archive
from coffeert.tui.screens.export import ExportKind, export_orders, write_export
from coffeert.tui.screens.order_commands import Notices


class FileCommands:
    """Writes files for a screen; each command says what it has written. A recording has no `archive`."""

    def __init__(
        self,
        state: DashboardState,
        archive: Archive | None,
        recording: Recording,
        notices: Notices,
    ) -> None:
        self._state = state
        self._archive = archive
        self._recording = recording
        self._notices = notices

    def record(self) -> None:
        """Record into a file, or stop recording."""
        recorder = self._recording.stop()
        if recorder is not None:
            self._notices.notify_info(f"Recorded {recorder.orders:,} orders into {recorder.path}.")
            return
        path = Path(f"coffeert-{self._state.live.now():%Y%m%d-%H%M%S}.ndjson")
        try:
            self._recording.start(path)
        except CoffeertError as error:
            self._notices.notify_error(error)
        else:
            self._notices.notify_info(f"Recording into {path}.")

    def export(self, screen: Screen[Any], kind: ExportKind | None) -> None:
        """Write what a screen shows, or all orders that match."""
        if kind is None:
            return
        if kind == "csv":
            screen.run_worker(self._export_orders(), group="export")
            return
        if kind == "svg":
            screen.run_worker(self._take_picture(screen), group="export")
            return
        self._write(kind)

    async def _take_picture(self, screen: Screen[Any]) -> None:
        # Without notices: they comment on the screen, and hide a part of it.
        screen.app.clear_notifications()
        await screen.query("Toast").remove()
        screen.call_after_refresh(
            lambda: self._write("svg", screen.app.export_screenshot(title="coffeert"))
        )

    def _write(self, kind: Literal["json", "svg"], picture: str = "") -> None:
        try:
            path = write_export(self._state, kind, picture)
        except CoffeertError as error:
            self._notices.notify_error(error)
        else:
            self._notices.notify_info(f"Wrote {path}.")

    async def _export_orders(self) -> None:
        try:
            said = await export_orders(self._state, self._archive)
        except CoffeertError as error:
            self._notices.notify_error(error)
        else:
            self._notices.notify_info(said)
