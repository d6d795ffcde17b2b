"""`GET /api/replay`: what dashboards showed between two moments, as the frames that they would have got."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Final

import structlog
from aiohttp import hdrs, web

from coffeert.domain.orders import MIN_PLACED_AT
from coffeert.errors import CoffeertError, FieldError, Invalid
from coffeert.server.feed.reader_limit import ReaderLimit
from coffeert.server.feed.replay import Replay
from coffeert.server.http.auth import Authorizer
from coffeert.server.http.moments import read_moment
from coffeert.wire.feed import LINES_TYPE, MAX_REPLAY_SPAN

log = structlog.get_logger(__name__)

_WRITE_SECONDS: Final = 60.0


class ReplayApi:
    """The handler; `zone` is that of the default calendar, `now` the database's clock."""

    def __init__(
        self,
        replay: Replay,
        limit: ReaderLimit,
        authorizer: Authorizer,
        *,
        zone: Callable[[], str],
        now: Callable[[], datetime],
    ) -> None:
        self._replay = replay
        self._limit = limit
        self._authorizer = authorizer
        self._zone = zone
        self._now = now

    async def replay(self, request: web.Request) -> web.StreamResponse:
        """Return the frames, one a line: hello, snapshot, deltas; each says its time in `data_time`."""
        self._authorizer.check(request)
        first, last = self._moment(request, "from"), self._moment(request, "to")
        if first < MIN_PLACED_AT:
            raise _invalid("from", "must not lie before the year 2000")
        if first >= last or last - first > MAX_REPLAY_SPAN:
            raise _invalid("to", "must be later than from, by a day at most")
        if last > self._now():
            raise _invalid("to", "must not lie in the future")
        with self._limit.reader(request.remote or ""):
            lines = self._replay.frames(first, last)
            return await _send(request, await anext(lines), lines)

    def _moment(self, request: web.Request, field: str) -> datetime:
        for name in request.query:
            if name not in ("from", "to"):
                raise _invalid(name, "is no field of this address")
        given = request.query.getall(field, [])
        if len(given) != 1:
            raise _invalid(field, "is required once")
        moment = read_moment(field, given[0], self._zone())
        if not isinstance(moment, datetime):
            raise _invalid(field, "must be a time such as 2026-01-31T09:30:00+01:00")
        return moment


async def _send(
    request: web.Request, first: bytes, lines: AsyncIterator[bytes]
) -> web.StreamResponse:
    response = web.StreamResponse(
        headers={hdrs.CONTENT_TYPE: LINES_TYPE, hdrs.CACHE_CONTROL: "no-store"}
    )
    await response.prepare(request)
    if request.method == hdrs.METH_HEAD:
        return response
    try:
        await _write(response, first)
        async for line in lines:
            await _write(response, line)
        await response.write_eof()
    except (CoffeertError, TimeoutError) as error:
        log.warning("replay broke off", reason=str(error) or "the client took nothing")
        # Without the last chunk, so that nobody takes a part for the whole.
        if request.transport is not None:
            request.transport.abort()
    return response


async def _write(response: web.StreamResponse, line: bytes) -> None:
    """Write a line, and let others have their turn. A client that takes nothing is disconnected."""
    async with asyncio.timeout(_WRITE_SECONDS):
        await response.write(b"%b\n" % line)
        await asyncio.sleep(0)


def _invalid(field: str, message: str) -> Invalid:
    return Invalid(f"{field} {message}.", errors=(FieldError(field, message),))
