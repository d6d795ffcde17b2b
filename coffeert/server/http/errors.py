"""Errors over HTTP: each becomes a problem document (RFC 9457), none a traceback."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Literal

import structlog
from aiohttp import HttpVersion11, hdrs, web

from coffeert.errors import (
    ApiError,
    CoffeertError,
    InternalError,
    Malformed,
    MethodNotAllowed,
    NotFound,
    TooLarge,
    Unavailable,
)
from coffeert.server.http.aiohttp_internals import forget_interim_response
from coffeert.server.http.responses import PROBLEM_JSON, error_response
from coffeert.wire.orders import Problem, encode

log = structlog.get_logger(__name__)

Method = Literal["GET", "POST"]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_ASKS: Final = hdrs.ACCESS_CONTROL_REQUEST_METHOD


@web.middleware
async def error_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer whatever a handler raises."""
    try:
        response = await handler(request)
    except Exception as error:
        if isinstance(error, web.HTTPException) and error.status < 400:
            raise
        response = _response_to(error, request)
    if not response.prepared and _is_unclear(request):
        response.force_close()
    return response


def _is_unclear(request: web.Request) -> bool:
    """Return True if an answer now would leave open where the next request begins.

    The body is not read yet, or its length is not certain (RFC 9112, section 6.1).
    """
    return not request.content.is_eof() or (
        request.version < HttpVersion11 and hdrs.TRANSFER_ENCODING in request.headers
    )


def add_routes(
    app: web.Application, routes: Sequence[tuple[Method, str, Handler]], *, preflight: Handler
) -> None:
    """Add routes as (method, path, handler); everything else is answered with a problem.

    `preflight` answers what a browser asks before a page's request, for every path.
    """
    for method, path, handler in routes:
        # Only `add_get` answers HEAD, too.
        add = app.router.add_get if method == "GET" else app.router.add_post
        add(path, handler, expect_handler=_on_expectation)
    known = list(app.router.resources())

    async def elsewhere(request: web.Request) -> web.StreamResponse:
        if request.method == hdrs.METH_OPTIONS and _ASKS in request.headers:
            return await preflight(request)
        allowed: set[str] = set()
        for resource in known:
            allowed |= (await resource.resolve(request))[1]
        if allowed:
            raise web.HTTPMethodNotAllowed(request.method, allowed)
        raise web.HTTPNotFound

    app.router.add_route("*", "/{anything:.*}", elsewhere, expect_handler=_on_expectation)


async def _on_expectation(request: web.Request) -> web.StreamResponse | None:
    """Answer `Expect: 100-continue`; any other expectation is refused without being repeated."""
    if request.version < HttpVersion11:  # which has no such field
        return None
    if request.headers.get(hdrs.EXPECT, "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        forget_interim_response(request)
        return None
    problem = Problem("Expectation failed", 417, "Only 100-continue can be expected here.")
    response = web.Response(body=encode(problem), status=417, content_type=PROBLEM_JSON)
    response.force_close()
    return response


def _response_to(error: Exception, request: web.Request) -> web.Response:
    if isinstance(error, web.HTTPMethodNotAllowed):
        refused = MethodNotAllowed(f"{request.method} is not possible here.")
        response = error_response(refused).for_aiohttp()
        response.headers[hdrs.ALLOW] = ", ".join(sorted(error.allowed_methods))
        return response
    # After these it is not known where the next request would begin.
    broken = isinstance(error, ConnectionError | UnicodeDecodeError | web.RequestPayloadError)
    return error_response(api_error(error, request.path), close=broken).for_aiohttp()


def api_error(error: Exception, path: str) -> ApiError:
    """Return the error that a client gets for an exception; a fault of the server is logged."""
    match error:
        case ApiError():
            return error
        case web.HTTPRequestEntityTooLarge():
            return TooLarge("The body is too large.")
        case web.HTTPNotFound():
            return NotFound("Nothing lies at this address.")
        case web.HTTPException():
            return Malformed(error.reason)
        case ConnectionError() | UnicodeDecodeError() | web.RequestPayloadError():
            return Malformed("The request broke off or cannot be read.")
        case CoffeertError():
            # The part that is away has its one line from the health monitor, not one a request.
            log.debug("request failed", path=path, reason=str(error))
            return Unavailable("A part of the server cannot be reached.", retry_after=1)
        case _:
            log.error("request failed", path=path, exc_info=error)
            return InternalError("Something went wrong on our side.")
