"""Errors from what the server answers and from connections that break."""

from __future__ import annotations

import asyncio
import errno
from typing import Final

import aiohttp
import msgspec
from yarl import URL

from coffeert.client.tls import tls_reason
from coffeert.errors import ApiError, OutcomeUnknown, ServerUnavailable, Unavailable
from coffeert.wire.frames import Refusal
from coffeert.wire.orders import Problem

_BY_STATUS: Final = {kind.status: kind for kind in ApiError.__subclasses__()}
_MAX_RETRY_AFTER_SECONDS = 3600.0
_decode_problem = msgspec.json.Decoder(Problem).decode

RETRYABLE: Final = frozenset({429, 500, 502, 503, 504})
"""Statuses about the server's condition and not about the request, so that a retry may succeed."""

TRANSPORT_ERRORS: Final = (aiohttp.ClientError, asyncio.TimeoutError, OSError)
"""What aiohttp raises for a broken connection."""


def error_from_problem(problem: Problem | Refusal) -> ApiError:
    """Return the error that a problem document or an error frame describes."""
    kind = _BY_STATUS.get(problem.status)
    if kind is Unavailable and problem.title == OutcomeUnknown.title:
        kind = OutcomeUnknown
    if kind is not None:
        return kind(problem.detail, errors=problem.errors, retry_after=problem.retry_after)
    base = Unavailable if problem.status in RETRYABLE else ApiError
    error = base(problem.detail, errors=problem.errors, retry_after=problem.retry_after)
    error.status = problem.status
    return error


def error_from_response(status: int, body: bytes, retry_after: str | None) -> ApiError:
    """Return the error of an HTTP response; one without a problem document comes from a proxy."""
    try:
        problem = _decode_problem(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        problem = Problem("", status, f"The server answered with HTTP status {status}.")
    if problem.retry_after is None and retry_after is not None:
        problem = msgspec.structs.replace(problem, retry_after=_seconds(retry_after))
    return error_from_problem(msgspec.structs.replace(problem, status=status))


def is_retryable(error: ApiError) -> bool:
    """Whether the same request may succeed later."""
    return error.status in RETRYABLE


def server_unavailable(server: URL, error: BaseException) -> ServerUnavailable:
    return ServerUnavailable(f"The server at {server} {plain_reason(error)}.")


def plain_reason(error: BaseException) -> str:
    """Describe a transport error by a phrase whose subject is the server: no secrets, no class names."""
    if isinstance(error, aiohttp.ClientSSLError):
        return tls_reason(error)
    if isinstance(error, asyncio.TimeoutError):
        return "did not answer in time"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "has a name that cannot be resolved"
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.ECONNREFUSED:
        return "does not answer; `coffeert serve` starts one"
    if isinstance(error, aiohttp.ClientConnectorError):
        return "cannot be reached"
    if isinstance(error, aiohttp.ServerDisconnectedError | aiohttp.ClientPayloadError | OSError):
        return "broke the connection"
    return "answered in a way that is not HTTP"


def _seconds(text: str) -> float | None:
    # RFC 9110 also allows a date; our server and common proxies send seconds.
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if 0 <= seconds <= _MAX_RETRY_AFTER_SECONDS else None
