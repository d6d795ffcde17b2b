"""Orders over HTTP: each is sent under its own key until the server has answered."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Final
from uuid import UUID

import aiohttp
import msgspec
from yarl import URL

from coffeert.client.attempts import AttemptFailed, merge, partial_result
from coffeert.client.errors import (
    RETRYABLE,
    TRANSPORT_ERRORS,
    error_from_response,
    server_unavailable,
)
from coffeert.client.events import PlacedOrder
from coffeert.client.retrying import REDIRECTS, RetryingClient
from coffeert.client.retrying import Receipt as Receipt
from coffeert.domain.currency import DEFAULT_PLACES, places
from coffeert.domain.order_keys import BatchKey, order_id_from_key
from coffeert.domain.order_query import OrderQuery
from coffeert.domain.orders import Draft, Void, new_order_id
from coffeert.errors import Unavailable
from coffeert.wire.closings import Closing, ClosingList, decode_closing, decode_closing_list
from coffeert.wire.frames import Snapshot, decode_snapshot
from coffeert.wire.login import LoginLink
from coffeert.wire.order_pages import OrderList, decode_order_list, query_fields
from coffeert.wire.orders import BatchResult, MenuBody, OrderBody, decode_body, draft_body, encode
from coffeert.wire.reports import (
    Activity,
    Comparison,
    Grouping,
    Report,
    decode_activity,
    decode_report,
)
from coffeert.wire.windows import SalesSessions, SlidingSums, decode_sessions, decode_sliding

MAX_BATCH_LINES: Final = 5_000
ALL_ORDERS: Final = OrderQuery()
_STREAM_TIMEOUT = aiohttp.ClientTimeout(total=None, connect=10, sock_read=60)
_JSON = {"Content-Type": "application/json"}
_NDJSON = {"Content-Type": "application/x-ndjson"}

_decode_menu = msgspec.json.Decoder(MenuBody).decode
_decode_link = msgspec.json.Decoder(LoginLink).decode
_decode_order = msgspec.json.Decoder(OrderBody).decode
_decode_batch = msgspec.json.Decoder(BatchResult).decode


class OrderClient(RetryingClient):
    """Places orders and reads the dashboard over HTTP; an async context manager.

    Every call retries with jittered and growing delays for `patience` seconds: after refused and broken
    connections and after answers that ask to come back later (429, 503), whose `Retry-After` it keeps
    to. Retrying is safe because an order carries its key. After that it raises `ServerUnavailable` if
    there was no answer, or what the server answered last. What the server refuses for good raises the
    matching `ApiError` at once, its `errors` naming the fields. At most `connections` requests are sent
    at a time; further ones wait. `ca_file` holds the certificate of a private CA.

    Raises `ConfigError` for a URL or a file that cannot be used.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        connections: int = 64,
        patience: float = 30.0,
        ca_file: Path | None = None,
    ) -> None:
        super().__init__(url, token, connections, patience, ca_file)
        self._orders_url = self._server / "api/orders"
        self._places: int | None = None

    async def place(self, draft: Draft) -> PlacedOrder:
        """Place an order and return it as stored; one without `order_id` and `key` is given an id first."""
        body = order_body(draft, await self._places_for(has_money=draft.has_money))
        return (await self.place_body(body)).placed()

    async def place_body(self, body: bytes) -> Receipt:
        """Place an order that is already JSON and holds its `order_id`; its answer is not decoded.

        For load generators, which prepare bodies ahead and decode answers later or never.
        """
        return await self._request("POST", self._orders_url, body, _JSON)

    async def void(self, order_id: UUID | str) -> PlacedOrder:
        """Void an order by its id or key; return the correction, the same one if it is done twice.

        Raises `ValueError` for what cannot be a key.
        """
        if isinstance(order_id, str):
            # Some keys cannot stand in a path, such as `..`.
            order_id = order_id_from_key(order_id)
        url = self._orders_url / str(order_id) / "void"
        return (await self._request("POST", url)).placed()

    async def order(self, order_id: UUID) -> OrderBody:
        """Return an order, or a void, by its id; raises `NotFound`."""
        return _decode_order(
            (await self._request("GET", self._orders_url / str(order_id))).body
        )

    async def batch(
        self, drafts: AsyncIterable[Draft | Void], *, key: str | None = None
    ) -> BatchResult:
        """Place and void any number of orders as NDJSON, at most `MAX_BATCH_LINES` in one request.

        Refused lines are counted, and the first hundred explained by their number, counting from 1 over
        all of `drafts`; the other lines are stored. With a `key`, orders that have none get theirs from it
        and their number: the same call again stores nothing new. Raises `ValueError` for a bad key.
        """
        total = BatchResult(0, 0, 0)
        lines_before = 0
        async for lines in self._chunks(drafts, None if key is None else BatchKey(key)):
            result = await self.batch_lines(lines)
            total = merge(total, result, lines_before)
            lines_before += len(lines)
        return total

    async def batch_lines(self, lines: list[bytes]) -> BatchResult:
        """Place orders that are already JSON lines, each with its `order_id`, in one request.

        If a batch breaks off, the next attempt begins at the first line that was not processed.
        """
        total = BatchResult(0, 0, 0)
        done = 0

        async def rest() -> BatchResult:
            nonlocal total, done
            result, failed = await self._batch_attempt(lines[done:])
            total = merge(total, result, done)
            done += result.accepted + result.replayed + result.rejected
            if failed is not None:
                raise failed
            return total

        return await self._retried(rest)

    async def _batch_attempt(self, lines: list[bytes]) -> tuple[BatchResult, AttemptFailed | None]:
        url = self._orders_url / "batch"
        try:
            _, answer = await self._attempt("POST", url, b"\n".join(lines), _NDJSON)
        except AttemptFailed as failed:
            return partial_result(failed), failed
        result = _decode_batch(answer)
        temporary = next((error for error in result.errors if error.status in RETRYABLE), None)
        if temporary is None:
            return result, None
        # Some lines were refused only for now, and not all of them are named: send all again.
        return BatchResult(0, 0, 0), AttemptFailed(Unavailable(temporary.detail), final=False)

    async def _chunks(
        self, drafts: AsyncIterable[Draft | Void], key: BatchKey | None
    ) -> AsyncIterator[list[bytes]]:
        lines: list[bytes] = []
        number = 0
        async for draft in drafts:
            number += 1
            if isinstance(draft, Void):
                lines.append(encode({"void": draft.key or draft.order_id}))
            else:
                if key is not None and draft.order_id is None and draft.key is None:
                    # Not by the header: an attempt may begin at a later line.
                    draft = msgspec.structs.replace(draft, order_id=key.order_id(number))
                lines.append(order_body(draft, await self._places_for(has_money=draft.has_money)))
            if len(lines) == MAX_BATCH_LINES:
                yield lines
                lines = []
        if lines:
            yield lines

    async def _places_for(self, *, has_money: bool) -> int:
        """Return the decimal places of the server's currency if there is money to write."""
        if self._places is None:
            if not has_money:
                return DEFAULT_PLACES
            self._places = places((await self.menu()).currency)
        return self._places

    async def menu(self) -> MenuBody:
        """Return the stores and drinks that take orders now."""
        return await self._get(self._server / "api/menu", _decode_menu)

    async def login_link(self) -> LoginLink:
        """Make a link that opens the page on another device, once."""
        return _decode_link((await self._request("POST", self._server / "login-link")).body)

    async def dashboard(self, at: datetime | date | None = None) -> Snapshot:
        """Return the view as it is now, as it was `at` an instant, or when that business day had ended.

        A time without an offset is in the zone of the server's default calendar.
        """
        url = self._server / "api/dashboard"
        if at is not None:
            url = url.with_query(at=at.isoformat())
        return await self._get(url, decode_snapshot)

    async def orders(
        self,
        wanted: OrderQuery = ALL_ORDERS,
        *,
        before: str | None = None,
        limit: int = 50,
        counted: bool = True,
    ) -> OrderList:
        """Return the newest orders that match, or with the `next` of a page the page after it.

        Prices of `wanted` are in the smallest unit of the server's currency. `counted`: the first page says
        how many match, which takes up to half a second.
        """
        url = await self._list_url(wanted)
        fields = {"limit": str(limit)} | ({} if before is None else {"before": before})
        url = url.extend_query(fields if counted else fields | {"count": "no"})
        return await self._get(url, decode_order_list)

    async def orders_csv(self, wanted: OrderQuery = ALL_ORDERS) -> AsyncIterator[bytes]:
        """Iterate over the pieces of a CSV file of all orders that match, and their voids; no retries."""
        async for piece in self._pieces((await self._list_url(wanted)).update_query(format="csv")):
            yield piece

    async def _pieces(self, url: URL) -> AsyncIterator[bytes]:
        """Iterate over the pieces of a long answer as they come."""
        try:
            async with self._open_session().get(
                url, allow_redirects=False, timeout=_STREAM_TIMEOUT
            ) as response:
                if response.status >= REDIRECTS:
                    answer = await response.read()
                    raise error_from_response(response.status, answer, None)
                async for piece in response.content.iter_any():
                    yield piece
        except TRANSPORT_ERRORS as error:
            raise server_unavailable(self._server, error) from error

    async def replay(self, first: datetime, last: datetime) -> AsyncIterator[bytes]:
        """Iterate over the lines that `/api/replay` sends for the time between two moments; no retries.

        A moment without an offset is in the zone of the server's default calendar.
        """
        url = (self._server / "api/replay").with_query(
            {"from": first.isoformat(), "to": last.isoformat()}
        )
        rest = b""
        async for piece in self._pieces(url):
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                yield line

    async def _list_url(self, wanted: OrderQuery) -> URL:
        has_money = wanted.min_price is not None or wanted.max_price is not None
        decimals = await self._places_for(has_money=has_money)
        return self._orders_url.with_query(query_fields(wanted, decimals))

    async def report(
        self,
        period: str = "today",
        *,
        compare: Comparison | None = None,
        by: Sequence[Grouping] = (),
        stores: Sequence[str] = (),
        drinks: Sequence[str] = (),
        sources: Sequence[str] = (),
        min_price: str | None = None,
        max_price: str | None = None,
        details: bool = False,
    ) -> Report:
        """Return the sums of a period beside those of another one, and of their parts.

        `period` is one of `PERIODS`, a date, a month `2026-11`, or `2026-11-01..2026-11-15`. A store, drink
        or source after a minus sign is left out. `details` are receipts, and what was sold and refunded.
        """
        query = [("period", period)]
        query += [("store", text) for text in stores]
        query += [("drink", text) for text in drinks]
        query += [("source", text) for text in sources]
        single = {"compare": compare, "by": ",".join(by), "min_price": min_price}
        single |= {"max_price": max_price, "details": "1" if details else None}
        query += [(name, text) for name, text in single.items() if text]
        url = (self._server / "api/report").with_query(query)
        return await self._get(url, decode_report)

    async def activity(self) -> Activity:
        """Return when each store sold last, and whether that is unusual."""
        return await self._get(self._server / "api/activity", decode_activity)

    async def sessions(
        self,
        gap: str = "5m",
        *,
        first: str | None = None,
        last: str | None = None,
        stores: Sequence[str] = (),
        sources: Sequence[str] = (),
    ) -> SalesSessions:
        """Return the runs of sales that are no further apart than `gap`, a minute or more.

        `first` and `last` are whole minutes or business days; from today until now if they are left out.
        """
        query = [("gap", gap), *(("source", text) for text in sources)]
        url = (self._server / "api/sessions").with_query(query + _span(first, last, stores))
        return await self._get(url, decode_sessions)

    async def sliding(
        self,
        width: str = "10m",
        step: str = "1m",
        *,
        first: str | None = None,
        last: str | None = None,
        stores: Sequence[str] = (),
    ) -> SlidingSums:
        """Return sums over windows of `width`, each a `step` after the one before.

        The rest is as for `sessions`.
        """
        query = [("width", width), ("step", step), *_span(first, last, stores)]
        url = (self._server / "api/sliding").with_query(query)
        return await self._get(url, decode_sliding)

    async def closings(
        self, *, day: date | None = None, before: int | None = None, limit: int | None = None
    ) -> ClosingList:
        """Return closings of business days, the last one first: of one day, or before a number."""
        fields = {"day": day, "before": before, "limit": limit}
        url = (self._server / "api/closings").with_query(
            [(name, str(value)) for name, value in fields.items() if value is not None]
        )
        return await self._get(url, decode_closing_list)

    async def closing(self, number: int) -> Closing:
        """Return a closing in full; raises `NotFound`."""
        url = self._server / "api/closings" / str(number)
        return await self._get(url, decode_closing)

    async def close_day(self, day: date | None = None) -> tuple[Closing, bool]:
        """Close a business day, by default the last one that has ended; say whether that was new.

        A day that has not changed since it was closed keeps its closing; otherwise the new one corrects it.
        """
        url = self._server / "api/closings"
        if day is not None:
            url = url.with_query(day=str(day))
        answer = await self._request("POST", url)
        return decode_closing(answer.body), not answer.replayed


def _span(first: str | None, last: str | None, stores: Sequence[str]) -> list[tuple[str, str]]:
    query = [("store", text) for text in stores]
    return query + [(name, text) for name, text in (("from", first), ("to", last)) if text]


def order_body(draft: Draft, places: int = DEFAULT_PLACES) -> bytes:
    """Encode a draft as JSON, with a key under which it can be sent again safely.

    `places` are the decimal places of the server's currency.
    """
    if draft.order_id is None and draft.key is None:
        draft = msgspec.structs.replace(draft, order_id=new_order_id())
    return encode(draft_body(draft, places))
