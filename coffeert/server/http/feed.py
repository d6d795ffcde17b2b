"""`GET /api/feed`: every order, in an order that all readers share; in pages or as a stream."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Final

import msgspec
import structlog
from aiohttp import HttpVersion11, hdrs, web
from yarl import URL

from coffeert.domain.feed import FeedCursor, FeedPosition
from coffeert.domain.menu import Menu
from coffeert.errors import CoffeertError
from coffeert.server.feed.chunk import AT_ONCE, EncodedEvent
from coffeert.server.feed.gzip_stream import GZIP_HEADER, gzip_piece
from coffeert.server.feed.reader_limit import ReaderLimit
from coffeert.server.feed.source import FeedSource
from coffeert.server.http.aiohttp_connection import AiohttpConnection, connection_of
from coffeert.server.http.auth import Authorizer
from coffeert.server.http.feed_request import FeedRequest, read_feed_request
from coffeert.server.http.responses import accepts_gzip, is_unchanged
from coffeert.wire.feed import BATCH_TYPE, CURSOR_FIELD, END_FIELD, LINES_TYPE, STREAM_TYPE

log = structlog.get_logger(__name__)

_SCAN_SECONDS: Final = 3.0
"""How long a page is looked for, if a filter leaves nearly everything out."""
_WRITE_SECONDS: Final = 60.0
_WRITTEN_AT_ONCE: Final = 256 * 1024
"""Bytes to readers of streams in one iteration of the event loop, in about a millisecond."""
_SMALL_WRITE: Final = 16 * 1024
"""Bytes that take hardly longer to write than a single one."""
_KEEPALIVE_SECONDS: Final = 15.0
_LOOK_SECONDS: Final = 1.0  # how soon it is noticed that a waiting client has gone
_KEEPALIVE: Final = b":\n\n"
_FOR_GOOD: Final = "max-age=31536000, immutable"


class FeedPage(msgspec.Struct, frozen=True):
    """Events, the position behind them, and whether that is the end of the feed for now."""

    events: list[EncodedEvent]
    position: FeedPosition
    at_end: bool = False


class Turns:
    """Lets tasks write in the order in which they came, so many bytes in an iteration of the event loop.

    A tick wakes all readers of the feed at once. If each wrote hundreds of kilobytes in the same iteration,
    orders would be answered after the last of them.
    """

    def __init__(self) -> None:
        self._written = 0
        self._waiting: deque[tuple[asyncio.Future[None], int]] = deque()

    async def wait(self, size: int) -> None:
        """Wait for a turn to write so many bytes, which lasts until the caller waits for something."""
        if not self._waiting and self._has_room(size):
            self._take(size)
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((turn, size))
        await turn

    def _has_room(self, size: int) -> bool:
        return not self._written or self._written + size <= _WRITTEN_AT_ONCE

    def _take(self, size: int) -> None:
        if not self._written:
            asyncio.get_running_loop().call_soon(self._next_iteration)
        self._written += size

    def _next_iteration(self) -> None:
        self._written = 0
        while self._waiting and self._has_room(self._waiting[0][1]):
            turn, size = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                self._take(size)


class FeedApi:
    """The handler of the feed; `zone` is that of the default calendar."""

    def __init__(
        self,
        source: FeedSource,
        limit: ReaderLimit,
        authorizer: Authorizer,
        *,
        menu: Callable[[], Menu],
        zone: Callable[[], str],
    ) -> None:
        self._source = source
        self._limit = limit
        self._authorizer = authorizer
        self._menu = menu
        self._zone = zone
        self._turns = Turns()

    async def feed(self, request: web.Request) -> web.StreamResponse:
        """Return a page of events, at once or when there is one, or a stream of them."""
        self._authorizer.check(request)
        asked = read_feed_request(request, self._menu(), self._zone())
        with self._limit.reader(request.remote or ""):
            position = await self._source.position(asked.start)
            if asked.format == "sse":
                return await self._stream(request, asked, position)
            page = await self._page(asked, position, connection_of(request))
            return self._response(request, asked, page)

    async def _page(
        self, asked: FeedRequest, position: FeedPosition, connection: AiohttpConnection | None
    ) -> FeedPage:
        until = time.monotonic() + asked.wait
        while True:
            page = await self._events(asked, position)
            if page.events or not page.at_end or self._source.closed:
                return page
            position = page.position
            if not await self._news(position, until, connection):
                return page

    async def _news(
        self, position: FeedPosition, until: float, connection: AiohttpConnection | None
    ) -> bool:
        """Wait for news until a moment; False if there are none, or the client waits no more."""
        while (left := until - time.monotonic()) > 0:
            if connection is not None and connection.half_closed:  # most likely it has gone
                break
            if await self._source.news(position, min(left, _LOOK_SECONDS)):
                return True
        return False

    async def _events(self, asked: FeedRequest, position: FeedPosition) -> FeedPage:
        until = time.monotonic() + _SCAN_SECONDS
        events: list[EncodedEvent] = []
        while time.monotonic() < until:
            found = await self._source.following(position)
            if found is None:
                return FeedPage(events, position, at_end=True)
            chunk, begin = found
            for index in chunk.matching(asked.wanted, begin):
                events.append(chunk.event(index))
                if len(events) == asked.limit:
                    self._source.mark(chunk, index)
                    return FeedPage(events, chunk.position(index))
                if len(events) % AT_ONCE == 0:
                    await asyncio.sleep(0)
            position = chunk.end
        return FeedPage(events, position)

    def _response(self, request: web.Request, asked: FeedRequest, page: FeedPage) -> web.Response:
        cursor = page.position.cursor()
        # As it came: decoded, an & or # in the name of a store would be read as one of the URL.
        asked_for = URL.build(query_string=request.rel_url.raw_query_string, encoded=True)
        following = asked_for.without_query_params("lastEventId")
        headers = {
            CURSOR_FIELD: cursor,
            hdrs.LINK: f'<{following.update_query(after=cursor)}>; rel="next"',
            hdrs.VARY: hdrs.ACCEPT,
            hdrs.CACHE_CONTROL: "no-store",
        }
        if page.at_end:
            headers[END_FIELD] = "true"
        if isinstance(asked.start, FeedCursor) and len(page.events) == asked.limit:
            # The same bytes for ever: what is behind a cursor does not change.
            tag = f"{cursor}-{asked.format}"
            headers[hdrs.ETAG] = f'"{tag}"'
            headers[hdrs.CACHE_CONTROL] = (
                f"private, {_FOR_GOOD}" if self._authorizer.is_protected else _FOR_GOOD
            )
            if is_unchanged(request, tag):
                return web.Response(status=304, headers=headers)
        bodies = [event.json for event in page.events]
        if asked.format == "ndjson":
            headers[hdrs.CONTENT_TYPE] = LINES_TYPE
            body = b"".join(b"%b\n" % event for event in bodies)
        else:
            headers[hdrs.CONTENT_TYPE] = BATCH_TYPE
            body = b"[%b]" % b",\n".join(bodies)
        return web.Response(body=body, headers=headers)

    async def _stream(
        self, request: web.Request, asked: FeedRequest, position: FeedPosition
    ) -> web.StreamResponse:
        gzip = accepts_gzip(request)
        response = web.StreamResponse(
            headers={
                hdrs.CONTENT_TYPE: STREAM_TYPE,
                hdrs.CACHE_CONTROL: "no-store",
                hdrs.VARY: f"{hdrs.ACCEPT}, {hdrs.ACCEPT_ENCODING}",
                "X-Accel-Buffering": "no",  # nginx would wait for a full buffer
            }
        )
        if gzip:
            response.headers[hdrs.CONTENT_ENCODING] = "gzip"
        await response.prepare(request)
        if request.method == hdrs.METH_HEAD:
            return response
        if (connection := connection_of(request)) is not None:
            connection.close_at_eof()
        try:
            # So that a reader which begins at the end can come back there.
            first = b"id: %b\n\n" % position.cursor().encode()
            await _write(response, GZIP_HEADER + gzip_piece(first) if gzip else first)
            while not self._source.closed:
                # Hundreds come to the end at once, and each would ask the database whether it is.
                found = None
                if not self._source.is_at_end(position):
                    found = await self._source.following(position)
                if found is None:
                    await self._wait_for_news(response, position, gzip=gzip)
                    continue
                chunk, begin = found
                frames = await chunk.frames(asked.wanted, begin, gzip=gzip)
                await self._turns.wait(max(len(frames), _SMALL_WRITE))
                await _write_chunk(request, response, frames)
                position = chunk.end
            await response.write_eof()
        except (CoffeertError, TimeoutError) as error:
            # The reader comes back with the last id that it has, and is told then what is wrong.
            log.info("a reader's stream ended", reason=str(error) or "the reader took nothing")
            if request.transport is not None:
                request.transport.abort()
        return response

    async def _wait_for_news(
        self, response: web.StreamResponse, position: FeedPosition, *, gzip: bool
    ) -> None:
        began = time.monotonic()
        await self._source.news(position, _KEEPALIVE_SECONDS)
        if time.monotonic() - began >= _KEEPALIVE_SECONDS:
            # A proxy would close a silent connection.
            await _write(response, gzip_piece(_KEEPALIVE) if gzip else _KEEPALIVE)


async def _write_chunk(request: web.Request, response: web.StreamResponse, chunk: bytes) -> None:
    """Write a chunk of HTTP/1.1 as it is; raises `ConnectionResetError`, and `TimeoutError` as `_write`.

    Past aiohttp, which would put it together for each reader, and wait for each with a timer.
    """
    if request.version < HttpVersion11:
        await _write(response, memoryview(chunk)[chunk.index(b"\n") + 1 : -2])
        return
    transport = request.transport
    if transport is None or transport.is_closing():
        raise ConnectionResetError("The reader has gone.")
    transport.write(chunk)
    if transport.get_write_buffer_size():
        async with asyncio.timeout(_WRITE_SECONDS):
            await request.writer.drain()


async def _write(response: web.StreamResponse, data: bytes | memoryview) -> None:
    """Write to a reader. One that takes nothing for a minute is disconnected."""
    async with asyncio.timeout(_WRITE_SECONDS):
        await response.write(data)
