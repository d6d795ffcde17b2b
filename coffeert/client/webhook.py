"""Posts JSON to a webhook, in the background and within bounds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

import aiohttp
import msgspec
from yarl import URL

from coffeert.backoff import Backoff
from coffeert.client.errors import RETRYABLE, TRANSPORT_ERRORS, plain_reason
from coffeert.errors import ConfigError

MAX_WAITING: Final = 100
"""Bodies kept while the receiver is away; the oldest is dropped for a further one."""
MAX_RETRY_SECONDS: Final = 60.0
GIVE_UP_SECONDS: Final = 900.0
"""So long after the first try a body is dropped: by then it is no news any more."""

WEBHOOK_TIMEOUT: Final = aiohttp.ClientTimeout(total=10)
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
            timeout=WEBHOOK_TIMEOUT, cookie_jar=aiohttp.DummyCookieJar()
        ) as session:
            while True:
                await self._deliver(session, await self._waiting.get())

    async def _deliver(self, session: aiohttp.ClientSession, body: bytes) -> None:
        backoff = Backoff(longest=MAX_RETRY_SECONDS)
        reason = ""
        try:
            async with asyncio.timeout(GIVE_UP_SECONDS):
                while True:
                    answer = await post_once(session, self._url, body, _JSON)
                    reason = answer.failure
                    if not reason:
                        return
                    if answer.final:
                        break
                    await asyncio.sleep(backoff.next_delay())
        except TimeoutError:
            pass
        self.on_failure(f"The webhook {self._url.host} {reason or 'did not answer in time'}.")


class WebhookAnswer(msgspec.Struct, frozen=True):
    """What came of posting once: `failure` is a phrase about the receiver, "" if it has taken the body.

    `final`: trying again is in vain. `gone`: it answers 410, and wants nothing more.
    """

    failure: str = ""
    final: bool = False
    gone: bool = False


async def post_once(
    session: aiohttp.ClientSession, url: URL, body: bytes, headers: Mapping[str, str]
) -> WebhookAnswer:
    """Post a body of JSON once. Redirects are not followed."""
    try:
        async with session.post(url, data=body, headers=headers, allow_redirects=False) as response:
            status = response.status
    except TRANSPORT_ERRORS as error:
        return WebhookAnswer(plain_reason(error).partition(";")[0])
    if 200 <= status < 300:
        return WebhookAnswer()
    final = status not in {*RETRYABLE, 408}
    return WebhookAnswer(f"answered with HTTP status {status}", final, status == 410)


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
