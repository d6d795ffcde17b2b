"""The change feed: every order, in an order that all readers share, in batches with a cursor."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import aiohttp
import msgspec

from coffeert.backoff import Backoff
from coffeert.client.attempts import redirection
from coffeert.client.errors import (
    TRANSPORT_ERRORS,
    error_from_response,
    is_retryable,
    server_unavailable,
)
from coffeert.client.tls import tls_for
from coffeert.client.url import parse_server_url, token_headers
from coffeert.domain.feed import BEGINNING
from coffeert.errors import ApiError, CoffeertError, NotFound, ServerUnavailable
from coffeert.wire.feed import (
    CURSOR_FIELD,
    DEFAULT_LIMIT,
    END_FIELD,
    LINES_TYPE,
    OrderEvent,
    decode_event,
)

_WAIT_SECONDS: Final = 30
_LAST_TICK_SECONDS: Final = 1
_ANSWER_SECONDS: Final = 30.0
_REDIRECTS: Final = 300
_REFUSALS: Final = 400
_NOT_FOUND: Final = 404


class FeedBatch(msgspec.Struct, frozen=True):
    """Events in the order of the feed, and the cursor behind them; `at_end`: there are no more yet.

    There may be no event, if none of those read matched a filter: the cursor has moved all the same.
    """

    events: tuple[OrderEvent, ...]
    cursor: str
    at_end: bool


class Feed:
    """Iterates over the batches of a server's feed, from behind a cursor on.

        async for batch in Feed("http://127.0.0.1:8765", after=cursor):
            batch.events, batch.cursor

    Store `batch.cursor` in the transaction that stores what the events do, and each is done exactly once,
    whenever the process is killed. `after` is a cursor, `beginning`, `now`, or a time with an offset.
    Without `follow` it ends at the end of the feed, with what was committed before it began; else it waits
    there. `stores` and `drinks` are codes or names; `part` such as `3/8` is the third of eight shares of
    the stores.

    A broken connection, and an answer that asks to come back later, is tried again: for good if it follows,
    else for `patience` seconds. Raises `Gone` if the cursor leads nowhere any more, `ApiError` for what the
    server refuses otherwise, `ServerUnavailable`, and `ConfigError` for a URL that cannot be used.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        after: str | datetime = BEGINNING,
        stores: Sequence[str] = (),
        drinks: Sequence[str] = (),
        part: str | None = None,
        limit: int = DEFAULT_LIMIT,
        follow: bool = True,
        patience: float = 30.0,
        ca_file: Path | None = None,
    ) -> None:
        self._server = parse_server_url(url)
        self._tls = tls_for(self._server, ca_file)
        self._headers = {"Accept": LINES_TYPE, **token_headers(token)}
        self._cursor = after if isinstance(after, str) else after.isoformat()
        self._fields: list[tuple[str, str]] = [("limit", str(limit))]
        self._fields += [("stores", store) for store in stores]
        self._fields += [("drinks", drink) for drink in drinks]
        if part is not None:
            self._fields.append(("part", part))
        self._follow = follow
        self._patience = patience

    async def __aiter__(self) -> AsyncIterator[FeedBatch]:
        """Iterate; a reader that begins at the cursor of the batch before gets the same events again."""
        timeout = aiohttp.ClientTimeout(
            total=_WAIT_SECONDS + _ANSWER_SECONDS, connect=_ANSWER_SECONDS
        )
        async with aiohttp.ClientSession(
            headers=self._headers,
            connector=aiohttp.TCPConnector(ssl=self._tls),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=timeout,
        ) as session:
            wait, last_tick_awaited = 0, False
            while True:
                batch = await self._next(session, wait=wait)
                self._cursor = batch.cursor
                ends = batch.at_end and last_tick_awaited and not self._follow
                if batch.events or ends or not batch.at_end:
                    yield batch
                if ends:
                    return
                wait = 0
                if batch.at_end:
                    # What was committed before this began may have no tick yet: to wait asks for one.
                    wait = _WAIT_SECONDS if self._follow else _LAST_TICK_SECONDS
                    last_tick_awaited = True

    async def _next(self, session: aiohttp.ClientSession, *, wait: int) -> FeedBatch:
        backoff = Backoff()
        began = time.monotonic()
        while True:
            try:
                return await self._attempt(session, wait=wait)
            except (ApiError, ServerUnavailable) as error:
                later = error.retry_after if isinstance(error, ApiError) else None
                delay = backoff.next_delay(later)
                if isinstance(error, ApiError) and not is_retryable(error):
                    raise
                if not self._follow and time.monotonic() + delay > began + self._patience:
                    raise
            await asyncio.sleep(delay)

    async def _attempt(self, session: aiohttp.ClientSession, *, wait: int) -> FeedBatch:
        fields = [("after", self._cursor), *self._fields]
        if wait:
            fields.append(("wait", str(wait)))
        try:
            async with session.get(
                self._server / "api/feed", params=fields, allow_redirects=False
            ) as response:
                body = await response.read()
        except TRANSPORT_ERRORS as error:
            raise server_unavailable(self._server, error) from error
        if response.status >= _REDIRECTS:
            raise self._refusal(response, body)
        try:
            return FeedBatch(
                tuple(map(decode_event, body.splitlines())),
                response.headers[CURSOR_FIELD],
                END_FIELD in response.headers,
            )
        except (KeyError, msgspec.DecodeError, UnicodeDecodeError):
            raise ServerUnavailable(f"The server at {self._server} sent no feed.") from None

    def _refusal(self, response: aiohttp.ClientResponse, body: bytes) -> CoffeertError:
        if response.status < _REFUSALS:
            return ServerUnavailable(redirection(self._server, response))
        if response.status == _NOT_FOUND:
            return NotFound(f"There is no feed at {self._server}; it may be an older coffeert.")
        return error_from_response(response.status, body, response.headers.get("Retry-After"))
