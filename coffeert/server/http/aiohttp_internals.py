"""Everything that depends on aiohttp's inside, in one place, so that an upgrade has one list to check.

Checked with aiohttp 3.11 to 3.14; `tests/integration/server/http/test_aiohttp_internals.py` fails if a
release changes one of these.
"""

from __future__ import annotations

import asyncio
from typing import cast

from aiohttp import web
from aiohttp.web import RequestHandler

from coffeert.errors import InternalError, Malformed
from coffeert.server.http.responses import error_response


class _ProblemHandler(RequestHandler):
    """aiohttp's protocol, but for its answer to what is not HTTP, which would repeat what was sent."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer with a problem document that holds nothing of the request."""
        super().handle_error(request, status, exc, message)  # for what it logs and raises
        error = (
            Malformed("The request breaks a rule of HTTP/1.1 (RFC 9112).")
            if status < 500
            else InternalError("Something went wrong.")
        )
        return error_response(error, close=True).for_aiohttp()


def new_handler(server: web.Server) -> RequestHandler:
    """Make aiohttp's protocol for one connection.

    `web.Server` lets nobody choose its class; ours differs in one method and in no data.
    """
    handler = server()
    handler.__class__ = _ProblemHandler
    return handler


def server_of(site: web.BaseSite) -> web.Server:
    """Return what makes the protocols of a site; raises `AssertionError` before its runner is set up."""
    server = site._runner.server
    assert server is not None
    return server


def set_listener(site: web.BaseSite, listener: object) -> None:
    """Have a site stop `listener` instead of a server of asyncio's: it needs `sockets` and `close`."""
    site._server = cast(asyncio.AbstractServer, listener)


def protocol_of(request: web.BaseRequest) -> asyncio.BaseProtocol | None:
    """Return the protocol that the transport of a request calls, which is the one in front of aiohttp's."""
    transport = request.transport
    return transport.get_protocol() if transport is not None else None


def forget_interim_response(request: web.BaseRequest) -> None:
    """Have a `100 Continue` not count as the beginning of the response.

    `handle_error` refuses to answer once something was sent.
    """
    request.writer.output_size = 0


def has_upgraded(protocol: asyncio.Protocol) -> bool:
    """Return True if a connection of aiohttp's speaks WebSocket."""
    return not isinstance(protocol, RequestHandler) or protocol._payload_parser is not None


def is_waiting(protocol: asyncio.Protocol) -> bool:
    """Return True if aiohttp has answered everything that it got of a connection.

    `_process_keepalive` asks the same.
    """
    if not isinstance(protocol, RequestHandler):
        return True
    waiter = protocol._waiter
    return waiter is not None and not waiter.done()
