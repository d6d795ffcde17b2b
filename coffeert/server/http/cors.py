"""What lets the pages of other origins read answers (CORS, as the Fetch standard defines it)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from aiohttp import hdrs, web

from coffeert.errors import Forbidden

_END_OF_HEAD: Final = b"\r\n\r\n"
_READABLE: Final = (
    "Allow, Coffeert-Cursor, Coffeert-Feed-End, ETag, Idempotent-Replayed, Link, Retry-After, "
    "WWW-Authenticate"
)
_PREFLIGHT: Final = {
    hdrs.ACCESS_CONTROL_ALLOW_METHODS: "GET, HEAD, POST",
    hdrs.ACCESS_CONTROL_ALLOW_HEADERS: "authorization, content-encoding, content-type, idempotency-key",
    hdrs.ACCESS_CONTROL_MAX_AGE: "7200",  # seconds; no browser keeps it longer than Firefox's day
}


class Cors:
    """The header fields for pages of the allowed origins.

    Never `*`, which would let every page read, and no credentials: a page sends its token itself, and
    nothing that a browser adds on its own opens anything.
    """

    def __init__(self, origins: Iterable[str]) -> None:
        self._fields: dict[str, dict[str, str]] = {
            origin: {
                hdrs.ACCESS_CONTROL_ALLOW_ORIGIN: origin,
                hdrs.ACCESS_CONTROL_EXPOSE_HEADERS: _READABLE,
                hdrs.VARY: hdrs.ORIGIN,
            }
            for origin in (given.rstrip("/") for given in origins)
        }
        self._encoded = {origin: _encoded(fields) for origin, fields in self._fields.items()}

    def allows(self, origin: str) -> bool:
        """Return True if pages of this origin may use the server."""
        return origin.rstrip("/") in self._fields

    def insert_fields(self, response: bytes, origin: str) -> bytes:
        """Add the fields to a response as it is sent; unchanged for an origin that is not allowed."""
        fields = self._encoded.get(origin.rstrip("/"))
        return response if fields is None else response.replace(_END_OF_HEAD, fields, 1)

    async def add_fields(self, request: web.Request, response: web.StreamResponse) -> None:
        """Add the fields to an answer of aiohttp's, errors included (`on_response_prepare`)."""
        fields = self._fields.get(request.headers.get(hdrs.ORIGIN, "").rstrip("/"), {})
        response.headers.extend(fields)
        if self._fields and not fields and request.method in ("GET", "HEAD"):
            # A cache must not give the answer for another origin to an allowed page.
            response.headers.add(hdrs.VARY, hdrs.ORIGIN)

    async def preflight(self, request: web.Request) -> web.Response:
        """Answer a browser that asks whether a page may send a request; it sends no token with that.

        Also for an address that does not exist: then the page can read the 404 itself.
        """
        if not self.allows(request.headers.get(hdrs.ORIGIN, "")):
            raise Forbidden(
                "Pages of this origin may not use this server; the setting allowed_origins names "
                "those that may."
            )
        return web.Response(status=204, headers=_PREFLIGHT)


def _encoded(fields: dict[str, str]) -> bytes:
    lines = "".join(f"\r\n{name}: {value}" for name, value in fields.items())
    return lines.encode("ascii") + _END_OF_HEAD
