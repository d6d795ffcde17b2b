"""Who may send orders and who may watch."""

from __future__ import annotations

import hmac
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from coffeert.errors import Forbidden, Unauthorized
from coffeert.net import is_local_host


class Authorizer:
    """Checks the bearer token, if one is set, and the origin of web pages.

    `token` opens everything, `read_token` only what is read. Without a token everything is open, to
    this machine alone: the settings do not let such a server listen elsewhere.
    """

    def __init__(
        self,
        token: str | None,
        allowed_origins: tuple[str, ...] = (),
        *,
        read_token: str | None = None,
    ) -> None:
        self._token = token.encode() if token is not None else None
        self._read_token = read_token.encode() if read_token is not None else None
        self._allowed_origins = frozenset(origin.rstrip("/") for origin in allowed_origins)

    def check(self, request: web.Request) -> None:
        """Raise `Unauthorized` without a token, `Forbidden` for a page of another origin."""
        if not self.allows_origin(request.headers.get(hdrs.ORIGIN), request.host):
            raise Forbidden("Pages of this origin may not use this server.")
        if not self.known(request):
            raise Unauthorized("This needs the bearer token of the server.")

    def check_order(self, request: web.Request) -> None:
        """Raise as `check` does, and `Forbidden` for the token that only reads."""
        if self._token is None and hdrs.ORIGIN not in request.headers:
            return
        self.check(request)
        if not self.may_order(request):
            raise Forbidden("This token may read, and not send orders.")

    def known(self, request: web.Request) -> bool:
        """Return True if the request may read."""
        if self._token is None:
            return True
        given = _bearer(request.headers.get(hdrs.AUTHORIZATION, ""))
        # Both in constant time, and both always, so that the time of an answer reveals nothing.
        orders = hmac.compare_digest(given, self._token)
        reads = self._read_token is not None and hmac.compare_digest(given, self._read_token)
        return orders or reads

    def may_order(self, request: web.Request) -> bool:
        """Return True if the request carries what orders need; its origin is another matter."""
        return self.allows_orders(request.headers.get(hdrs.AUTHORIZATION, ""))

    def allows_orders(self, authorization: str) -> bool:
        """Return True if an `Authorization` field of this value allows orders."""
        return self._token is None or hmac.compare_digest(_bearer(authorization), self._token)

    def allows_origin(self, origin: str | None, host: str) -> bool:
        """Return True if pages of this origin may use the server by this name; `None`: it is no page."""
        if origin is None or origin.rstrip("/") in self._allowed_origins:
            return True
        # A page can give its own name this machine's address (DNS rebinding), and is then of the same
        # origin: without a token only the names of this machine itself are trusted.
        return _netloc(origin) == host and (self._token is not None or is_local_host(host))


def _bearer(authorization: str) -> bytes:
    scheme, _, given = authorization.partition(" ")
    if scheme.lower() != "bearer":
        return b""
    return given.strip().encode("utf-8", "surrogateescape")


def _netloc(url: str) -> str | None:
    try:
        return urlsplit(url).netloc
    except ValueError:
        return None
