"""Going through time: rewind, and recordings."""

from __future__ import annotations

from pathlib import Path

from coffeert.errors import CoffeertError
from coffeert.tui.screens.board_screen import BoardScreen
from coffeert.tui.widgets.time_bar import TimeBar


class Timing(BoardScreen):
    """What the viewer does to see another time."""

    def action_scrub(self, seconds: float) -> None:
        """Go back or forth in time."""
        if not self.board.scrub(seconds) and seconds < 0:
            self.warn("There is nothing to rewind yet.")
        self.tick()

    def action_live(self) -> None:
        """Show what is now."""
        self.board.go_live()
        self.tick()

    def action_record(self) -> None:
        """Start or stop recording."""
        recorder = self.coffeert.stop_recording()
        if recorder is not None:
            self.say(f"Recorded {recorder.orders:,} orders into {recorder.path}.")
            return
        path = Path(f"coffeert-{self.coffeert.session.now():%Y%m%d-%H%M%S}.ndjson")
        try:
            self.coffeert.start_recording(path)
        except CoffeertError as error:
            self.complain(error)
        else:
            self.say(f"Recording into {path}.")

    def on_time_bar_scrubbed(self, message: TimeBar.Scrubbed) -> None:
        """Go to the time that was clicked."""
        self.board.scrub_to(self.board.live.now().timestamp() - message.back)
        self.tick()
