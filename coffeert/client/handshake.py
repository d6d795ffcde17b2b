"""Why no WebSocket to a server could be opened, or why it ended."""

from __future__ import annotations

import asyncio
import time
from typing import Final

import aiohttp
import msgspec
from yarl import URL

from coffeert.client.errors import (
    RETRYABLE,
    TRANSPORT_ERRORS,
    error_from_response,
    is_retryable,
)
from coffeert.errors import CoffeertError, ServerUnavailable
from coffeert.wire.orders import MenuBody

_PROBE_SECONDS: Final = 10.0
_BAD_REQUEST: Final = 400
_FIRST_REASONS: Final = {
    401: "asks for a token, or for another one than was given",
    403: "does not allow this client",
    404: "has no dashboard; is it a coffeert server",
}
_QUESTIONS: Final = {
    401: "is the token still right?",
    403: "may this client still use it?",
    404: "does its URL still lead to coffeert?",
}


class ConnectionLost(Exception):
    """The connection is over; `refused` is set if that is about this client, `status` by the handshake."""

    def __init__(
        self,
        reason: str,
        *,
        retry_after: float | None = None,
        refused: CoffeertError | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after = retry_after
        self.refused = refused
        self.status = status


class Refusals:
    """Says for how long a server, to which there once was a connection, has given the same answer."""

    def __init__(self) -> None:
        self._status: int | None = None
        self._since = 0.0

    def reason(self, lost: ConnectionLost, began: float, *, once_live: bool) -> str:
        """Return why an attempt failed that began at a time of `time.monotonic()`."""
        if lost.status != self._status:
            self._status, self._since = lost.status, began
        seconds = time.monotonic() - self._since
        if not once_live or seconds < 1 or lost.status not in _QUESTIONS:
            return lost.reason
        return f"has answered {lost.status} for {seconds:.0f} s: {_QUESTIONS[lost.status]}"


async def lost_at_handshake(
    session: aiohttp.ClientSession,
    server: URL,
    error: aiohttp.WSServerHandshakeError,
    *,
    again: bool,
) -> ConnectionLost:
    """Explain a handshake that failed, `again` or for the first time.

    If the server answers HTTP, the way of the WebSocket is blocked.
    """
    lost = _refused(error)
    if (error.status in RETRYABLE and not again) or _is_by_server(error):
        return lost  # the one may be over in a moment
    if not await _answers_http(session, server):
        return lost
    reason = f"answers, but the proxy in front of it does not pass WebSocket upgrades (HTTP {error.status})"
    return ConnectionLost(reason, refused=ServerUnavailable(f"The server at {server} {reason}."))


async def _answers_http(session: aiohttp.ClientSession, server: URL) -> bool:
    try:
        async with (
            asyncio.timeout(_PROBE_SECONDS),
            session.get(server / "api/menu", allow_redirects=False) as answer,
        ):
            msgspec.json.decode(await answer.read(), type=MenuBody)
    except (*TRANSPORT_ERRORS, msgspec.DecodeError, UnicodeDecodeError):
        return False
    return True


def _is_by_server(error: aiohttp.WSServerHandshakeError) -> bool:
    """Return True if the server itself refuses; 400 is what it says to a request without the upgrade."""
    kind = error.headers.get("Content-Type", "") if error.headers else ""
    return error.status != _BAD_REQUEST and "json" in kind


def _refused(error: aiohttp.WSServerHandshakeError) -> ConnectionLost:
    status = error.status
    retry_after = error.headers.get("Retry-After") if error.headers else None
    refused = error_from_response(status, b"", retry_after)
    reason = f"refuses this client with HTTP status {status}"
    if is_retryable(refused):
        return ConnectionLost(reason, retry_after=refused.retry_after, status=status)
    if status < 300:
        return ConnectionLost("answered in a way that is not a WebSocket", status=status)
    return ConnectionLost(_FIRST_REASONS.get(status, reason), refused=refused, status=status)
