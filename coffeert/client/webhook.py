"""Posts JSON to a webhook, in the background and within bounds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import aiohttp
from yarl import URL

from coffeert.backoff import Backoff
from coffeert.client.errors import RETRYABLE, TRANSPORT_ERRORS, plain_reason
from coffeert.errors import ConfigError

MAX_WAITING: Final = 100
"""Bodies kept while the receiver is away; the oldest is dropped for a further one."""
MAX_RETRY_SECONDS: Final = 60.0
GIVE_UP_SECONDS: Final = 900.0
"""So long after the first try a body is dropped: by then it is no news any more."""

_TIMEOUT: Final = aiohttp.ClientTimeout(total=10)
_JSON: Final = {"Content-Type": "application/json"}


class Webhook:
    """One receiver. Bodies are posted one after another, each until it is taken with a status 2xx.

    A status about the receiver's condition, or a broken connection, is tried again with growing delays.
    `on_failure` gets a sentence when a body is dropped. Redirects are not followed.
    """

    def __init__(self, url: URL) -> None:
        self.on_failure: Callable[[str], None] = _ignore
        self._url = url
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue(MAX_WAITING)

    def post(self, body: bytes) -> None:
        """Have a JSON body posted."""
        if self._waiting.full():
            self._waiting.get_nowait()
            self.on_failure(f"The webhook {self._url.host} is too slow: the oldest was dropped.")
        self._waiting.put_nowait(body)

    async def run(self) -> None:
        """Post what is given, until cancelled."""
        async with aiohttp.ClientSession(
            timeout=_TIMEOUT, headers=_JSON, cookie_jar=aiohttp.DummyCookieJar()
        ) as session:
            while True:
                await self._deliver(session, await self._waiting.get())

    async def _deliver(self, session: aiohttp.ClientSession, body: bytes) -> None:
        backoff = Backoff(longest=MAX_RETRY_SECONDS)
        reason = ""
        try:
            async with asyncio.timeout(GIVE_UP_SECONDS):
                while True:
                    reason, final = await self._try(session, body)
                    if not reason:
                        return
                    if final:
                        break
                    await asyncio.sleep(backoff.next_delay())
        except TimeoutError:
            pass
        self.on_failure(f"The webhook {self._url.host} {reason or 'did not answer in time'}.")

    async def _try(self, session: aiohttp.ClientSession, body: bytes) -> tuple[str, bool]:
        """Post once; return why that failed ("" if it did not), and whether trying again is in vain."""
        try:
            async with session.post(self._url, data=body, allow_redirects=False) as response:
                status = response.status
        except TRANSPORT_ERRORS as error:
            return plain_reason(error).partition(";")[0], False
        if 200 <= status < 300:
            return "", True
        return f"answered with HTTP status {status}", status not in {*RETRYABLE, 408}


def _ignore(_: str) -> None:
    pass


def parse_webhook_url(text: str) -> URL:
    """Read a webhook's URL; raises `ConfigError`. Hosts of a private network are allowed."""
    try:
        url = URL(text)
        port = url.port
    except ValueError:
        url, port = URL(), None
    if url.scheme not in ("http", "https") or not url.host or not port:
        raise ConfigError(
            "The webhook's URL cannot be read; it looks like https://chat.example/hooks/abc."
        )
    return url
