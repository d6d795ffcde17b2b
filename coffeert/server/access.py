"""Access: who may send orders and watch."""

from __future__ import annotations

import hmac
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from coffeert.errors import Forbidden, Unauthorized


class Access:
    """Checks the bearer token, where one is set, and the origin of web pages."""

    def __init__(self, token: str | None, allowed_origins: tuple[str, ...]) -> None:
        self._token = token.encode() if token is not None else None
        self._allowed_origins = frozenset(origin.rstrip("/") for origin in allowed_origins)

    def check(self, request: web.Request) -> None:
        """Refuse a request without the token (`Unauthorized`) or of a strange page (`Forbidden`)."""
        origin = request.headers.get(hdrs.ORIGIN)
        if origin is not None and not self._known(origin, request.host):
            raise Forbidden("Pages of this origin may not use this server.")
        if self._token is None:
            return
        scheme, _, given = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
        # In constant time, so that the time of an answer tells nothing about the token.
        if scheme.lower() != "bearer" or not hmac.compare_digest(
            given.strip().encode("utf-8", "surrogateescape"), self._token
        ):
            raise Unauthorized("This needs the bearer token of the server.")

    def _known(self, origin: str, host: str) -> bool:
        return urlsplit(origin).netloc == host or origin.rstrip("/") in self._allowed_origins
