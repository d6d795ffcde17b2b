"""`GET /`: the page, whose sources lie in `coffeert/server/page/`, read once and compressed."""

from __future__ import annotations

import gzip
import re
from hashlib import sha256
from importlib.resources import files
from typing import Final

from aiohttp import hdrs, web

from coffeert.server.http.responses import accepts_gzip, is_unchanged

FOLDER: Final = "page"
_INDEX: Final = "index.html"
_TYPES: Final = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webmanifest": "application/manifest+json",
}
_COMMENT: Final = re.compile(rb"^[ ]*(?://.*|/\*\*(?s:.*?)\*/)\n", re.MULTILINE)
"""A comment that begins a line and ends one."""
_TEXT: Final = frozenset({".html", ".css", ".js"})


class PageFile:
    """One source: its bytes, plain and compressed, and what a browser must know of them.

    Comments of scripts that fill whole lines are for those who read the sources: they are not sent.
    """

    def __init__(self, name: str, content: bytes) -> None:
        suffix = name[name.rindex(".") :]
        if suffix == ".js":
            content = _COMMENT.sub(b"", content)
        packed = gzip.compress(content, mtime=0)
        self.plain = content
        self.packed = packed if len(packed) < len(content) else None
        self.etag = sha256(content).hexdigest()[:16]
        self.type = _TYPES[suffix]
        self.charset = "utf-8" if suffix in _TEXT else None


class Page:
    """The page's files under `/` and `/page/`; they hold no figures, so anybody may have them.

    `frame_ancestors` are origins whose pages may show this one in a frame. Nothing inline is run and
    nothing of another host is loaded, and scripts cannot make HTML out of text: a name on the menu does no
    harm whatever it says.
    """

    def __init__(self, frame_ancestors: tuple[str, ...] = ()) -> None:
        folder = files("coffeert.server").joinpath(FOLDER)
        self.files = {
            source.name: PageFile(source.name, source.read_bytes())
            for source in folder.iterdir()
            if source.name[source.name.rfind(".") :] in _TYPES
        }
        self._headers = {
            hdrs.CACHE_CONTROL: "no-cache",  # asked each time, and mostly answered with 304
            "Content-Security-Policy": content_security_policy(frame_ancestors),
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        }

    async def index(self, request: web.Request) -> web.Response:
        """Return the page."""
        return self._response(request, self.files[_INDEX])

    async def file(self, request: web.Request) -> web.Response:
        """Return what the page loads."""
        found = self.files.get(request.match_info["name"])
        if found is None:
            raise web.HTTPNotFound
        return self._response(request, found)

    def _response(self, request: web.Request, file: PageFile) -> web.Response:
        response = web.Response(headers=self._headers)
        response.headers[hdrs.VARY] = hdrs.ACCEPT_ENCODING
        if is_unchanged(request, file.etag):
            response.set_status(304)
        else:
            if file.packed is not None and accepts_gzip(request):
                response.body = file.packed
                response.headers[hdrs.CONTENT_ENCODING] = "gzip"
            else:
                response.body = file.plain
            response.content_type = file.type
            response.charset = file.charset
        response.etag = file.etag
        return response


def content_security_policy(frame_ancestors: tuple[str, ...]) -> str:
    """Return the policy of the page: its own files and its own server, and nothing else."""
    framing = " ".join(("'self'", *frame_ancestors)) if frame_ancestors else "'none'"
    own = "script-src style-src img-src manifest-src connect-src"
    return "; ".join(
        [
            "default-src 'none'",
            *(f"{directive} 'self'" for directive in own.split()),
            "base-uri 'none'",
            "form-action 'none'",
            f"frame-ancestors {framing}",
            "require-trusted-types-for 'script'",
        ]
    )


async def add_nosniff(request: web.Request, response: web.StreamResponse) -> None:
    """Keep browsers from guessing what an answer is (`on_response_prepare`)."""
    if request.method in (hdrs.METH_GET, hdrs.METH_HEAD):
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
