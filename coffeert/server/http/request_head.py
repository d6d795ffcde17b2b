"""What the head of a request for orders says, and whether another head says the same."""

from __future__ import annotations

from collections import Counter
from typing import Final

import msgspec
from httptools import HttpRequestParser

_VISIBLE: Final = bytes(range(0x21, 0x7F))
_KEY: Final = b"idempotency-key"
# The fields that change an answer (RFC 9110), and those that aiohttp takes only once. Any other is passed
# over, however often it occurs.
_SIGNIFICANT: Final = frozenset(
    {
        _KEY,
        b"authorization",
        b"connection",
        b"content-length",
        b"content-type",
        b"host",
        b"origin",
        b"transfer-encoding",
        b"content-location",
        b"content-range",
        b"etag",
        b"max-forwards",
        b"proxy-connection",
        b"server",
        b"user-agent",
    }
)
_UNSUPPORTED: Final = frozenset(
    {b"content-encoding", b"expect", b"sec-websocket-key1", b"trailer", b"upgrade"}
)
_MAX_RECENT_HEADS: Final = 8  # of different content; each is compared with a head that is new
_NOTED: Final = _SIGNIFICANT | _UNSUPPORTED


class Unsupported(Exception):
    """A request that is not one for orders, or not beyond doubt."""


class Head(msgspec.Struct, frozen=True, gc=False):
    """What a head says that other requests of the client say too."""

    target: bytes
    version: str
    keep_alive: bool
    content_type: str
    host: str
    authorization: str
    origin: str | None


class KnownHead(msgspec.Struct, frozen=True, gc=False):
    """A head that the parser has read, to recognise others of its client by.

    Most clients send the same head again, but for the length of the body, the key of the order, and the
    number of the request that a proxy adds. Such a head equals this one in its `literals`, each with its
    place, and has visible characters in its `gaps`, each from a place to another. They stand in the values
    of these two fields and of those that change no answer. The parser would read it alike, so it need not.

    `fields` are spelled as they were; `noted` are those that matter, without length and key. `length` is
    the body's in bytes, `None` if it is chunked.
    """

    data: bytes
    literals: tuple[tuple[int, bytes], ...]
    gaps: tuple[tuple[int, int], ...]
    request_line: bytes
    head: Head
    fields: dict[bytes, bytes]
    noted: tuple[tuple[bytes, bytes], ...]
    length: int | None
    length_name: bytes | None
    key: str | None
    key_name: bytes | None
    length_gap: tuple[int, int] | None = None
    key_gap: tuple[int, int] | None = None

    def match(self, data: bytes | bytearray, at: int) -> tuple[int | None, str | None] | None:
        """Return length and key of such a head at a place in the data; `None` if it is another."""
        if data.startswith(self.data, at):  # the very same, as of most clients
            return self.length, self.key
        return self.match_gaps(data, at)

    def match_gaps(self, data: bytes | bytearray, at: int) -> tuple[int | None, str | None] | None:
        """Return what `match` does, for a head that differs in the gaps."""
        for place, literal in self.literals:
            if not data.startswith(literal, at + place):
                return None
        for begin, end in self.gaps:
            if data[at + begin : at + end].translate(None, _VISIBLE):
                return None
        length, key = self.length, self.key
        if self.length_gap is not None:
            begin, end = self.length_gap
            digits = data[at + begin : at + end]
            if not digits.isdigit():
                return None
            length = int(digits)
        if self.key_gap is not None:
            begin, end = self.key_gap
            key = _text(data[at + begin : at + end])
        return length, key

    def says_the_same(self, data: bytes, fields: dict[bytes, bytes]) -> bool:
        """Return True if a head that the parser has read differs only in what changes no answer."""
        if fields.keys() != self.fields.keys() or not data.startswith(self.request_line):
            return False
        return all(fields[name] == value for name, value in self.noted)

    def length_and_key(self, fields: dict[bytes, bytes]) -> tuple[int | None, str | None]:
        """Return those of a head that says the same; raises `Unsupported`."""
        return (
            None if self.length_name is None else _length(fields[self.length_name]),
            None if self.key_name is None else _text(fields[self.key_name]),
        )

    def resized(self, data: bytes, fields: dict[bytes, bytes]) -> KnownHead:
        """Return a head of another size that says the same."""
        length, key = self.length_and_key(fields)
        return msgspec.structs.replace(
            self,
            data=data,
            literals=((0, data),),
            gaps=(),
            fields=fields.copy(),
            length=length,
            key=key,
            length_gap=None,
            key_gap=None,
        )

    def with_gaps(self, data: bytes, fields: dict[bytes, bytes]) -> KnownHead:
        """Return this head with gaps where another one of the same size differs from it."""
        gaps, length_gap, key_gap = set(self.gaps), self.length_gap, self.key_gap
        for name, value in fields.items():
            if value == self.fields[name]:
                continue
            if len(value) != len(self.fields[name]) or value.translate(None, _VISIBLE):
                return self
            begin = data.index(value, data.index(b"\r\n%b:" % name) + len(name) + 3)
            gap = begin, begin + len(value)
            gaps.add(gap)
            if name == self.length_name:
                length_gap = gap
            elif name == self.key_name:
                key_gap = gap
        ranked, literals, place = tuple(sorted(gaps)), [], 0
        for begin, end in (*ranked, (len(data), len(data))):
            literals.append((place, data[place:begin]))
            place = end
        learnt = msgspec.structs.replace(
            self, literals=tuple(literals), gaps=ranked, length_gap=length_gap, key_gap=key_gap
        )
        # Not if the same fields came in another order: then these gaps would lie in other fields.
        return learnt if learnt.match_gaps(self.data, 0) else self


class RecentHeads:
    """The heads that clients sent last, for all connections: what one has learnt, the next need not.

    Thousands of clients, each with a few orders or with a connection for each order, would otherwise
    spend most of the time on learning. An entry holds what says the same, one head for each size.
    """

    __slots__ = ("_entries",)

    def __init__(self) -> None:
        self._entries: list[tuple[KnownHead, ...]] = []

    def find(self, data: bytes | bytearray, at: int) -> tuple[KnownHead, ...]:
        """Return the entry that the head at a place in the data matches; empty if there is none."""
        for entry in self._entries:
            if any(known.match(data, at) is not None for known in entry):
                self.add(entry)
                return entry
        return ()

    def find_same(self, data: bytes, fields: dict[bytes, bytes]) -> tuple[KnownHead, ...]:
        """Return the entry that says the same as a head that was parsed; empty if there is none."""
        return next((e for e in self._entries if e[0].says_the_same(data, fields)), ())

    def add(self, entry: tuple[KnownHead, ...]) -> None:
        """Put an entry first, in place of what said the same; the last of too many is dropped."""
        others = (other for other in self._entries if other[0].head is not entry[0].head)
        self._entries = [entry, *others][:_MAX_RECENT_HEADS]


def read_head(
    data: bytes, target: bytes, version: str, keep_alive: bool, fields: dict[bytes, bytes]
) -> KnownHead:
    """Return what a head says that the parser has read; raises `Unsupported`."""
    noted = {name: value for name, value in fields.items() if name.lower() in _NOTED}
    lowered = {name.lower(): value for name, value in noted.items()}
    if (
        len(lowered) < len(noted)  # one of them is repeated
        or not _UNSUPPORTED.isdisjoint(lowered)
        or version not in ("1.1", "1.0")
        or (b"host" not in lowered and version == "1.1")  # RFC 9112, section 3.2: 400
    ):
        raise Unsupported
    head = Head(
        target,
        version,
        keep_alive,
        _text(lowered.get(b"content-type", b"")),
        _text(lowered.get(b"host", b"")),
        _text(lowered.get(b"authorization", b"")),
        _text(lowered[b"origin"]) if b"origin" in lowered else None,
    )
    spelling = {name.lower(): name for name in noted}
    length_name, key_name = spelling.get(b"content-length"), spelling.get(_KEY)
    return KnownHead(
        data,
        ((0, data),),
        (),
        data[: data.index(b"\n") + 1],
        head,
        fields.copy(),
        tuple(item for item in noted.items() if item[0] not in (length_name, key_name)),
        _body_length(lowered, version),
        length_name,
        _text(lowered[_KEY]) if _KEY in lowered else None,
        key_name,
    )


def count_fields(head: bytes | bytearray) -> int:
    """Return how many fields a head has, repeated ones included; raises `Unsupported` if that matters."""
    names: list[bytes] = []

    class Fields:
        def on_header(self, name: bytes, _: bytes) -> None:
            names.append(name.lower())

    HttpRequestParser(Fields()).feed_data(head)
    if any(count > 1 and name in _NOTED for name, count in Counter(names).items()):
        raise Unsupported
    return len(names)


def _body_length(fields: dict[bytes, bytes], version: str) -> int | None:
    """Return how long a body is, `None` if it is chunked (RFC 9112, section 6.3)."""
    coding = fields.get(b"transfer-encoding")
    length = fields.get(b"content-length")
    if coding is None and length is not None:
        return _length(length)
    if coding is None or length is not None or version == "1.0" or coding.lower() != b"chunked":
        raise Unsupported
    return None


def _length(value: bytes) -> int:
    # Digits alone, says llhttp, but as many zeros as the client likes; `int` raises for too many.
    if len(value) > 9:
        raise Unsupported
    return int(value)


def _text(value: bytes | bytearray) -> str:
    if not value.isascii():
        raise Unsupported
    return value.decode("ascii").rstrip(" \t")  # llhttp strips the left side only
