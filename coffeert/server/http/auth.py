"""Authorizer: who may send orders and who may watch."""

from __future__ import annotations

import hmac
import ipaddress
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from coffeert.errors import Forbidden, Unauthorized


class Authorizer:
    """Checks the bearer token, where one is set, and the origin of web pages.

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
        """Refuse to be watched: `Unauthorized` without a token, `Forbidden` from a strange page."""
        self._check_origin(request)
        if self._token is not None and not self.known(request):
            raise Unauthorized("This needs the bearer token of the server.")

    def check_order(self, request: web.Request) -> None:
        """Refuse orders: as `check`, and `Forbidden` with the token that only reads."""
        if self._token is None and hdrs.ORIGIN not in request.headers:
            return
        self.check(request)
        if not self.may_order(request):
            raise Forbidden("This token may read, and not send orders.")

    def known(self, request: web.Request) -> bool:
        """Tell whether the request may read."""
        if self._token is None:
            return True
        given = _bearer(request.headers.get(hdrs.AUTHORIZATION, ""))
        # Both in constant time, and both always, so that the time of an answer tells nothing.
        orders = hmac.compare_digest(given, self._token)
        reads = self._read_token is not None and hmac.compare_digest(given, self._read_token)
        return orders or reads

    def may_order(self, request: web.Request) -> bool:
        """Tell whether the request may send orders."""
        return self.opens_to_orders(request.headers.get(hdrs.AUTHORIZATION, ""))

    def opens_to_orders(self, authorization: str) -> bool:
        """Tell whether a header of this value lets orders in, sent by no web page."""
        return self._token is None or hmac.compare_digest(_bearer(authorization), self._token)

    def _check_origin(self, request: web.Request) -> None:
        origin = request.headers.get(hdrs.ORIGIN)
        if origin is None or origin.rstrip("/") in self._allowed_origins:
            return
        host = request.host
        # A strange page can give its own name this machine's address (DNS rebinding), and then it is
        # of the same origin: without a token only the names of this machine itself are trusted.
        if _netloc(origin) != host or (self._token is None and not _is_loopback(host)):
            raise Forbidden("Pages of this origin may not use this server.")


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


def _is_loopback(host: str) -> bool:
    name = ""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")
