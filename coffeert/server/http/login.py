"""Logging in to the page: a token, or the code of a one-time link, becomes a cookie that only reads."""

from __future__ import annotations

import secrets
import time
from hashlib import sha256
from typing import Final, Protocol

import msgspec
from aiohttp import hdrs, web

from coffeert.errors import (
    Forbidden,
    Malformed,
    RedisUnavailable,
    Unauthorized,
    Unavailable,
    UnsupportedMediaType,
)
from coffeert.net import is_local_host, network_address
from coffeert.server.http.auth import Authorizer
from coffeert.server.http.body_timeout import BodyTimeout
from coffeert.server.http.login_delay import LoginDelay
from coffeert.wire.login import LoginLink, LoginRequest, LoginState
from coffeert.wire.orders import encode

CODE_SECONDS: Final = 300
_CODE_BYTES: Final = 12
_JSON: Final = "application/json"
_decode = msgspec.json.Decoder(LoginRequest).decode


class CodeStore(Protocol):
    """Remembers codes of links, by their digests, for all processes; raises `RedisUnavailable`."""

    async def store_login_code(self, digest: str, seconds: int) -> None:
        """Remember a code for so many seconds."""

    async def take_login_code(self, digest: str) -> bool:
        """Forget a code; return True if it was remembered."""


class LoginApi:
    """The handlers of `/login`, `/logout` and `/login-link`.

    `host` is the address that is listened on; `body_timeout` is in seconds: see `BodyTimeout`.
    """

    def __init__(
        self, authorizer: Authorizer, codes: CodeStore, *, host: str, body_timeout: float
    ) -> None:
        self._authorizer = authorizer
        self._codes = codes
        self._host = host
        self._body_timeout = body_timeout
        self._delay = LoginDelay()

    async def state(self, request: web.Request) -> web.Response:
        """Say whether the page may read, always with 200: a refusal would be an error in its console."""
        authorizer = self._authorizer
        until = authorizer.cookie_valid_until(request)
        state = LoginState(
            known=authorizer.known(request),
            login=authorizer.cookie is not None,
            expires_in=None if until is None else until - time.time(),
        )
        return _answer(state)

    async def log_in(self, request: web.Request) -> web.Response:
        """Give a cookie for the token, whichever of the two, or for the code of a link."""
        cookie, secure = self._authorizer.cookie, self._check_page(request)
        given = await self._body(request)
        if cookie is None:
            return _answer(LoginState(known=True, login=False))
        async with self._delay.turn(request.remote or "") as wrong:
            if not await self._opens(given):
                wrong()
                raise Unauthorized("This token or link does not open the page.")
        response = _answer(LoginState(known=True, login=True))
        response.headers[hdrs.SET_COOKIE] = cookie.field(secure=secure)
        return response

    async def log_out(self, request: web.Request) -> web.Response:
        """Take the cookie away."""
        cookie, secure = self._authorizer.cookie, self._check_page(request)
        response = _answer(LoginState(known=cookie is None, login=cookie is not None))
        if cookie is not None:
            response.headers[hdrs.SET_COOKIE] = cookie.clearing_field(secure=secure)
        return response

    async def link(self, request: web.Request) -> web.Response:
        """Make a link that logs in once, for those who have a token themselves and not a mere cookie."""
        self._authorizer.check(request)
        code = None
        if self._authorizer.cookie is not None:
            if not self._authorizer.has_token(request):
                raise Forbidden("Only a token makes links, no login of the page.")
            code = secrets.token_urlsafe(_CODE_BYTES)
            try:
                await self._codes.store_login_code(_digest(code), CODE_SECONDS)
            except RedisUnavailable as error:
                raise Unavailable(
                    "Links cannot be made while Redis is away.", retry_after=5
                ) from error
        return _answer(LoginLink(code=code, url=self._url(request), expires_in=CODE_SECONDS))

    def _check_page(self, request: web.Request) -> bool:
        """Raise `Forbidden` for a page that is not our own; return True if ours came over TLS."""
        origin = request.headers.get(hdrs.ORIGIN)
        if not self._authorizer.is_own_page(request):
            raise Forbidden("Pages of other origins cannot log in or out here.")
        return origin is not None and origin.startswith("https:")

    async def _body(self, request: web.Request) -> LoginRequest:
        if request.content_type != _JSON:  # which no form of another page can send
            raise UnsupportedMediaType("Send the login as application/json.")
        try:
            given = _decode(await BodyTimeout(self._body_timeout).wait(request.read()))
        except (msgspec.DecodeError, UnicodeDecodeError):
            given = LoginRequest()
        if (given.token is None) == (given.code is None):
            raise Malformed('A login is {"token": "..."} or {"code": "..."}.')
        return given

    async def _opens(self, given: LoginRequest) -> bool:
        if given.token is not None:
            return self._authorizer.reads(given.token)
        try:
            return await self._codes.take_login_code(_digest(given.code or ""))
        except RedisUnavailable as error:
            raise Unavailable("Links cannot be used while Redis is away.", retry_after=5) from error

    def _url(self, request: web.Request) -> str | None:
        if is_local_host(self._host):
            return None
        any_address = self._host in ("0.0.0.0", "::")  # noqa: S104 (compared, not listened on)
        address = network_address() if any_address else self._host
        if address is None or request.transport is None:
            return None
        port = request.transport.get_extra_info("sockname")[1]
        return f"http://[{address}]:{port}/" if ":" in address else f"http://{address}:{port}/"


def _digest(code: str) -> str:
    return sha256(code.encode()).hexdigest()


def _answer(body: LoginState | LoginLink) -> web.Response:
    headers = {hdrs.CACHE_CONTROL: "no-store"}
    return web.Response(body=encode(body), content_type=_JSON, headers=headers)
