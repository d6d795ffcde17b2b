"""ResponseEncoder as bytes, for those who answer without a framework: the doorway and the fast path."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from email.utils import formatdate
from http import HTTPStatus
from typing import Final

from aiohttp.http import SERVER_SOFTWARE

from coffeert.domain.orders import Order
from coffeert.errors import ApiError
from coffeert.wire.orders import BatchResult, OrderBody, Problem, encode

PROBLEM_JSON: Final = "application/problem+json"
_KIND = PROBLEM_JSON.encode()

_CREATED = b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%b%b"
_REPLAYED = (
    b"HTTP/1.1 200 OK\r\nIdempotent-Replayed: true\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n%b%b"
)
_REFUSED = b"HTTP/1.1 %d %b\r\nContent-Type: %b\r\n%bContent-Length: %d\r\n%b%b"


def whole_seconds(seconds: float) -> str:
    """Put a delay as the Retry-After header takes it; never 0, which asks to come back at once."""
    return str(max(1, math.ceil(seconds)))


def refusal(error: ApiError, end_of_head: bytes = b"\r\n") -> bytes:
    """Write the answer that says what is wrong; `end_of_head` are further headers and an empty line."""
    return _refusal(error, _KIND, encode(Problem.of(error)), end_of_head)


def batch_refusal(error: ApiError) -> bytes:
    """Write the answer to a batch of which nothing was stored."""
    body = encode(BatchResult(0, 0, 0, problem=Problem.of(error)))
    return _refusal(error, b"application/json", body, b"\r\n")


def _refusal(error: ApiError, kind: bytes, body: bytes, end_of_head: bytes) -> bytes:
    reason = HTTPStatus(error.status).phrase.encode()
    later = b""
    if error.retry_after is not None:
        later = b"Retry-After: %b\r\n" % whole_seconds(error.retry_after).encode()
    return _REFUSED % (error.status, reason, kind, later, len(body), end_of_head, body)


class ResponseEncoder:
    """Writes answers with the headers that aiohttp adds; `clock` tells the time in Unix seconds."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._second = -1
        self._common = b""

    def placed(self, order: Order, *, replayed: bool) -> bytes:
        """Answer that an order is stored; `replayed`: it already was."""
        body = encode(OrderBody.of(order))
        return (_REPLAYED if replayed else _CREATED) % (len(body), self._end_of_head(), body)

    def refused(self, error: ApiError) -> bytes:
        """Answer that an order is not stored."""
        return refusal(error, self._end_of_head())

    def _end_of_head(self) -> bytes:
        second = int(self._clock())
        if second != self._second:
            self._second = second
            date = formatdate(second, usegmt=True)
            self._common = f"Date: {date}\r\nServer: {SERVER_SOFTWARE}\r\n\r\n".encode()
        return self._common
