"""Who may send orders and who may watch."""

from __future__ import annotations

import hmac
import socket
from base64 import urlsafe_b64decode
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from coffeert.errors import Forbidden, Misdirected, Unauthorized
from coffeert.net import is_local_host, name_of
from coffeert.server.http.cors import Cors
from coffeert.server.http.errors import Handler
from coffeert.server.http.read_cookie import ReadCookie

PROTOCOL_NAME: Final = "coffeert"
BEARER_PROTOCOL: Final = "coffeert.bearer."
"""Subprotocols of a page's WebSocket: ours, and the one that carries the token in base64url."""


class Authorizer:
    """Checks the bearer token, if one is set, the origin of web pages, and the name of the server.

    `token` opens everything, `read_token` only what is read. Without a token everything is open, to
    this machine alone: the settings do not let such a server listen elsewhere. But a web page can give its
    own name this machine's address (DNS rebinding); what it then reads is of its own origin, for which
    browsers send no `Origin`. So without a token the `Host` must be a name of this machine: one of
    loopback, where such a server listens, the machine's own, or one of `allowed_hosts`.

    A `cookie` of the page reads as `read_token` does, for pages of the server's own origin only. Browsers
    add it on their own, so nothing that changes anything looks at it.
    """

    def __init__(
        self,
        token: str | None,
        allowed_origins: tuple[str, ...] = (),
        *,
        read_token: str | None = None,
        allowed_hosts: Iterable[str] = (),
        cookie: ReadCookie | None = None,
    ) -> None:
        self._token = token.encode() if token is not None else None
        self._read_token = read_token.encode() if read_token is not None else None
        self.cors = Cors(allowed_origins)
        self.cookie = cookie
        machine = socket.gethostname().lower()
        names = {machine, machine.partition(".")[0], *allowed_hosts}
        self._allowed_hosts = names - {""}  # which `name_of` returns for what is no name

    @property
    def is_protected(self) -> bool:
        """Whether a token is set, so that not everybody may see an answer."""
        return self._token is not None

    def check(self, request: web.Request) -> None:
        """Raise `Unauthorized` without a token, `Forbidden` for a page of another origin."""
        host = request.headers.get(hdrs.HOST, "")
        if not self.allows_origin(request.headers.get(hdrs.ORIGIN), host):
            raise Forbidden("Pages of this origin may not use this server.")
        if not self.known(request):
            raise Unauthorized("This needs the bearer token of the server.")

    def check_order(self, request: web.Request) -> None:
        """Raise as `check` does, and `Forbidden` for the token that only reads."""
        if self._token is None and hdrs.ORIGIN not in request.headers:
            return
        self.check(request)
        if not self.may_order(request):
            raise Forbidden("This token or login may read, and not send orders.")

    def known(self, request: web.Request) -> bool:
        """Return True if the request may read."""
        return self.has_token(request) or self.cookie_valid_until(request) is not None

    def has_token(self, request: web.Request) -> bool:
        """Return True if the request carries a token itself, or none is set."""
        return self._token is None or self._opens(_bearer(_authorization(request)), self._token)

    def reads(self, token: str) -> bool:
        """Return True if this is a token, whichever of the two."""
        given = token.encode("utf-8", "surrogateescape")
        return self._token is None or self._opens(given, self._token)

    def cookie_valid_until(self, request: web.Request) -> float | None:
        """Return the Unix time until which the page's cookie opens what is read, `None` without one."""
        if self.cookie is None or not self.is_own_page(request):
            return None
        value = request.cookies.get(self.cookie.name)
        return None if value is None else self.cookie.valid_until(value)

    def is_own_page(self, request: web.Request) -> bool:
        """Return True unless the request comes from a page of another origin, an allowed one included."""
        origin = request.headers.get(hdrs.ORIGIN)
        return origin is None or self._is_own_origin(origin, request.headers.get(hdrs.HOST, ""))

    def _opens(self, given: bytes, token: bytes) -> bool:
        # Both in constant time, and both always, so that the time of an answer reveals nothing.
        orders = hmac.compare_digest(given, token)
        reads = self._read_token is not None and hmac.compare_digest(given, self._read_token)
        return orders or reads

    def may_order(self, request: web.Request) -> bool:
        """Return True if the request carries what orders need; its origin is another matter."""
        return self.allows_orders(_authorization(request))

    def allows_orders(self, authorization: str) -> bool:
        """Return True if an `Authorization` field of this value allows orders."""
        return self._token is None or hmac.compare_digest(_bearer(authorization), self._token)

    def allows_origin(self, origin: str | None, host: str) -> bool:
        """Return True if pages of this origin may use the server by this name; `None`: it is no page."""
        return origin is None or self.cors.allows(origin) or self._is_own_origin(origin, host)

    def _is_own_origin(self, origin: str, host: str) -> bool:
        return _netloc(origin) == host and self.allows_host(host)

    def allows_host(self, host: str) -> bool:
        """Return True if this `Host` is a name of this server; it is empty if there is none.

        Only HTTP/1.0 may leave it out, which browsers do not speak.
        """
        return (
            self._token is not None
            or not host
            or is_local_host(host)
            or name_of(host) in self._allowed_hosts
        )

    @web.middleware
    async def host_middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Raise `Misdirected` for every request under a name that is not this server's."""
        if not self.allows_host(request.headers.get(hdrs.HOST, "")):
            raise Misdirected(
                "Without a token this server answers only to names of this machine; "
                "the setting allowed_hosts adds others."
            )
        return await handler(request)


def offered_protocols(request: web.Request) -> list[str]:
    """Return the subprotocols that a WebSocket handshake offers."""
    return [
        name.strip() for name in request.headers.get(hdrs.SEC_WEBSOCKET_PROTOCOL, "").split(",")
    ]


def _authorization(request: web.Request) -> str:
    """Return the `Authorization` field, or what a page's WebSocket offers, which cannot send that."""
    given = request.headers.get(hdrs.AUTHORIZATION)
    if given is None and hdrs.SEC_WEBSOCKET_PROTOCOL in request.headers:
        for name in offered_protocols(request):
            if name.startswith(BEARER_PROTOCOL):
                return f"Bearer {_from_base64url(name.removeprefix(BEARER_PROTOCOL))}"
    return given or ""


def _from_base64url(text: str) -> str:
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except ValueError:
        return ""


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
