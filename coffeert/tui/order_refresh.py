"""Asks the server for the pages of the list of orders: at once if it shows others, then as one scrolls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from coffeert.errors import CoffeertError
from coffeert.tui.dashboard_state import DashboardState
from coffeert.tui.model.order_search import MAX_LISTED, OrderPages, OrderSearch
from coffeert.tui.model.source import Archive

PAGE_ORDERS: Final = 200
REFRESH_SECONDS: Final = 5.0
"""How often a list that follows is asked for again, for what frames did not list in a rush."""

_MAX_SHARE: Final = 20
"""But not before so many times as long as the answer took: of a large table, that is its counting."""

_CHECK_SECONDS: Final = 0.1
_RETRY_SECONDS: Final = 5.0
_TIMEOUT_SECONDS: Final = 20.0
_MAX_EMPTY_PAGES: Final = 5
"""So many pages in a row are read for a filter that only this screen can apply."""


async def refresh_orders(state: DashboardState, archive: Archive, wake: Callable[[], None]) -> None:
    """Keep the pages at hand that the list wants, until cancelled; `wake` is called after each answer."""
    listing = state.listing_orders
    asked: tuple[OrderSearch, float] | None = None
    while True:
        await asyncio.sleep(_CHECK_SECONDS)
        search = state.order_search() if listing.shown else None
        if search is None or state.live.link.state != "up":
            continue
        moment = state.live.clock.monotonic()
        failed = bool(listing.failure) and asked is not None and asked[0] == search
        if failed and asked is not None and moment - asked[1] < _RETRY_SECONDS:
            continue
        pages = listing.pages_for(search)
        if pages is None or (not listing.held and _is_old(state, pages, moment)):
            listing.more_wanted = False
            request = _first(state, archive, search)
        elif listing.more_wanted and pages.next and len(pages.orders) < MAX_LISTED:
            listing.more_wanted = False
            request = _further(archive, pages)
        else:
            continue
        asked = search, moment
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                answer = await request
        except (CoffeertError, TimeoutError) as error:
            listing.failure = str(error) or "The server did not answer."
        else:
            listing.failure = ""
            if listing.pages is pages or listing.pages_for(search) is pages:
                listing.pages = answer
        wake()


def _is_old(state: DashboardState, pages: OrderPages, moment: float) -> bool:
    changed = state.live.version != pages.version
    return changed and moment - pages.asked >= max(REFRESH_SECONDS, _MAX_SHARE * pages.took)


async def _first(state: DashboardState, archive: Archive, search: OrderSearch) -> OrderPages:
    moment, version = state.live.clock.monotonic(), state.live.version
    known = state.listing_orders.pages_for(search)
    # What could not be counted in time will not be the next time either.
    counted = search.complete and (known is None or known.total is not None)
    page = await archive.orders(search.query, limit=PAGE_ORDERS, counted=counted)
    took = state.live.clock.monotonic() - moment
    pages = OrderPages.first(search, page, moment, version, took)
    return pages if pages.orders else await _further(archive, pages)


async def _further(archive: Archive, pages: OrderPages) -> OrderPages:
    before = len(pages.orders)
    for _ in range(_MAX_EMPTY_PAGES):
        if pages.next is None:
            break
        page = await archive.orders(pages.search.query, before=pages.next, limit=PAGE_ORDERS)
        pages = pages.with_next(page)
        if len(pages.orders) > before:
            break
    return pages
