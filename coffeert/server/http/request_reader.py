"""From the bytes of a connection to one framed request, by llhttp (`httptools`).

llhttp reports neither how far it has read nor can it be paused, and a callback that raises breaks it. So
the reader decides where each call of the parser ends, and the parser confirms it (RFC 9112):

* A head (section 2.1) is fed up to its first empty line, as it arrives. It must have ended exactly
  there.
* A body of a known length (section 6.2) is fed whole. The message must be complete exactly there.
* A chunked body (section 7.1) is fed line by line, because a message can end nowhere but at an LF.

A boundary between two requests is therefore never inferred: the reader expected it, and llhttp, which
aiohttp uses too, has seen it. What does not fit is `Unsupported`, and the bytes remain untouched.
"""

from __future__ import annotations

from typing import Final

import msgspec
from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from coffeert.server.http.request_head import (
    Head,
    KnownHead,
    RecentHeads,
    Unsupported,
    count_fields,
    read_head,
)

ORDERS: Final = b"/api/orders"
BATCHES: Final = b"/api/orders/batch"
_END_OF_HEAD: Final = b"\r\n\r\n"
_MAX_HEAD_BYTES: Final = 8_000  # aiohttp's own limit is 8,190, for each line
_MAX_FIELDS: Final = 100  # aiohttp's is 128
_MAX_CHUNK_LINES: Final = 1_000  # each is a call of the parser


class FramedRequest(msgspec.Struct, frozen=True, gc=False):
    """A complete request for orders."""

    head: Head
    idempotency_key: str | None
    body: bytes


class RequestReader:
    """Frames the requests of one connection, one at a time.

    `max_bytes` is how long a body may be, by target; a target that is not in it is unsupported. `recent` is
    shared by all readers. `head` is that of the present request once it is complete.
    """

    __slots__ = (
        "_body_at",
        "_chunk_lines",
        "_chunks",
        "_complete",
        "_data",
        "_end",
        "_fed",
        "_fields",
        "_headers_complete",
        "_key",
        "_known",
        "_length",
        "_max_bytes",
        "_parser",
        "_recent",
        "_start",
        "_target",
        "head",
        "on_body",
        "on_header",
    )

    def __init__(self, max_bytes: dict[bytes, int], recent: RecentHeads) -> None:
        self.head: Head | None = None
        self._max_bytes = max_bytes
        self._recent = recent
        self._data: bytes | bytearray = b""
        self._start = 0  # of the present request; these are places in the data
        self._fed = 0  # so far the parser has got
        self._body_at = 0
        self._end = 0  # of the present request, once it is complete
        self._length: int | None = None
        # Of what the client sent last, one for each size, as the body's length has 2 digits or 3.
        self._known: tuple[KnownHead, ...] = ()
        # The parser calls these for each field and each part of a body. They are C functions, because a
        # function of Python for each field would cost as much as the rest of the reading.
        self._fields: dict[bytes, bytes] = {}
        self._chunks: list[bytes] = []
        self.on_header = self._fields.__setitem__
        self.on_body = self._chunks.append
        self._parser: HttpRequestParser | None = HttpRequestParser(self)
        self._reset()

    @property
    def pending(self) -> bool:
        """Whether bytes have arrived that belong to no request yet, or to an unfinished one."""
        return len(self._data) > self._start

    def receive(self, data: bytes) -> None:
        """Append bytes of the connection."""
        start = self._start
        if start == len(self._data):
            self._data = data
        else:
            if isinstance(self._data, bytes):
                self._data = bytearray(self._data)
            del self._data[:start]
            self._data += data
        self._start = 0
        self._fed -= start
        self._body_at -= start
        self._end -= start

    def read(self) -> FramedRequest | None:
        """Return the present request if it is complete, and again until `consume` or `take_rest`.

        Raises `Unsupported`.
        """
        head = self.head or self._read_head()
        if head is None:
            return None
        if self._length is None:
            body = self._read_chunks(self._max_bytes[head.target])
        else:
            body = self._read_body(self._length)
        return None if body is None else FramedRequest(head, self._key, body)

    def consume(self) -> None:
        """Go on to the next request."""
        self._start = self._end
        if self._start == len(self._data):
            self._data, self._start = b"", 0  # keeps no memory while idle
        self._fed = self._end = self._start
        if self._headers_complete:
            self._reset()
        else:  # the head was known, and nothing was parsed
            self.head = None

    def take_rest(self) -> bytes:
        """Return every byte from the beginning of the present request, and end."""
        rest = bytes(self._data[self._start :])
        self.close()
        return rest

    def close(self) -> None:
        """Forget everything; the parser holds methods of this reader, which is a cycle."""
        self._parser = None
        self._data, self._start = b"", 0

    def _reset(self) -> None:
        self.head = None
        self._key: str | None = None
        self._target = b""
        self._fields.clear()
        self._chunks.clear()
        self._headers_complete = self._complete = False
        self._chunk_lines = 0

    def _read_head(self) -> Head | None:
        data, start = self._data, self._start
        if start == len(data):
            return None
        if self._fed == start:  # the parser stands between two messages
            known = self._match(self._known) or self._match(self._recent.find(data, start))
            if known is not None:
                return known
        found = data.find(_END_OF_HEAD, max(start, self._fed - 3))
        end = len(data) if found < 0 else found + len(_END_OF_HEAD)
        if end - start > _MAX_HEAD_BYTES:
            raise Unsupported
        self._feed(end)
        if found < 0:
            if self._headers_complete:
                raise Unsupported
            return None
        # One line for the request, one for each field, and the empty one: llhttp refuses a bare LF (RFC
        # 9112, section 2.2) and folded lines (section 5.2). Counted all the same: a boundary rests on it.
        head = bytes(data[start:end])
        lines = head.count(b"\n") - 2
        repeated = lines != len(self._fields)
        if not self._headers_complete or (repeated and lines != count_fields(head)):
            raise Unsupported
        self._body_at = end
        return self._interpret(head, repeated)

    def _match(self, heads: tuple[KnownHead, ...]) -> Head | None:
        for known in heads:
            match = known.match(self._data, self._start)
            if match is not None:
                self._known = heads
                self._body_at = self._start + len(known.data)
                return self._note(known.head, match)
        return None

    def _interpret(self, data: bytes, repeated: bool) -> Head:
        parser, fields = self._parser, self._fields
        assert parser is not None
        same = self._known
        if not (same and same[0].says_the_same(data, fields)):
            same = self._recent.find_same(data, fields)
        if same:
            self._known = same if repeated else self._learn(same, data, fields)
            return self._note(same[0].head, same[0].length_and_key(fields))
        if parser.get_method() != b"POST" or len(fields) > _MAX_FIELDS:
            raise Unsupported
        known = read_head(
            data, self._target, parser.get_http_version(), parser.should_keep_alive(), fields
        )
        # The fields of a chunked one may yet grow, by trailers. With an empty body the parser has forgotten
        # already whether the connection stays open.
        if known.length:
            self._known = (known,)
            self._recent.add(self._known)
        return self._note(known.head, (known.length, known.key))

    def _learn(
        self, same: tuple[KnownHead, ...], data: bytes, fields: dict[bytes, bytes]
    ) -> tuple[KnownHead, ...]:
        """Remember what differs from the known head of the same size, or a head of another size."""
        others = tuple(known for known in same if len(known.data) != len(data))
        alike = next((known for known in same if len(known.data) == len(data)), None)
        learnt = same[0].resized(data, fields) if alike is None else alike.with_gaps(data, fields)
        heads = learnt, *others[:1]
        self._recent.add(heads)
        return heads

    def _note(self, head: Head, length_and_key: tuple[int | None, str | None]) -> Head:
        self._length, self._key = length_and_key
        # An empty body ends with the head, and then llhttp has forgotten whether the connection stays open.
        if self._length == 0 or (self._length or 0) > self._max_bytes.get(head.target, -1):
            raise Unsupported
        self.head = head
        return head

    def _read_body(self, length: int) -> bytes | None:
        end = self._body_at + length
        if len(self._data) < end:
            return None
        if self._headers_complete and not self._complete:
            self._feed(end)
            if not self._complete:
                raise Unsupported
        self._end = end
        return bytes(self._data[self._body_at : end])

    def _read_chunks(self, limit: int) -> bytes | None:
        data = self._data
        while not self._complete:
            if self._fed == len(data):
                return None
            self._chunk_lines += 1
            self._feed(data.find(b"\n", self._fed) + 1 or len(data))
            if self._chunk_lines > _MAX_CHUNK_LINES or self._fed - self._body_at > 2 * limit:
                raise Unsupported
        body = b"".join(self._chunks)
        if len(body) > limit:
            raise Unsupported
        self._end = self._fed
        return body

    def _feed(self, end: int) -> None:
        assert self._parser is not None
        data, self._fed = self._data[self._fed : end], end
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            raise Unsupported from None

    # The parser calls these, and what `__init__` sets. An exception here would break it.

    def on_url(self, url: bytes) -> None:
        """Note a part of the request target."""
        self._target += url

    def on_headers_complete(self) -> None:
        """Note the end of the head."""
        self._headers_complete = True

    def on_message_complete(self) -> None:
        """Note the end of the request."""
        self._complete = True
