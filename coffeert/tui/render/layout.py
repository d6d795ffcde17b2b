"""The layout: where each panel is, for every size of terminal, down to 40 by 12."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

PanelName = Literal[
    "header",
    "controls",
    "sentence",
    "kpi",
    "chart",
    "heat",
    "stores",
    "drinks",
    "orders",
    "details",
    "engine",
    "bar",
]
TabName = Literal["live", "stores", "drinks", "orders", "engine"]
TABS: Final[tuple[TabName, ...]] = ("live", "stores", "drinks", "orders", "engine")
ENLARGEABLE: Final[tuple[PanelName, ...]] = ("chart", "heat", "stores", "drinks", "orders")
Breadth = Literal["wide", "full", "tabs", "slim"]
Listing = Literal["stores", "drinks"]

WIDE, FULL, NARROW = 160, 110, 60
TALL: Final = 24
HIGH: Final = 46
"""From so many lines on a wide terminal has room for big digits."""

KPI_BIG, KPI_STRIP, KPI_LIST = 5, 2, 4


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


def arrange(
    width: int,
    height: int,
    tab: TabName,
    *,
    listing: Listing = "stores",
    stores: int = 4,
    enlarged: PanelName | None = None,
    orders: bool = False,
) -> Places:
    """Place the panels of a tab; what does not fit is left out, not squeezed.

    `listing` is what the tabs of stores and drinks list, `stores` how many stores there are, `enlarged`
    the panel that has the screen to itself. With `orders` they are shown, if need be instead of a list of
    stores or drinks. The last row belongs to the footer.
    """
    places = _places(width, height, tab, listing, stores, enlarged)
    replaced = next((name for name in (listing, "stores", "drinks") if name in places), None)
    if orders and "orders" not in places and replaced is not None:
        places["orders"] = places.pop(replaced)
    return {
        name: place
        for name, place in places.items()
        if place.width > 0 < place.height
        and (place.y > 0 or name == "header")
        and place.y + place.height < height
    }


def _places(
    width: int,
    height: int,
    tab: TabName,
    listing: Listing,
    stores: int,
    enlarged: PanelName | None,
) -> Places:
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
    if enlarged is not None:
        places[enlarged] = Place(0, top, width, bottom - top)
        return places
    if tab == "orders":
        _orders(places, width, top, bottom, wide=shape in ("wide", "full"))
        return places
    top = _summary(places, width, height, top, shape, whole=tab == "live")
    if tab == "live":
        _today(places, width, top, bottom, shape, stores)
    else:
        _listing(places, width, top, bottom, shape, listing)
    return places


def _summary(
    places: Places, width: int, height: int, top: int, shape: Breadth, *, whole: bool
) -> int:
    """Place the sentence and the key figures; return the first free row."""
    if whole and height >= 10:
        rows = 1 if width >= FULL else 2
        places["sentence"] = Place(0, top, width, rows)
        top += rows
    if shape == "slim":
        rows = min(KPI_LIST, max(0, height - top - 6)) if whole else 0
    elif height >= HIGH and shape == "wide":
        rows = KPI_BIG
    else:
        rows = KPI_STRIP + (1 if height >= 34 else 0) if height >= 10 else 0
    if rows > 0:
        places["kpi"] = Place(0, top, width, rows)
    return top + rows


def _orders(places: Places, width: int, top: int, bottom: int, *, wide: bool) -> None:
    if wide:
        details = 50
        places["details"] = Place(width - details, top, details, bottom - top)
        width -= details
    places["orders"] = Place(0, top, width, bottom - top)


def _today(places: Places, width: int, top: int, bottom: int, shape: Breadth, stores: int) -> None:
    rows = bottom - top
    if shape == "slim":
        chart = min(9, rows // 2) if rows >= 14 else 0
        if chart:
            places["chart"] = Place(0, top, width, chart)
        if rows - chart > 0:
            places["stores"] = Place(0, top + chart, width, rows - chart)
        return
    if shape == "tabs":
        chart = max(7, rows * 11 // 20) if rows >= 11 else 0
        if chart:
            places["chart"] = Place(0, top, width, chart)
        left = width if width < 76 else width // 2
        places["stores"] = Place(0, top + chart, left, rows - chart)
        if left < width:
            places["drinks"] = Place(left, top + chart, width - left, rows - chart)
        return
    tables = max(6, min(stores + 4, rows // 3))
    orders = 6 if rows - tables >= 19 else 0
    if orders:
        orders += max(0, (rows - tables - orders - 22) // 2)
    chart = rows - tables - orders
    heat = min(52, width * 3 // 10)
    places["chart"] = Place(0, top, width - heat, chart)
    places["heat"] = Place(width - heat, top, heat, chart)
    places["stores"] = Place(0, top + chart, width // 2, tables)
    places["drinks"] = Place(width // 2, top + chart, width - width // 2, tables)
    if orders:
        places["orders"] = Place(0, bottom - orders, width, orders)


def _listing(
    places: Places, width: int, top: int, bottom: int, shape: Breadth, listing: Listing
) -> None:
    rows = bottom - top
    chart = rows // 3 if rows >= 20 else 0
    if shape in ("wide", "full"):
        left = width * 11 // 20
        places[listing] = Place(0, top, left, rows)
        upper = max(8, rows * 3 // 5)
        places["chart"] = Place(left, top, width - left, upper)
        places["heat"] = Place(left, top + upper, width - left, rows - upper)
        return
    if chart:
        places["chart"] = Place(0, top, width, chart)
    places[listing] = Place(0, top + chart, width, rows - chart)
