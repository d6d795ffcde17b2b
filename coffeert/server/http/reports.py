"""Reports over HTTP."""

from __future__ import annotations

from aiohttp import hdrs, web

from coffeert.server.http.auth import Authorizer
from coffeert.server.reports.reporter import Reporter
from coffeert.server.reports.request import read_report_request
from coffeert.wire import frames
from coffeert.wire.reports import Activity, Report


class ReportsApi:
    """The handlers of `/api/report` and `/api/activity`."""

    def __init__(self, reporter: Reporter, authorizer: Authorizer) -> None:
        self._reporter = reporter
        self._authorizer = authorizer

    async def report(self, request: web.Request) -> web.Response:
        """Return the report that the parameters ask for."""
        self._authorizer.check(request)
        asked = read_report_request(request.query.items(), self._reporter.menu())
        return _response(await self._reporter.report(asked))

    async def activity(self, request: web.Request) -> web.Response:
        """Return which stores sell as they usually do at this time."""
        self._authorizer.check(request)
        return _response(await self._reporter.activity())


def _response(body: Report | Activity) -> web.Response:
    return web.Response(
        body=frames.encode(body),
        content_type="application/json",
        headers={hdrs.CACHE_CONTROL: "no-cache"},
    )
