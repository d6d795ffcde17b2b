"""What a repaint is drawn from, taken at one moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import cached_property
from zoneinfo import ZoneInfo

from coffeert.domain.view import View
from coffeert.printable import printable
from coffeert.tui.model.data_status import DataStatus
from coffeert.tui.model.filter import EVERYTHING, Filter
from coffeert.tui.model.report_request import NO_REPORTS, ShownReports
from coffeert.tui.model.window import DEFAULT_RANGE, Range, Window
from coffeert.tui.render.currency import Currency
from coffeert.tui.render.glyphs import Glyphs
from coffeert.wire.orders import MenuBody
from coffeert.wire.reports import Comparison, Report


@dataclass(frozen=True)
class FrameContext:
    """One moment of the dashboard. `view` and the windows are `None` before the first data.

    `span` is the range shown, `comparison` what it is compared with, `wanted` the filter.
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
    reports: ShownReports = NO_REPORTS
    span: Range = DEFAULT_RANGE
    comparison: Comparison | None = None
    wanted: Filter = EVERYTHING

    @property
    def is_live(self) -> bool:
        """Whether the figures are the live view's, which move with each order; or a report's."""
        return not self.wanted.by_price and (bool(self.span.minutes) or self.span.name == "today")

    @property
    def reported_until(self) -> datetime | None:
        """Up to when figures are known that a report has counted and that are still growing."""
        curve = self.reports.curve
        return None if self.is_live or curve is None else curve.period.until

    @property
    def currency(self) -> Currency:
        """The currency of all amounts."""
        code = None if self.menu is None else self.menu.currency
        return Currency(code, signs=self.glyphs.name != "ascii")

    @property
    def places(self) -> int:
        """Decimal places of all amounts."""
        return self.currency.places

    @property
    def zones(self) -> tuple[str, ...]:
        """The time zones of the stores; the first is the default."""
        if self.view is None:
            return ()
        return tuple(dict.fromkeys(day.zone for day in self.view.cube.retention.days))

    @property
    def zone_name(self) -> str:
        """The shops' time zone in few letters, or how many there are."""
        if len(self.zones) > 1:
            return f"{len(self.zones)} time zones"
        name = self.now.astimezone(self.zone).strftime("%Z")
        return f"UTC{name}" if name[:1] in "+-" else name

    @cached_property
    def store_names(self) -> dict[str, str]:
        """The names of stores by code."""
        names = _reported(self.reports.stores)
        menu = () if self.menu is None else self.menu.stores
        return names | {store.code: printable(store.name) for store in menu}

    @cached_property
    def drink_names(self) -> dict[str, str]:
        """The names of drinks by code."""
        names = _reported(self.reports.drinks)
        menu = () if self.menu is None else self.menu.drinks
        return names | {drink.code: printable(drink.name) for drink in menu}

    def local(self, seconds: float) -> datetime:
        """Return a Unix time in the server's zone."""
        return datetime.fromtimestamp(seconds, self.zone)

    def stores(self) -> list[str]:
        """Return the codes of the menu's stores that the filter matches."""
        if self.menu is None:
            return []
        drinks = [drink.code for drink in self.menu.drinks]
        return [s.code for s in self.menu.stores if self.wanted.matches_store(s.code, drinks)]


def zone_of(name: str) -> tzinfo | None:
    """Return a time zone; `None` if it is unknown on this machine."""
    try:
        return ZoneInfo(name)
    except (ValueError, OSError):
        return None


def _reported(report: Report | None) -> dict[str, str]:
    rows = () if report is None else report.rows
    return {row.keys[0]: printable(row.names[0]) for row in rows}
