"""What a repaint is drawn from, taken at one moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo

from coffeert.domain.currency import places
from coffeert.domain.view import View
from coffeert.tui.model.data_status import DataStatus
from coffeert.tui.model.filter import Filter
from coffeert.tui.model.window import Window
from coffeert.tui.render.glyphs import Glyphs
from coffeert.wire.orders import MenuBody


@dataclass(frozen=True, slots=True)
class FrameContext:
    """One moment of the dashboard. `view` and the windows are `None` before the first data.

    `window` ends now or, if the data is old, when it was fresh: what is unknown since then must not count
    as zero. `charted` always ends now, so that a chart shows how long the gap is.
    """

    now: datetime
    zone: tzinfo
    glyphs: Glyphs
    data_status: DataStatus
    menu: MenuBody | None = None
    view: View | None = None
    window: Window | None = None
    charted: Window | None = None

    @property
    def places(self) -> int:
        """Decimal places of all amounts."""
        return places(None if self.menu is None else self.menu.currency)

    def local(self, seconds: float) -> datetime:
        """Return a Unix time in the server's zone."""
        return datetime.fromtimestamp(seconds, self.zone)

    def stores(self, wanted: Filter) -> list[str]:
        """Return the codes of the menu's stores that match a filter."""
        if self.menu is None:
            return []
        drinks = [drink.code for drink in self.menu.drinks]
        return [s.code for s in self.menu.stores if wanted.matches_store(s.code, drinks)]
