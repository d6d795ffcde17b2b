"""Events posted to a webhook, one a request, signed as Standard Webhooks 1.0.0 says.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Sequence
from typing import Final

import aiohttp
from yarl import URL

from coffeert.backoff import Backoff
from coffeert.client.webhook import WEBHOOK_TIMEOUT, post_once
from coffeert.errors import ConfigError, SinkRefused
from coffeert.sinks.cursor import CursorFile
from coffeert.wire.feed import OrderEvent
from coffeert.wire.orders import encode

_SECRET_BYTES: Final = (24, 64)
_MAX_RETRY_SECONDS: Final = 60.0


class WebhookSink:
    """Posts in the order of the feed; an event is repeated until it is taken, and keeps its id.

    The cursor is written to a file after each event, so that a killed process repeats one at most.
    """

    def __init__(self, url: URL, secret: bytes, kept: CursorFile) -> None:
        self._url = url
        self._secret = secret
        self._kept = kept
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        self._session = aiohttp.ClientSession(
            timeout=WEBHOOK_TIMEOUT, cookie_jar=aiohttp.DummyCookieJar()
        )

    async def cursor(self) -> str | None:
        return self._kept.read()

    async def write(self, events: Sequence[OrderEvent], cursor: str) -> None:
        for event in events:
            await self._deliver(event)
            await asyncio.to_thread(self._kept.write, event.id)
        await asyncio.to_thread(self._kept.write, cursor)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def _deliver(self, event: OrderEvent) -> None:
        assert self._session is not None
        body = encode(event)
        backoff = Backoff(longest=_MAX_RETRY_SECONDS)
        while True:
            headers = signed_headers(self._secret, event.id, int(time.time()), body)
            answer = await post_once(self._session, self._url, body, headers)
            if not answer.failure:
                return
            if answer.gone:
                raise SinkRefused(f"The webhook {self._url.host} is gone (410): it wants no more.")
            if answer.final:
                raise SinkRefused(
                    f"The webhook {self._url.host} {answer.failure} to the event {event.id}; "
                    "the next run begins with it."
                )
            await asyncio.sleep(backoff.next_delay())


def signed_headers(secret: bytes, event_id: str, now: int, body: bytes) -> dict[str, str]:
    """Return the header fields of a request; `now` is in seconds since 1970."""
    content = b"%b.%d.%b" % (event_id.encode(), now, body)
    signature = base64.b64encode(hmac.digest(secret, content, hashlib.sha256)).decode()
    return {
        "Content-Type": "application/json",
        "webhook-id": event_id,
        "webhook-timestamp": str(now),
        "webhook-signature": f"v1,{signature}",
    }


def parse_secret(text: str) -> bytes:
    """Read a secret, base64 behind `whsec_`; raises `ConfigError`."""
    try:
        secret = base64.b64decode(text.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    shortest, longest = _SECRET_BYTES
    if not shortest <= len(secret) <= longest:
        raise ConfigError(
            "COFFEERT_WEBHOOK_SECRET must be whsec_ and the base64 of 24 to 64 random bytes, as from "
            "`echo whsec_$(openssl rand -base64 32)`."
        )
    return secret
