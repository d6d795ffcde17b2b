"""What is read over HTTP: the view, now or at a past instant, the menu, health and metrics."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Protocol

from aiohttp import hdrs, web

from coffeert.domain.menu import Menu
from coffeert.domain.orders import MIN_PLACED_AT
from coffeert.domain.view import Change, View
from coffeert.errors import DatabaseUnavailable, FieldError, Invalid, Malformed, Unavailable
from coffeert.server.http.auth import Authorizer
from coffeert.server.http.moments import read_moment
from coffeert.server.http.openapi import openapi_document
from coffeert.server.http.responses import is_unchanged
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
        refresh: Callable[[], object],
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
            return await self._past(_past_moment(at, self._zone(), self._now()))
        self._refresh()
        self._change_log.commit_version()
        etag = f"{self._change_log.epoch}.{self._change_log.version}"
        if is_unchanged(request, etag):
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
                change = await read.view_at(moment)
            else:
                change = await read.view_on(moment)
        except DatabaseUnavailable as error:
            raise Unavailable("The database cannot be read now.", retry_after=1) from error
        # In a thread: with a large menu this takes half a second, in which no order would be answered.
        body = await asyncio.to_thread(_past_body, change, self._menu_cache.menu())
        return web.Response(body=body, content_type=_JSON)

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


def _past_body(change: Change, menu: Menu) -> bytes:
    view = View(change)
    cube = view.cube
    frame = frames.Snapshot(
        epoch=_PAST,
        version=0,
        view=frames.columns(view.as_change(), cube.totals(), cube.top_drinks(), menu.places),
        currency=menu.currency,
    )
    return frames.encode(frame)


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


def _past_moment(text: str, zone: str, now: datetime) -> datetime | date:
    """Read an instant or a day that is not in the future; raises `Invalid`."""
    moment = read_moment("at", text, zone)
    if isinstance(moment, datetime):
        usable = MIN_PLACED_AT <= moment <= now
    else:
        usable = MIN_PLACED_AT.date() < moment <= now.date() + timedelta(days=1)
    if not usable:
        fault = FieldError("at", "must lie between 2000-01-01 and now")
        raise Invalid(f"at {fault.message}.", errors=(fault,))
    return moment
