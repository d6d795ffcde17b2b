"""A plain request: an order, alone and whole in what was received, with headers that change nothing.

Reading one takes no HTTP parser. Whatever is not certainly a plain request is nothing here, and is left
to aiohttp, so a doubt costs time and never a wrong answer: names and values have fewer characters than
HTTP allows, no header comes twice, and the ones that are not known to mean nothing are not passed over.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

import msgspec

_HEAD_MAX: Final = 1024  # bytes; what is longer is not worth remembering
_HEADS_KEPT: Final = 4096
_END_OF_HEAD: Final = b"\r\n\r\n"

_HEAD = re.compile(
    rb"POST /api/orders HTTP/1\.1\r\n((?:[A-Za-z0-9-]+: ?[!-~](?:[ -~]*[!-~])?\r\n)+)\r\n"
)
_LENGTH = re.compile(r"[0-9]{1,7}")
_JSON = frozenset({"application/json", "application/json; charset=utf-8"})
_WITHOUT_MEANING = frozenset(
    {
        "host",
        "user-agent",
        "accept",
        "accept-encoding",
        "accept-language",
        "cache-control",
        "forwarded",
        "pragma",
        "referer",
        "traceparent",
        "tracestate",
        "via",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-real-ip",
        "x-request-id",
    }
)
_READ = frozenset(
    {"authorization", "connection", "content-length", "content-type", "idempotency-key"}
)


class Head(msgspec.Struct, frozen=True, gc=False):
    """What the headers of a plain request say; an empty text where there is no such header.

    `length` is that of the body, in bytes.
    """

    length: int
    authorization: str
    idempotency_key: str


class PlainRequest(msgspec.Struct, frozen=True):
    """A plain request: its headers and its body."""

    head: Head
    body: bytes


def read_plain(data: bytes) -> PlainRequest | None:
    """Read a plain request; `None` where the bytes are not certainly one."""
    end = data.find(_END_OF_HEAD, 0, _HEAD_MAX) + len(_END_OF_HEAD)
    if end < len(_END_OF_HEAD):
        return None
    head = _read_head(data[:end])
    if head is None or len(data) != end + head.length:
        return None
    return PlainRequest(head, data[end:])


@lru_cache(_HEADS_KEPT)
def _read_head(head: bytes) -> Head | None:
    # A client's requests differ in their bodies, mostly: the same head comes again and again.
    lines = _HEAD.fullmatch(head)
    if lines is None:
        return None
    headers: dict[str, str] = {}
    for line in lines[1].decode("ascii").split("\r\n")[:-1]:
        name, _, value = line.partition(":")
        name = name.lower()
        if name in headers or not (name in _WITHOUT_MEANING or name in _READ):
            return None
        headers[name] = value.strip(" ")
    length = headers.get("content-length", "")
    if (
        not _LENGTH.fullmatch(length)
        or headers.get("content-type", "").lower() not in _JSON
        or headers.get("connection", "keep-alive").lower() != "keep-alive"
    ):
        return None
    return Head(int(length), headers.get("authorization", ""), headers.get("idempotency-key", ""))
