"""Errors over HTTP: every refusal becomes a problem document (RFC 9457), none a traceback."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Literal

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
from coffeert.server.http.doorway import gate_of
from coffeert.server.http.responses import PROBLEM_JSON, whole_seconds
from coffeert.wire.orders import Problem, encode

log = structlog.get_logger(__name__)

Method = Literal["GET", "POST"]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def problem_response(error: ApiError) -> web.Response:
    """Make the response that says what is wrong."""
    response = web.Response(
        body=encode(Problem.of(error)), status=error.status, content_type=PROBLEM_JSON
    )
    if error.retry_after is not None:
        response.headers["Retry-After"] = whole_seconds(error.retry_after)
    if error.status == 408:
        response.force_close()
    if error.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def guarded(handler: Handler) -> Handler:
    """Wrap a handler so that whatever it raises is answered.

    Around each handler rather than as a middleware, which costs every order two calls more.
    """

    async def guard(request: web.Request) -> web.StreamResponse:
        gate = gate_of(request)
        if gate is not None:
            gate.begin()
        try:
            return await handler(request)
        except Exception as error:
            if isinstance(error, web.HTTPException) and error.status < 400:
                raise
            return _response_to(error, request)
        finally:
            if gate is not None:
                gate.end()

    return guard


def add_routes(app: web.Application, routes: Sequence[tuple[Method, str, Handler]]) -> None:
    """Add routes as (method, path, handler), guarded; everything else is answered with a problem."""
    for method, path, handler in routes:
        # Only `add_get` answers HEAD, too.
        add = app.router.add_get if method == "GET" else app.router.add_post
        add(path, guarded(handler), expect_handler=_expected)
    known = list(app.router.resources())

    async def elsewhere(request: web.Request) -> web.StreamResponse:
        allowed: set[str] = set()
        for resource in known:
            allowed |= (await resource.resolve(request))[1]
        if allowed:
            raise web.HTTPMethodNotAllowed(request.method, allowed)
        raise web.HTTPNotFound

    app.router.add_route("*", "/{anything:.*}", guarded(elsewhere), expect_handler=_expected)


async def _expected(request: web.Request) -> web.StreamResponse | None:
    """Tell a client that asks to go on; any other expectation is refused without being repeated."""
    if request.version < HttpVersion11:  # which has no such header
        return None
    if request.headers.get(hdrs.EXPECT, "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # that was no part of the answer
        return None
    problem = Problem("Expectation failed", 417, "Only 100-continue can be expected here.")
    response = web.Response(body=encode(problem), status=417, content_type=PROBLEM_JSON)
    response.force_close()
    return response


def _response_to(error: Exception, request: web.Request) -> web.Response:
    match error:
        case ApiError():
            return problem_response(error)
        case web.HTTPRequestEntityTooLarge():
            return problem_response(TooLarge("The body is too large."))
        case web.HTTPMethodNotAllowed():
            response = problem_response(MethodNotAllowed(f"{request.method} is not possible here."))
            response.headers["Allow"] = ", ".join(sorted(error.allowed_methods))
            return response
        case web.HTTPNotFound():
            return problem_response(NotFound("Nothing lies at this address."))
        case web.HTTPException():
            return problem_response(Malformed(error.reason))
        case ConnectionError() | UnicodeDecodeError() | web.RequestPayloadError():
            response = problem_response(Malformed("The request broke off or cannot be read."))
            response.force_close()  # where the next request would begin is not known
            return response
        case CoffeertError():
            # The part that is away has its one line from the health board, not one a request.
            log.debug("request failed", path=request.path, reason=str(error))
            return problem_response(
                Unavailable("A part of the server cannot be reached.", retry_after=1)
            )
        case _:
            log.error("request failed", path=request.path, exc_info=error)
            return problem_response(InternalError("Something went wrong on our side."))
