"""Plain requests are read as they are, and nothing else is taken for one."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffeert.server.http.plain_request import read_plain

BODY = b'{"store":"uptown","drink":"latte"}'
HEADERS = {
    "Host": "127.0.0.1:8765",
    "Content-Type": "application/json",
    "Content-Length": str(len(BODY)),
}


def request(headers: dict[str, str] | None = None, body: bytes = BODY) -> bytes:
    lines = (f"{name}: {value}\r\n" for name, value in (HEADERS | (headers or {})).items())
    return b"POST /api/orders HTTP/1.1\r\n" + "".join(lines).encode() + b"\r\n" + body


WHOLE = request()


def test_a_plain_request_is_read() -> None:
    said = {"Idempotency-Key": "k", "AUTHORIZATION": "Bearer t", "Connection": "Keep-Alive"}
    read = read_plain(request(said | {"Via": "1.1 x"}))
    assert read is not None
    assert read.body == BODY
    assert read.head.length == len(BODY)
    assert (read.head.idempotency_key, read.head.authorization) == ("k", "Bearer t")


@pytest.mark.parametrize("kind", ["Application/JSON", "application/json; charset=utf-8"])
def test_its_body_is_json_however_that_is_written(kind: str) -> None:
    assert read_plain(request({"Content-Type": kind})) is not None


@pytest.mark.parametrize(
    "data",
    [
        WHOLE.replace(b"POST", b"GET "),
        WHOLE.replace(b"/api/orders", b"/api/orders/batch"),
        WHOLE.replace(b"/api/orders", b"/api/orders?"),
        WHOLE.replace(b"1.1", b"1.0", 1),
        WHOLE.replace(b"HTTP/1.1\r\n", b"HTTP/1.1\n"),
        b"\r\n" + WHOLE,
        WHOLE + WHOLE,
        WHOLE + b"\r\n",
        request({"Content-Type": "text/plain"}),
        request({"Content-Type": "application/json; charset=latin-1"}),
        request({"Content-Length": f"+{len(BODY)}"}),
        request({"Content-Length": "1_0"}, b"{}        "),
        request({"Content-Length": f"{len(BODY)}, {len(BODY)}"}),
        request({"content-length": str(len(BODY))}),  # beside the other
        request({"Content-Length": str(len(BODY) - 1)}),
        request({"Transfer-Encoding": "chunked"}),
        request({"Content-Encoding": "gzip"}),
        request({"Expect": "100-continue"}),
        request({"Connection": "close"}),
        request({"Connection": "keep-alive, close"}),
        request({"Upgrade": "websocket"}),
        request({"Origin": "http://elsewhere"}),
        request({"X-Http-Method-Override": "GET"}),
        request({"Idempotency-Key": "a", "idempotency-key": "b"}),
        request({"Host ": "x"}),
        request({"Via": "a\r\n folded"}),
        request({"Via": "a\tb"}),
        request({"Via": "caf\u00e9"}),
        request({"Via": "a" * 1024}),
        request({"Via": ""}),
        WHOLE.replace(b"Host: ", b"Host:  "),
        WHOLE.replace(b"Content-Type: application/json\r\n", b""),
        WHOLE.replace(b"Host: ", b"Host\x00: "),
    ],
    ids=lambda data: repr(data[:200]),
)
def test_what_is_in_any_doubt_is_left_alone(data: bytes) -> None:
    assert read_plain(data) is None


@given(st.integers(0, len(WHOLE) - 1))
def test_a_part_is_no_request(length: int) -> None:
    assert read_plain(WHOLE[:length]) is None


@given(st.integers(0, len(WHOLE) - len(BODY) - 1), st.binary(max_size=3), st.integers(0, 3))
def test_a_changed_head_is_plain_only_where_it_says_the_same(
    at: int, put: bytes, removed: int
) -> None:
    changed = WHOLE[:at] + put + WHOLE[at + removed :]
    read = read_plain(changed)
    if read is None:
        return
    # Only what means nothing can have changed: a name's case, and the value of Host.
    same = re.sub(rb"(?i)host: ?[ -~]+", b"Host: 127.0.0.1:8765", changed)
    same = re.sub(rb": ?", b": ", same[: -len(BODY)])
    assert same.lower().replace(b": ", b":") == WHOLE[: -len(BODY)].lower().replace(b": ", b":")
    assert read.body == BODY
