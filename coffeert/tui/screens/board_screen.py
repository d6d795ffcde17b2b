"""What the parts of the dashboard's screen have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.screen import Screen

from coffeert.errors import CoffeertError
from coffeert.tui.render.text import clean

if TYPE_CHECKING:
    from coffeert.tui.app import CoffeertApp
    from coffeert.tui.dashboard_state import DashboardState


class BoardScreen(Screen[None]):
    """A screen that shows a board."""

    @property
    def coffeert(self) -> CoffeertApp:
        """The app."""
        return cast("CoffeertApp", self.app)

    @property
    def board(self) -> DashboardState:
        """The board."""
        return self.coffeert.board

    def tick(self) -> None:
        """Show the moment."""
        raise NotImplementedError

    def place_panels(self) -> None:
        """Put the panels where they belong."""
        raise NotImplementedError

    def say(self, text: str) -> None:
        """Tell the viewer something; the text is safe already, and no markup."""
        self.notify(clean(text, 300), markup=False)

    def complain(self, error: CoffeertError | str) -> None:
        """Tell the viewer what went wrong."""
        self.notify(clean(str(error), 300), severity="error", markup=False, timeout=8)

    def warn(self, text: str) -> None:
        """Tell the viewer why nothing happens."""
        self.notify(clean(text, 300), severity="warning", markup=False)
