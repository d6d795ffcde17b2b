"""Closings of business days over HTTP."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Final, TypeVar

from aiohttp import hdrs, web

from coffeert.errors import FieldError, Invalid, NotFound
from coffeert.server.http.auth import Authorizer
from coffeert.server.reports.day_closer import DayCloser, day_fault
from coffeert.server.reports.reporter import Reporter
from coffeert.wire import frames
from coffeert.wire.closings import DEFAULT_LIMIT, MAX_LIMIT, Closing, ClosingList

T = TypeVar("T")

_NUMBER: Final = re.compile(r"[1-9]\d{0,17}", re.ASCII)
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


class ClosingsApi:
    """The handlers of `/api/closings`."""

    def __init__(self, reporter: Reporter, closer: DayCloser, authorizer: Authorizer) -> None:
        self._reporter = reporter
        self._closer = closer
        self._authorizer = authorizer

    async def closings(self, request: web.Request) -> web.Response:
        """Return a page of closings."""
        self._authorizer.check(request)
        fields = _fields(request, ("before", "day", "limit"))
        found = await self._reporter.closings(
            before=_read(fields, "before", _whole),
            day=_read(fields, "day", _day),
            limit=_read(fields, "limit", _limit) or DEFAULT_LIMIT,
        )
        return _response(found)

    async def closing(self, request: web.Request) -> web.Response:
        """Return a closing in full."""
        self._authorizer.check(request)
        _fields(request, ())
        text = request.match_info["number"]
        if not _NUMBER.fullmatch(text):
            fault = FieldError("number", "must be a whole number from 1")
            raise NotFound("Closings are numbered from 1.", errors=(fault,))
        return _response(await self._reporter.closing(int(text)))

    async def close(self, request: web.Request) -> web.Response:
        """Close a business day: 201 with its new closing, 200 if it has one that is still right."""
        self._authorizer.check_order(request)
        day = _read(_fields(request, ("day",)), "day", _day)
        closed = await self._closer.close(day)
        response = _response(
            await self._reporter.closing(closed.number), 201 if closed.new else 200
        )
        response.headers[hdrs.LOCATION] = f"/api/closings/{closed.number}"
        return response


def _fields(request: web.Request, known: tuple[str, ...]) -> dict[str, str]:
    for name in request.query:
        if name not in known:
            raise _fault(name, "is no field of this address")
        if len(request.query.getall(name)) > 1:
            raise _fault(name, "may be given once")
    return dict(request.query)


def _read(fields: dict[str, str], name: str, reader: Callable[[str], T]) -> T | None:
    try:
        return reader(fields[name]) if name in fields else None
    except ValueError as error:
        raise (day_fault(str(error)) if name == "day" else _fault(name, str(error))) from None


def _day(text: str) -> date:
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise ValueError("must be a date such as 2026-11-26")


def _whole(text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise ValueError("must be a whole number from 1")
    return int(text)


def _limit(text: str) -> int:
    if not _NUMBER.fullmatch(text) or int(text) > MAX_LIMIT:
        raise ValueError(f"must be a whole number from 1 to {MAX_LIMIT}")
    return int(text)


def _fault(name: str, message: str) -> Invalid:
    return Invalid(f"{name} {message}.", errors=(FieldError(name, message),))


def _response(body: Closing | ClosingList, status: int = 200) -> web.Response:
    return web.Response(
        body=frames.encode(body),
        status=status,
        content_type="application/json",
        headers={hdrs.CACHE_CONTROL: "no-cache"},
    )
