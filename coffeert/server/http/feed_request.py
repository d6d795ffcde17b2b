"""What `GET /api/feed` is asked."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Final, Literal

import msgspec
from aiohttp import hdrs, web

from coffeert.domain.feed import BEGINNING, FeedCursor, FeedStart
from coffeert.domain.menu import Menu
from coffeert.errors import FieldError, Invalid
from coffeert.server.http.moments import read_moment
from coffeert.wire.feed import (
    DEFAULT_LIMIT,
    LINES_TYPE,
    MAX_LIMIT,
    MAX_WAIT_SECONDS,
    STREAM_TYPE,
    FeedFilter,
    FeedShare,
)

FeedFormat = Literal["batch", "ndjson", "sse"]
NOW: Final = "now"

_FORMATS: Final[tuple[FeedFormat, ...]] = ("batch", "ndjson", "sse")
_LISTS: Final = ("stores", "drinks")
_SINGLE: Final = ("after", "lastEventId", "limit", "wait", "timeout", "part", "format")
_LAST_EVENT_ID: Final = "Last-Event-ID"
_MAX_SHARES: Final = 64
_LIMIT: Final = re.compile(r"0*([0-9]{1,4})", re.ASCII)
_SHARE: Final = re.compile(r"([1-9][0-9]?)/([1-9][0-9]?)", re.ASCII)
_WAIT: Final = re.compile(r"([0-9]{1,5}(?:\.[0-9]{1,3})?)(ms|s|)", re.ASCII)


class FeedRequest(msgspec.Struct, frozen=True):
    """Where a reader begins, what it wants, how much at once, and how many seconds it waits for that."""

    start: FeedStart
    wanted: FeedFilter
    limit: int
    wait: float
    format: FeedFormat


def read_feed_request(request: web.Request, menu: Menu, zone: str) -> FeedRequest:
    """Read the query and the header; raises `Invalid`, which names the field."""
    query = request.query
    for name in query:
        if name not in (*_LISTS, *_SINGLE):
            raise _invalid(name, "is no field of this address")
        if name in _SINGLE and len(query.getall(name)) > 1:
            raise _invalid(name, "may be given once")
    format_ = _format(request)
    if format_ == "sse":
        for name in ("limit", "wait", "timeout"):
            if name in query:
                raise _invalid(name, "is not for a stream, which never ends")
    stores = _codes(request, "stores", menu.store_code, {store.code for store in menu.stores})
    drinks = _codes(request, "drinks", menu.drink_code, {drink.code for drink in menu.drinks})
    return FeedRequest(
        start=_start(request, format_, zone),
        wanted=FeedFilter(stores, drinks, _share(query.get("part"))),
        limit=_limit(query.get("limit")),
        wait=_wait(request),
        format=format_,
    )


def _format(request: web.Request) -> FeedFormat:
    named = request.query.get("format")
    if named is not None:
        for known in _FORMATS:
            if named == known:
                return known
        raise _invalid("format", f"must be one of {', '.join(_FORMATS)}")
    accepted = request.headers.get(hdrs.ACCEPT, "").lower()
    first = accepted.partition(",")[0].partition(";")[0].strip()
    if first == STREAM_TYPE:
        return "sse"
    return "ndjson" if first == LINES_TYPE else "batch"


def _start(request: web.Request, format_: FeedFormat, zone: str) -> FeedStart:
    field, text = "after", request.query.get("after")
    if text is None and "lastEventId" in request.query:
        field, text = "lastEventId", request.query["lastEventId"]
    resumed = request.headers.get(_LAST_EVENT_ID)
    if format_ == "sse" and resumed:  # a browser repeats the URL that it began with
        field, text = _LAST_EVENT_ID, resumed
    if text is None or text == BEGINNING:
        return "beginning"
    if text == NOW:
        return "now"
    try:
        return FeedCursor.parse(text)
    except ValueError:
        pass
    try:
        moment = read_moment(field, text, zone)
    except Invalid:
        moment = None
    if not isinstance(moment, datetime):
        raise _invalid(
            field,
            "must be the cursor of an answer, beginning, now, or a time such as "
            "2026-01-31T09:30:00+01:00",
        )
    return moment


def _codes(
    request: web.Request, field: str, code_of: Callable[[str], str | None], known: set[str]
) -> frozenset[str]:
    texts = [
        text.strip()
        for given in request.query.getall(field, [])
        # A name may have a comma in it.
        for text in ([given] if code_of(given.strip()) else given.split(","))
        if text.strip()
    ]
    codes = set()
    for text in texts:
        code = code_of(text) or text  # which may be retired
        if code not in known:
            raise _invalid(field, f"has {text[:40]!a}, which is not on the menu")
        codes.add(code)
    return frozenset(codes)


def _limit(text: str | None) -> int:
    if text is None:
        return DEFAULT_LIMIT
    match = _LIMIT.fullmatch(text)
    limit = 0 if match is None else int(match[1])
    if not 1 <= limit <= MAX_LIMIT:
        raise _invalid("limit", f"must be a whole number from 1 to {MAX_LIMIT:,}")
    return limit


def _share(text: str | None) -> FeedShare | None:
    if text is None:
        return None
    match = _SHARE.fullmatch(text)
    number, count = (0, 0) if match is None else map(int, match.groups())
    if not 1 <= number <= count <= _MAX_SHARES:
        raise _invalid("part", f"must be such as 3/8, at most of {_MAX_SHARES}")
    return FeedShare(number, count)


def _wait(request: web.Request) -> float:
    """Read how long to wait; `timeout`, in milliseconds, is the name that HTTP Feeds has for it."""
    for field, unit in (("wait", "s"), ("timeout", "ms")):
        text = request.query.get(field)
        if text is None:
            continue
        match = _WAIT.fullmatch(text)
        seconds = -1.0
        if match is not None:
            seconds = float(match[1]) / (1e3 if (match[2] or unit) == "ms" else 1)
        if not 0 <= seconds <= MAX_WAIT_SECONDS:
            raise _invalid(field, f"must be a time such as 30s, at most {MAX_WAIT_SECONDS:.0f}s")
        return seconds
    return 0.0


def _invalid(field: str, message: str) -> Invalid:
    return Invalid(f"{field} {message}.", errors=(FieldError(field, message),))
