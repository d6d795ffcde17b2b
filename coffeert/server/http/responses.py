"""Responses: from an order or an error to a status, headers and a body, and to the bytes of HTTP/1.

An answer is made once, as a `Response`; aiohttp's handlers and the connections in front of aiohttp both
send that, so a client cannot see which of them it met.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Final

import msgspec
from aiohttp import hdrs, web
from aiohttp.http import SERVER_SOFTWARE

from coffeert.errors import ApiError, Gone, TooManyRequests
from coffeert.server.ingest.batch_insert import StoredOrder
from coffeert.wire.orders import BatchResult, OrderBody, Problem, encode

PROBLEM_JSON: Final = "application/problem+json"
_JSON: Final = ("Content-Type", "application/json")
_REASONS: Final = {status.value: status.phrase for status in HTTPStatus}
_NEVER: Final = re.compile(r"q=0(\.0{0,3})?")


def is_unchanged(request: web.Request, tag: str) -> bool:
    """Return True if a client has what it asks for, which has this tag (RFC 9110, section 13.1.2)."""
    return any(known.value in (tag, "*") for known in request.if_none_match or ())


def accepts_gzip(request: web.Request) -> bool:
    """Return True if a client names gzip, and does not rule it out (RFC 9110, section 12.5.3)."""
    accepted = ",".join(request.headers.getall(hdrs.ACCEPT_ENCODING, ()))
    for coding in accepted.lower().split(","):
        name, *parameters = (part.strip() for part in coding.split(";"))
        if name in ("gzip", "x-gzip"):
            return not any(_NEVER.fullmatch(parameter) for parameter in parameters)
    return False


class Response(msgspec.Struct, frozen=True):
    """A whole response. `close`: the connection ends with it."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    close: bool = False

    def for_aiohttp(self) -> web.Response:
        """Make aiohttp's response of it."""
        response = web.Response(status=self.status, headers=dict(self.headers), body=self.body)
        if self.close:
            response.force_close()
        return response


def order_response(stored: StoredOrder, places: int) -> Response:
    """Answer that an order is stored; `places` are the decimal places of the currency."""
    body = encode(OrderBody.of(stored.order, places, stored.key))
    if stored.replayed:
        return Response(200, (("Idempotent-Replayed", "true"), _JSON), body)
    return Response(201, (_JSON,), body)


def error_response(error: ApiError, *, close: bool = False) -> Response:
    """Answer with a problem document (RFC 9457)."""
    headers = [("Content-Type", PROBLEM_JSON), *_retry_after(error)]
    if error.status == 401:
        headers.append(("WWW-Authenticate", "Bearer"))
    if isinstance(error, Gone):
        headers.append(("Link", '<?after=beginning>; rel="first"'))
    body = encode(Problem.of(error))
    return Response(error.status, tuple(headers), body, close or error.status == 408)


def batch_response(result: BatchResult, error: ApiError | None) -> Response:
    """Answer what became of a batch, and what it broke off with."""
    if error is None:
        return Response(200, (_JSON,), encode(result))
    return Response(error.status, (_JSON, *_retry_after(error)), encode(result))


def batch_refusal(error: ApiError) -> Response:
    """Answer that nothing of a batch was stored."""
    return batch_response(BatchResult(0, 0, 0, problem=Problem.of(error)), error)


def _retry_after(error: ApiError) -> list[tuple[str, str]]:
    if error.retry_after is None:
        return []
    # Whole seconds, and never 0, which would ask to come back at once.
    return [("Retry-After", str(max(1, math.ceil(error.retry_after))))]


class ResponseEncoder:
    """Writes responses with the fields that aiohttp adds; `clock` returns Unix seconds.

    `version` is that of the request, as "1.1"; `keep_alive`: the connection stays open (RFC 9112, section
    9.3).
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._second = -1
        self._ends: dict[tuple[str, bool], bytes] = {}
        self._created_heads: dict[tuple[int, str, bool], bytes] = {}

    def created(self, stored: StoredOrder, places: int, version: str, *, keep_alive: bool) -> bytes:
        """Encode the `order_response` of a new order, which is most of them."""
        body = encode(OrderBody.of(stored.order, places, stored.key))
        self._renew()
        # A second has many orders, and their bodies few lengths.
        kind = len(body), version, keep_alive
        head = self._created_heads.get(kind)
        if head is None:
            head = _head(201, (_JSON,), len(body), version) + self._ends[version, keep_alive]
            self._created_heads[kind] = head
        return head + body

    def encode(self, response: Response, version: str, *, keep_alive: bool) -> bytes:
        """Encode a response."""
        head = _head(response.status, response.headers, len(response.body), version)
        self._renew()
        end = self._ends[version, keep_alive and not response.close]
        return b"%b%b%b" % (head, end, response.body)

    def _renew(self) -> None:
        """Write again what holds the date, if a second has begun."""
        second = int(self._clock())
        if second == self._second:
            return
        self._second = second
        common = f"Date: {formatdate(second, usegmt=True)}\r\nServer: {SERVER_SOFTWARE}\r\n"
        self._ends = {
            ("1.1", True): f"{common}\r\n".encode(),
            ("1.1", False): f"{common}Connection: close\r\n\r\n".encode(),
            ("1.0", True): f"{common}Connection: keep-alive\r\n\r\n".encode(),
            ("1.0", False): f"{common}\r\n".encode(),
        }
        self._created_heads.clear()


@lru_cache(64)  # refusals are many and alike
def _head(status: int, headers: tuple[tuple[str, str], ...], length: int, version: str) -> bytes:
    fields = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return (
        f"HTTP/{version} {status} {_REASONS[status]}\r\n{fields}Content-Length: {length}\r\n"
    ).encode()


TOO_MANY_CONNECTIONS: Final = error_response(
    TooManyRequests("Too many connections from this address.", retry_after=5), close=True
)
