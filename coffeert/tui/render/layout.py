"""The layout: where each panel is, for every size of terminal, down to 40 by 12."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from coffeert.tui.render.chart import Metric

PanelName = Literal[
    "header",
    "controls",
    "kpi",
    "chart-orders",
    "chart-revenue",
    "breakdown",
    "orders",
    "details",
    "engine",
    "bar",
]
TabName = Literal["live", "stores", "drinks", "orders", "engine"]
TABS: Final[tuple[TabName, ...]] = ("live", "stores", "drinks", "orders", "engine")
Breadth = Literal["wide", "full", "tabs", "slim"]

WIDE, FULL, NARROW = 160, 110, 60
TALL: Final = 24

KPI_BOXED, KPI_BARE, KPI_LIST = 5, 3, 5


class Place(NamedTuple):
    """Position and size of a panel, in cells."""

    x: int
    y: int
    width: int
    height: int


Places = dict[PanelName, Place]


def breadth(width: int) -> Breadth:
    """Return the layout for a width."""
    if width >= WIDE:
        return "wide"
    if width >= FULL:
        return "full"
    return "tabs" if width >= NARROW else "slim"


def arrange(width: int, height: int, tab: TabName, *, charts: Metric) -> Places:
    """Place the panels of a tab; what does not fit is left out, not squeezed.

    `charts` is the chart to show if there is room for one only. The last row belongs to the footer.
    """
    places: Places = {"header": Place(0, 0, width, 1)}
    bottom = height - 1
    top = 1
    shape = breadth(width)
    if height >= 9:
        places["controls"] = Place(0, 1, width, 1)
        top = 2
    if shape in ("wide", "full") and height >= TALL:
        bottom -= 1
        places["bar"] = Place(0, bottom, width, 1)
    if tab == "engine":
        places["engine"] = Place(0, top, width, bottom - top)
        return places
    kpi = _kpi_rows(shape, height, tab)
    if kpi:
        places["kpi"] = Place(0, top, width, kpi)
        top += kpi
    if shape == "slim":
        _slim(places, width, top, bottom, tab, charts)
    elif shape == "tabs":
        _tabs(places, width, top, bottom, tab, charts)
    else:
        _full(places, width, top, bottom, tab, charts, wide=shape == "wide")
    return places


def _kpi_rows(shape: Breadth, height: int, tab: TabName) -> int:
    if shape == "slim":
        return min(KPI_LIST, max(0, height - 3)) if tab == "live" else 0
    if shape == "tabs":
        return KPI_BARE if height >= 10 else 0
    return KPI_BOXED if height >= 22 else KPI_BARE if height >= 10 else 0


def _slim(
    places: Places,
    width: int,
    top: int,
    bottom: int,
    tab: TabName,
    charts: Metric,
) -> None:
    rows = bottom - top
    if tab in ("live", "orders"):
        if tab == "live" and rows >= 14:
            chart = min(9, rows // 2)
            places[_chart(charts)] = Place(0, top, width, chart)
            top, rows = top + chart, rows - chart
        if rows > 0:
            places["orders"] = Place(0, top, width, rows)
    elif rows > 0:
        places["breakdown"] = Place(0, top, width, rows)


def _tabs(
    places: Places,
    width: int,
    top: int,
    bottom: int,
    tab: TabName,
    charts: Metric,
) -> None:
    rows = bottom - top
    if tab == "orders":
        places["orders"] = Place(0, top, width, rows)
        return
    if tab == "live":
        if rows < 12:
            places["orders"] = Place(0, top, width, rows)
            return
        chart = rows * 11 // 20
        orders = rows - chart
        if chart >= 20:
            places["chart-orders"] = Place(0, top, width, chart // 2)
            places["chart-revenue"] = Place(0, top + chart // 2, width, chart - chart // 2)
        else:
            places[_chart(charts)] = Place(0, top, width, chart)
        places["orders"] = Place(0, top + chart, width, orders)
        return
    if rows >= 24:
        chart = rows // 3
        places[_chart(charts)] = Place(0, top, width, chart)
        top, rows = top + chart, rows - chart
    places["breakdown"] = Place(0, top, width, rows)


def _full(
    places: Places,
    width: int,
    top: int,
    bottom: int,
    tab: TabName,
    charts: Metric,
    *,
    wide: bool,
) -> None:
    rows = bottom - top
    if wide or tab == "orders":
        details = 50
        places["details"] = Place(width - details, top, details, rows)
        width -= details
    if tab == "orders":
        places["orders"] = Place(0, top, width, rows)
        return
    if tab == "live":
        upper = max(8, min(rows - 6, rows * 3 // 5)) if rows >= 14 else rows // 2
        left = width * 11 // 20
        _charts(places, 0, top, left, upper, charts)
        places["breakdown"] = Place(left, top, width - left, upper)
        places["orders"] = Place(0, top + upper, width, rows - upper)
        return
    left = width // 2
    places["breakdown"] = Place(0, top, left, rows)
    _charts(places, left, top, width - left, rows, charts)


def _charts(places: Places, x: int, y: int, width: int, rows: int, charts: Metric) -> None:
    if rows >= 15:
        places["chart-orders"] = Place(x, y, width, (rows + 1) // 2)
        places["chart-revenue"] = Place(x, y + (rows + 1) // 2, width, rows // 2)
    else:
        places[_chart(charts)] = Place(x, y, width, rows)


def _chart(charts: Metric) -> PanelName:
    return "chart-orders" if charts == "orders" else "chart-revenue"
