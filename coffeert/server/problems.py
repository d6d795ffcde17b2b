"""Errors over HTTP: every refusal becomes a problem document (RFC 9457), none a traceback."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web

from coffeert.errors import (
    CoffeertError,
    Malformed,
    NotFound,
    RequestRefused,
    TooLarge,
    Unavailable,
)
from coffeert.wire.orders import Problem, encode

log = structlog.get_logger(__name__)

PROBLEM_JSON = "application/problem+json"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class MethodNotAllowed(RequestRefused):
    """The address exists, but not for this method."""

    status = 405
    title = "Method not allowed"


class InternalError(RequestRefused):
    """A fault of ours; the log has it."""

    status = 500
    title = "Internal error"


def problem_response(error: RequestRefused) -> web.Response:
    """Make the response that says what is wrong."""
    response = web.Response(
        body=encode(Problem.of(error)), status=error.status, content_type=PROBLEM_JSON
    )
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(max(1, math.ceil(error.retry_after)))
    if error.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer whatever a handler raises."""
    try:
        return await handler(request)
    except RequestRefused as error:
        return problem_response(error)
    except web.HTTPRequestEntityTooLarge:
        return problem_response(TooLarge("The body is too large."))
    except web.HTTPMethodNotAllowed as error:
        response = problem_response(MethodNotAllowed(f"{request.method} is not possible here."))
        response.headers["Allow"] = ", ".join(sorted(error.allowed_methods))
        return response
    except web.HTTPNotFound:
        return problem_response(NotFound("Nothing lies at this address."))
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return problem_response(Malformed(error.reason))
    except (ConnectionError, UnicodeDecodeError):
        return problem_response(Malformed("The request broke off or cannot be read."))
    except CoffeertError as error:
        log.warning("request failed", path=request.path, reason=str(error))
        return problem_response(
            Unavailable("A part of the server cannot be reached.", retry_after=1)
        )
    except Exception:
        log.exception("request failed", path=request.path)
        return problem_response(InternalError("Something went wrong on our side."))
