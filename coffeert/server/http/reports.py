"""Reports over HTTP."""

from __future__ import annotations

from aiohttp import hdrs, web

from coffeert.server.http.auth import Authorizer
from coffeert.server.reports.reporter import Reporter
from coffeert.server.reports.request import read_report_request
from coffeert.wire import frames


class ReportsApi:
    """The handlers of `/api/report` and `/api/activity`."""

    def __init__(self, reporter: Reporter, authorizer: Authorizer) -> None:
        self._reporter = reporter
        self._authorizer = authorizer

    async def report(self, request: web.Request) -> web.Response:
        """Return the report that the parameters ask for."""
        self._authorizer.check(request)
        asked = read_report_request(request.query.items(), self._reporter.menu())
        report = await self._reporter.report(asked)
        return web.Response(
            body=frames.encode(report),
            content_type="application/json",
            headers={hdrs.CACHE_CONTROL: "no-cache"},
        )
