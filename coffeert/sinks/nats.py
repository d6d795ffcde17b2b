"""A subject of NATS JetStream: message ids are event ids, and the cursor is in a key-value bucket."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from yarl import URL

from coffeert.errors import SinkBusy, SinkUnavailable
from coffeert.wire.feed import OrderEvent
from coffeert.wire.orders import encode

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.js.client import JetStreamContext

_BUCKET: Final = "coffeert_cursor"
_PENDING: Final = 1_000
_SECONDS: Final = 10.0


class NatsSink:
    """Publishes in order and waits for every acknowledgement of the stream, then writes the cursor.

    What a killed process repeats is dropped by the stream if it comes within its `duplicate_window`. The
    cursor moves on only from the revision that this process wrote, so a second process stops with an error.
    """

    def __init__(self, url: URL) -> None:
        self._server = str(url.with_path("/").with_query(None)).rstrip("/")
        self._host = url.host
        self._subject = url.path.strip("/").replace("/", ".")
        self._key = hashlib.sha256(self._subject.encode()).hexdigest()[:32]
        self._client: Client | None = None
        self._stream: JetStreamContext | None = None
        self._bucket: Any = None
        self._revision = 0
        self._problem = ""

    async def open(self) -> None:
        import nats
        from nats.js.errors import NotFoundError

        try:
            # No attempts for minutes: after an outage the caller opens a new sink, which goes on at the
            # stored cursor. Fewer than one more cannot be said: 0 is without end.
            self._client = await nats.connect(
                self._server, allow_reconnect=False, max_reconnect_attempts=1, reconnect_time_wait=0,
                connect_timeout=_SECONDS, error_cb=self._note,
            )  # fmt: skip
            self._stream = self._client.jetstream(
                timeout=_SECONDS, publish_async_max_pending=_PENDING
            )
            try:
                await self._stream.find_stream_name_by_subject(self._subject)
            except NotFoundError:
                name = self._subject.replace(".", "-")
                await self._stream.add_stream(name=name, subjects=[self._subject])
            try:
                self._bucket = await self._stream.key_value(_BUCKET)
            except NotFoundError:
                self._bucket = await self._stream.create_key_value(bucket=_BUCKET)
        except (nats.errors.Error, OSError, TimeoutError) as error:
            raise self._unavailable(error) from None

    async def cursor(self) -> str | None:
        import nats
        from nats.js.errors import KeyNotFoundError

        try:
            entry = await self._bucket.get(self._key)
        except KeyNotFoundError as error:
            self._revision = (error.entry.revision or 0) if error.entry else 0  # of a deleted one
            return None
        except (nats.errors.Error, OSError, TimeoutError) as error:
            raise self._unavailable(error) from None
        self._revision = entry.revision
        return bytes(entry.value).decode()

    async def write(self, events: Sequence[OrderEvent], cursor: str) -> None:
        import nats
        from nats.js.errors import KeyWrongLastSequenceError

        assert self._stream is not None
        try:
            async with asyncio.timeout(_SECONDS + len(events) / 100):
                acknowledgements = [
                    await self._stream.publish_async(
                        self._subject, encode(event), headers={"Nats-Msg-Id": event.id}
                    )
                    for event in events
                ]
                await asyncio.gather(*acknowledgements)
            self._revision = await self._bucket.update(
                self._key, cursor.encode(), last=self._revision
            )
        except KeyWrongLastSequenceError:
            raise SinkBusy(
                f"Another process writes the feed to {self._subject} at {self._host}."
            ) from None
        except (nats.errors.Error, OSError, TimeoutError) as error:
            raise self._unavailable(error) from None

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()

    async def _note(self, problem: Exception) -> None:
        self._problem = str(problem)

    def _unavailable(self, error: BaseException) -> SinkUnavailable:
        from nats.errors import NoServersError

        # That there is no server is all it says of one that could not be reached.
        reason = self._problem if isinstance(error, NoServersError) else str(error)
        reason = reason.rstrip(".") or "no answer in time"
        return SinkUnavailable(f"NATS at {self._host} did not store the events: {reason}.")
