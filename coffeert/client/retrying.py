"""HTTP requests, each tried again until the server has answered it or patience has come to an end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar

import aiohttp
import msgspec
from yarl import URL

from coffeert.backoff import Backoff
from coffeert.client.attempts import AttemptFailed, redirection
from coffeert.client.errors import (
    TRANSPORT_ERRORS,
    error_from_response,
    is_retryable,
    server_unavailable,
)
from coffeert.client.events import PlacedOrder
from coffeert.client.tls import tls_for
from coffeert.client.url import parse_server_url, token_headers
from coffeert.errors import ApiError, NotFound, ServerUnavailable
from coffeert.wire.orders import decode_body

T = TypeVar("T")

REDIRECTS: Final = 300
_CREATED: Final = 201
_REFUSALS: Final = 400
_NOT_FOUND: Final = 404
_PROXIES: Final = frozenset({401, 403, _NOT_FOUND})
_TIMEOUT: Final = aiohttp.ClientTimeout(total=30, connect=10)
_NO_HEADERS: Final[Mapping[str, str]] = {}


class Receipt(msgspec.Struct, frozen=True):
    """A server's answer of success before its body is decoded; otherwise as `PlacedOrder`."""

    body: bytes
    replayed: bool
    attempts: int
    submitted: float
    committed: float

    def placed(self) -> PlacedOrder:
        """Decode the body, which holds a stored order."""
        order = decode_body(self.body)
        return PlacedOrder(order, self.replayed, self.attempts, self.submitted, self.committed)


class RetryingClient:
    """The requests to one server; an async context manager. `retries` counts those that were sent again."""

    def __init__(
        self,
        url: str,
        token: str | None,
        connections: int,
        patience: float,
        ca_file: Path | None,
    ) -> None:
        self._server = parse_server_url(url)
        self._tls = tls_for(self._server, ca_file)
        self._connections = connections
        self._patience = patience
        self._headers = token_headers(token)
        self._session: aiohttp.ClientSession | None = None
        self._answered = False  # well, at least once
        self.retries = 0

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            headers=self._headers,
            connector=aiohttp.TCPConnector(limit=self._connections, ssl=self._tls),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=_TIMEOUT,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise ServerUnavailable("The client is closed; use it inside `async with`.")
        return self._session

    async def _get(self, url: URL, decode: Callable[[bytes], T]) -> T:
        return decode((await self._request("GET", url)).body)

    async def _request(
        self, method: str, url: URL, body: bytes = b"", headers: Mapping[str, str] = _NO_HEADERS
    ) -> Receipt:
        submitted, attempts = time.monotonic(), 0

        async def again() -> tuple[int, bytes]:
            nonlocal attempts
            attempts += 1
            return await self._attempt(method, url, body, headers)

        status, answer = await self._retried(again)
        return Receipt(answer, status != _CREATED, attempts, submitted, time.monotonic())

    async def _retried(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Attempt something until it comes to an end, or patience does; raises what failed last."""
        deadline = time.monotonic() + self._patience
        backoff = Backoff()
        while True:
            try:
                return await attempt()
            except AttemptFailed as failed:
                delay = backoff.next_delay(failed.retry_after)
                if failed.final or time.monotonic() + delay > deadline:
                    raise failed.error from failed.__cause__
            self.retries += 1
            await asyncio.sleep(delay)

    async def _attempt(
        self, method: str, url: URL, body: bytes, headers: Mapping[str, str]
    ) -> tuple[int, bytes]:
        try:
            async with self._open_session().request(
                method, url, data=body, headers=headers, allow_redirects=False
            ) as response:
                answer = await response.read()
        except TRANSPORT_ERRORS as error:
            final = isinstance(error, aiohttp.ClientSSLError) and not self._answered
            raise AttemptFailed(server_unavailable(self._server, error), final=final) from error
        if response.status < REDIRECTS:
            self._answered = True
            return response.status, answer
        refused = error_from_response(response.status, answer, response.headers.get("Retry-After"))
        if response.status < _REFUSALS:
            refused = ApiError(redirection(self._server, response))
            refused.status = response.status
        # Of a server that has answered well: a proxy exchanges it, and knows no better for a moment.
        passing = (
            self._answered and refused.status in _PROXIES and "json" not in response.content_type
        )
        if refused.status == _NOT_FOUND and method == "GET" and not refused.errors:
            refused = NotFound(
                f"There is no coffeert at {self._server} (HTTP status 404); check its URL, also the path."
            )
        raise AttemptFailed(
            refused,
            final=not (is_retryable(refused) or passing),
            retry_after=refused.retry_after,
            answer=answer,
        )
