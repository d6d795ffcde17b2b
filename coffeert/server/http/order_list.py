"""`GET /api/orders`: the orders that match, in pages or as one CSV file."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import structlog
from aiohttp import hdrs, web

from coffeert.domain.menu import Menu
from coffeert.domain.money import price_units
from coffeert.domain.order_query import ListPlace, OrderQuery
from coffeert.domain.orders import MAX_TEXT_LENGTH, Order
from coffeert.errors import CoffeertError, FieldError, Invalid
from coffeert.postgres.order_archive import OrderArchive
from coffeert.server.http.auth import Authorizer
from coffeert.server.http.moments import read_moment
from coffeert.wire.order_csv import HEADING, csv_rows
from coffeert.wire.order_pages import DEFAULT_LIMIT, MAX_LIMIT, ListedOrder, OrderList
from coffeert.wire.orders import encode

log = structlog.get_logger(__name__)

_LISTS: Final = ("store", "drink", "source")
_SINGLE: Final = ("receipt", "import", "from", "to", "min_price", "max_price", "format", "count")
_PAGING: Final = ("before", "limit")
_MAX_VALUES: Final = 500
_MAX_CODE_LENGTH: Final = 255
_MAX_IMPORT: Final = 2**63 - 1
_WRITE_SECONDS: Final = 60.0


class OrderListApi:
    """The handler of every read of orders; `zone` is that of the default calendar."""

    def __init__(
        self,
        archive: OrderArchive,
        authorizer: Authorizer,
        *,
        menu: Callable[[], Menu],
        zone: Callable[[], str],
    ) -> None:
        self._archive = archive
        self._authorizer = authorizer
        self._menu = menu
        self._zone = zone

    async def orders(self, request: web.Request) -> web.StreamResponse:
        """Return a page, or all orders that match as CSV."""
        self._authorizer.check(request)
        fields = _Fields(request)
        wanted = self._query(fields)
        if fields.wants_csv:
            return await self._csv(request, wanted)
        behind, limit = fields.place(), fields.limit()
        counted = fields.counted and behind is None
        page = await self._archive.page(wanted, behind, limit=limit, counted=counted)
        if not page.orders and behind is None:
            self._check_codes(wanted)
        places = self._menu().places
        body = OrderList(
            tuple(
                ListedOrder.listed(found.order, places, found.voided_by, found.voided_at)
                for found in page.orders
            ),
            None if page.next is None else page.next.text(),
            page.total,
        )
        return web.Response(
            body=encode(body),
            content_type="application/json",
            headers={hdrs.CACHE_CONTROL: "no-store"},
        )

    def _query(self, fields: _Fields) -> OrderQuery:
        menu, zone = self._menu(), self._zone()
        receipt, number = fields.get("receipt"), fields.whole("import", _MAX_IMPORT)
        first, last = fields.get("from"), fields.get("to")
        return OrderQuery(
            stores=tuple(menu.store_code(text) or text for text in fields.all("store")),
            drinks=tuple(menu.drink_code(text) or text for text in fields.all("drink")),
            sources=tuple(fields.all("source")),
            receipt=receipt,
            import_number=number,
            first=None if first is None else read_moment("from", first, zone),
            last=None if last is None else read_moment("to", last, zone),
            min_price=fields.price("min_price", menu.places),
            max_price=fields.price("max_price", menu.places),
        )

    def _check_codes(self, wanted: OrderQuery) -> None:
        """Raise `Invalid` for codes that neither the menu nor an order has, since they are mistyped."""
        menu = self._menu()
        known = {store.code for store in menu.stores}, {drink.code for drink in menu.drinks}
        faults = [
            FieldError(field, f"{code[:40]!a} is no {field} of the menu or of an order")
            for field, codes, menu_codes in (
                ("store", wanted.stores, known[0]),
                ("drink", wanted.drinks, known[1]),
            )
            for code in codes
            if code not in menu_codes
        ]
        if faults:
            detail = "; ".join(fault.message for fault in faults)
            raise Invalid(f"Nothing was found: {detail}.", errors=tuple(faults))

    async def _csv(self, request: web.Request, wanted: OrderQuery) -> web.StreamResponse:
        places = self._menu().places
        response = web.StreamResponse(
            headers={
                hdrs.CONTENT_TYPE: "text/csv; charset=utf-8; header=present",
                hdrs.CONTENT_DISPOSITION: 'attachment; filename="coffeert-orders.csv"',
                hdrs.CACHE_CONTROL: "no-store",
            }
        )
        chunks = self._archive.rows(wanted)
        # Before the status is sent: a search that takes too long is refused in full.
        first: list[Order] = await anext(chunks, [])
        await response.prepare(request)
        if request.method == hdrs.METH_HEAD:
            return response
        try:
            await _write(response, HEADING + csv_rows(first, places))
            async for orders in chunks:
                await _write(response, csv_rows(orders, places))
            await response.write_eof()
        except (CoffeertError, TimeoutError) as error:
            log.warning("export broke off", reason=str(error) or "the client took nothing")
            # Without the last chunk, so that nobody takes a part for the whole.
            if request.transport is not None:
                request.transport.abort()
        return response


class _Fields:
    """The fields of a URL's query; every method raises `Invalid`, which names the field."""

    def __init__(self, request: web.Request) -> None:
        self._query = request.query
        self._accept = request.headers.get(hdrs.ACCEPT, "")
        for name in self._query:
            if name not in (*_LISTS, *_SINGLE, *_PAGING):
                raise _invalid(name, "is no field of this address")
            if name not in _LISTS and len(self._query.getall(name)) > 1:
                raise _invalid(name, "may be given once")
            if "\0" in "".join(self._query.getall(name)):
                raise _invalid(name, "must be printable text")

    @property
    def wants_csv(self) -> bool:
        """Whether all orders are wanted as CSV."""
        wanted = self.get("format")
        if wanted not in (None, "csv", "json"):
            raise _invalid("format", "must be json or csv")
        accepted = [part.partition(";")[0].strip() for part in self._accept.split(",")]
        is_csv = wanted == "csv" or (wanted is None and accepted[0].lower() == "text/csv")
        if is_csv and (paging := [name for name in _PAGING if name in self._query]):
            raise _invalid(paging[0], "is for pages: CSV has all orders that match")
        return is_csv

    @property
    def counted(self) -> bool:
        """Whether it is to be said how many orders match."""
        wanted = self.get("count")
        if wanted not in (None, "yes", "no"):
            raise _invalid("count", "must be yes or no")
        return wanted != "no"

    def get(self, name: str) -> str | None:
        """Return a text as it is."""
        text: str | None = self._query.get(name)
        if text is not None and not 1 <= len(text) <= MAX_TEXT_LENGTH:
            raise _invalid(name, f"must have 1 to {MAX_TEXT_LENGTH} characters")
        return text

    def all(self, name: str) -> list[str]:
        """Return all values of a field."""
        texts: list[str] = self._query.getall(name, [])
        if len(texts) > _MAX_VALUES:
            raise _invalid(name, f"may be given {_MAX_VALUES} times")
        if any(not 1 <= len(text) <= _MAX_CODE_LENGTH for text in texts):
            raise _invalid(name, f"must have 1 to {_MAX_CODE_LENGTH} characters")
        return texts

    def whole(self, name: str, most: int) -> int | None:
        """Return a whole number from 1."""
        text = self.get(name)
        if text is None:
            return None
        if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= most):
            raise _invalid(name, f"must be a whole number from 1 to {most:,}")
        return int(text)

    def price(self, name: str, places: int) -> int | None:
        """Return a price in minor units."""
        text = self.get(name)
        try:
            return None if text is None else price_units(text, places)
        except ValueError as error:
            raise _invalid(name, str(error)) from None

    def limit(self) -> int:
        """Return how many orders a page may have."""
        return self.whole("limit", MAX_LIMIT) or DEFAULT_LIMIT

    def place(self) -> ListPlace | None:
        """Return where the page begins."""
        text = self.get("before")
        try:
            return None if text is None else ListPlace.from_text(text)
        except ValueError:
            raise _invalid("before", "must be the next of an answer") from None


async def _write(response: web.StreamResponse, text: str) -> None:
    """Write a part. A client that takes none for a minute is disconnected."""
    async with asyncio.timeout(_WRITE_SECONDS):
        await response.write(text.encode())


def _invalid(field: str, message: str) -> Invalid:
    return Invalid(f"{field} {message}.", errors=(FieldError(field, message),))
