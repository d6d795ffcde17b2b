"""What is read over HTTP: the view, now or at a past instant, the menu, health and metrics."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from aiohttp import hdrs, web

from coffeert.domain.orders import MIN_PLACED_AT
from coffeert.domain.view import Change, View
from coffeert.errors import DatabaseUnavailable, FieldError, Invalid, Malformed, Unavailable
from coffeert.server.http.auth import Authorizer
from coffeert.server.http.openapi import openapi_document
from coffeert.server.live.change_log import ChangeLog
from coffeert.server.live.menu_cache import MenuCache
from coffeert.server.ops.health import HealthMonitor, Purpose
from coffeert.server.ops.metrics import Metrics
from coffeert.wire import frames

_JSON = "application/json"
_PAST = "past"


class PastReader(Protocol):
    """Reads the view of the past; raises `DatabaseUnavailable`."""

    async def view_at(self, moment: datetime) -> Change:
        """Read the view as of a past moment."""

    async def view_on(self, day: date) -> Change:
        """Read the view as of the end of a business day, or as of now if it has not ended."""


class DashboardApi:
    """The handlers of every GET.

    `refresh` applies what was committed since the last frame, so that a client finds an order in the view
    as soon as it has its 201.
    """

    def __init__(
        self,
        *,
        change_log: ChangeLog,
        refresh: Callable[[], None],
        menu_cache: MenuCache,
        health: HealthMonitor,
        metrics: Metrics,
        authorizer: Authorizer,
        archive: PastReader,
        zone: Callable[[], str],
        now: Callable[[], datetime],
    ) -> None:
        self._change_log = change_log
        self._refresh = refresh
        self._menu_cache = menu_cache
        self._health = health
        self._metrics = metrics
        self._authorizer = authorizer
        self._archive = archive
        self._zone = zone
        self._now = now

    async def dashboard(self, request: web.Request) -> web.Response:
        """Return the whole view; with `at`, as it was at that instant or at the end of that day."""
        self._authorizer.check(request)
        at = request.query.get("at")
        if at is not None:
            return await self._past(_moment(at, self._zone(), self._now()))
        self._refresh()
        self._change_log.commit_version()
        etag = f"{self._change_log.epoch}.{self._change_log.version}"
        if request.if_none_match and any(tag.value == etag for tag in request.if_none_match):
            response = web.Response(status=304)
        else:
            frame = self._change_log.snapshot_frame(self._health.health)
            response = web.Response(body=frames.encode(frame), content_type=_JSON)
        response.etag = etag
        response.headers[hdrs.CACHE_CONTROL] = "no-cache"
        return response

    async def _past(self, moment: datetime | date) -> web.Response:
        read = self._archive
        try:
            if isinstance(moment, datetime):
                view = View(await read.view_at(moment))
            else:
                view = View(await read.view_on(moment))
        except DatabaseUnavailable as error:
            raise Unavailable("The database cannot be read now.", retry_after=1) from error
        cube, menu = view.cube, self._menu_cache.menu()
        frame = frames.Snapshot(
            epoch=_PAST,
            version=0,
            view=frames.columns(view.as_change(), cube.totals(), cube.top_drinks(), menu.places),
            currency=menu.currency,
        )
        return web.Response(body=frames.encode(frame), content_type=_JSON)

    async def menu(self, request: web.Request) -> web.Response:
        """Return the active menu."""
        self._authorizer.check(request)
        return web.Response(body=frames.encode(self._menu_cache.body()), content_type=_JSON)

    async def live(self, request: web.Request) -> web.Response:
        """Say that the process runs."""
        return web.Response(text="ok\n")

    async def ready(self, request: web.Request) -> web.Response:
        """Return 200 if orders can be stored, else 503; the state of each part only with a token.

        With `for=dashboards`: 200 if dashboards can be served, which needs neither PostgreSQL nor Redis.
        """
        monitor = self._health
        purpose = _purpose(request)
        if purpose == "orders":
            await monitor.refresh()
        ready = monitor.ready(purpose)
        body: dict[str, object] = {"ready": ready, "closing": monitor.closing}
        if self._authorizer.known(request):
            body["parts"] = monitor.health
        return web.Response(
            body=frames.encode(body),
            status=200 if ready else 503,
            content_type=_JSON,
        )

    async def metrics(self, request: web.Request) -> web.Response:
        """Return the figures for Prometheus."""
        self._authorizer.check(request)
        return web.Response(
            body=self._metrics.text(), headers={hdrs.CONTENT_TYPE: self._metrics.content_type}
        )

    async def openapi(self, request: web.Request) -> web.Response:
        """Return the description of this API."""
        return web.Response(
            body=openapi_document(self._menu_cache.menu().places), content_type=_JSON
        )


def _purpose(request: web.Request) -> Purpose:
    match request.query.getall("for", ["orders"]):
        case ["orders"]:
            return "orders"
        case ["dashboards"]:
            return "dashboards"
    raise Malformed(
        "Readiness is asked for orders or for dashboards.",
        errors=(FieldError("for", "must be orders or dashboards"),),
    )


def _moment(text: str, zone: str, now: datetime) -> datetime | date:
    """Read an instant, or a day if there is no time; a time without an offset is in `zone`.

    Raises `Invalid`.
    """
    fault = "must be a time such as 2026-01-31T09:30:00+01:00, or a day such as 2026-01-31"
    try:
        if _DAY.fullmatch(text):
            day = date.fromisoformat(text)
            if MIN_PLACED_AT.date() < day <= now.date() + timedelta(days=1):
                return day
            raise Invalid(_UNUSABLE, errors=(FieldError("at", _BOUNDS),))
        if not _WITH_TIME.match(text):  # Python reads more forms than people mean
            raise ValueError
        moment = datetime.fromisoformat(text[:10] + text[10:].replace(" ", "+"))
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=ZoneInfo(zone))
    except (ValueError, OSError, ZoneInfoNotFoundError):
        raise Invalid(_UNUSABLE, errors=(FieldError("at", fault),)) from None
    if not MIN_PLACED_AT <= moment <= now:
        raise Invalid(_UNUSABLE, errors=(FieldError("at", _BOUNDS),))
    return moment


_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_WITH_TIME = re.compile(r"\d{4}-\d\d-\d\d[T+ ]\d\d", re.ASCII)
_UNUSABLE = "The instant cannot be used."
_BOUNDS = "must lie between 2000-01-01 and now"
