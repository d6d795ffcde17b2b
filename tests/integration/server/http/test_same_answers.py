"""Every request is answered alike with and without what stands in front of aiohttp, however it is cut."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.server.http.exchange import Exchange, exchange, without_moments
from tests.integration.server.http.test_hostile_requests import NOT_HTTP
from tests.unit.server.http.test_request_reader import BODY, CHUNKED, UNSUPPORTED, WHOLE, chunked

RECORDED = sorted((Path(__file__).parents[3] / "client_requests/recorded").glob("*.json"))
LIVEZ = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
TOKEN = "secret"


def post(body: bytes, *, batch: bool = False) -> bytes:
    """A request with another body."""
    sent = WHOLE.replace(BODY, body).replace(b": %d" % len(BODY), b": %d" % len(body))
    if batch:
        sent = sent.replace(b"/orders", b"/orders/batch").replace(b"/json", b"/x-ndjson")
    return sent


def order(fields: bytes) -> bytes:
    """A request with further fields."""
    return post(BODY[:-1] + b"," + fields + b"}")


VARIANTS = {
    "plain": WHOLE,
    "1.0": WHOLE.replace(b"HTTP/1.1", b"HTTP/1.0"),
    "1.0 keep-alive": WHOLE.replace(b"HTTP/1.1\r\n", b"HTTP/1.0\r\nConnection: keep-alive\r\n"),
    "close": WHOLE.replace(b"Host", b"Connection: close\r\nHost"),
    "chunked": CHUNKED,
    "empty chunks": chunked(),
    "chunk extension": CHUNKED.replace(b"a\r\n", b"a;b=c\r\n", 1),
    "trailer": chunked(BODY, end=b"0\r\nX: y\r\n\r\n"),
    "leading zeros": CHUNKED.replace(b"\r\na\r\n", b"\r\n000a\r\n", 1),
    "upper case chunk": CHUNKED.replace(b"\r\na\r\n", b"\r\nA\r\n", 1),
    "space after chunk": CHUNKED.replace(b"\r\na\r\n", b"\r\na \r\n", 1),
    "no key": WHOLE.replace(b"Host", b"Idempotency-Key: \r\nHost"),
    "a key": WHOLE.replace(
        b"Host", b"Idempotency-Key: 00000000-0000-4000-8000-000000000000\r\nHost"
    ),
    "a bad key": WHOLE.replace(b"Host", b"Idempotency-Key: x y\r\nHost"),
    "a key that is no UUID": WHOLE.replace(b"Host", b"Idempotency-Key: till1-0042\r\nHost"),
    "a quoted key": WHOLE.replace(b"Host", b'Idempotency-Key: "till1-0042"\r\nHost'),
    "a key with escapes": WHOLE.replace(b"Host", b'Idempotency-Key: "a\\"b\\\\"\r\nHost'),
    "a long key": WHOLE.replace(b"Host", b"Idempotency-Key: " + b"x" * 256 + b"\r\nHost"),
    "all fields": order(
        b'"quantity":"-2","total":9.61,"source":"till 1","receipt":"A-17","order_id":"till1-0042"'
    ),
    "other spellings": order(b'"quantity":2.0,"price":"4.8000"'),
    "binary noise": order(b'"price":4.1000000000000005'),
    "a price that does not fit": order(b'"price":4.8,"total":9.99'),
    "a decimal comma": order(b'"price":"4,80"'),
    "a number beyond all": order(b'"total":1e999'),
    "names": WHOLE.replace(b"latte", b"LATTE"),
    "a void as an order": post(b'{"void":"till1-0042"}'),
    "a batch with a key": WHOLE.replace(b"/orders", b"/orders/batch")
    .replace(b"/json", b"/x-ndjson")
    .replace(b"Host", b"Idempotency-Key: till1-batch\r\nHost"),
    "a batch with a bad key": WHOLE.replace(b"/orders", b"/orders/batch")
    .replace(b"/json", b"/x-ndjson")
    .replace(b"Host", b"Idempotency-Key: a b\r\nHost"),
    "a batch of voids": post(
        BODY + b'\n{"void":"a"}\n{"void":7}\n{"void":"a","void":"b"}\n' + BODY, batch=True
    ),
    "another origin": WHOLE.replace(b"Host", b"Origin: http://elsewhere.example\r\nHost"),
    "an allowed origin": WHOLE.replace(b"Host", b"Origin: http://shop.example/\r\nHost"),
    "the same origin": WHOLE.replace(b"Host", b"Origin: http://127.0.0.1:8765\r\nHost"),
    "a null origin": WHOLE.replace(b"Host", b"Origin: null\r\nHost"),
    "another type": WHOLE.replace(b"application/json", b"text/plain      "),
    "charset": WHOLE.replace(b"application/json", b"Application/JSON ; charset=latin-1"),
    "no type": WHOLE.replace(b"Content-Type: application/json\r\n", b""),
    "unknown drink": WHOLE.replace(b"latte", b"grvel"),
    "not JSON": WHOLE.replace(b'{"', b"xx"),
    "length of 0": WHOLE.replace(b"Content-Length: 34", b"Content-Length: 0") + LIVEZ,
    "short length": WHOLE.replace(b"Content-Length: 34", b"Content-Length: 33"),
    "empty host": WHOLE.replace(b"Host: 127.0.0.1:8765", b"Host:"),
    "strange host": WHOLE.replace(b"Host: 127.0.0.1:8765", b"Host: a b, c"),
    "bad token": WHOLE.replace(b"Host", b"Authorization: Bearer x\r\nHost"),
    "trailing spaces": WHOLE.replace(b"json\r\n", b"json \t\r\n"),
    "obs-text": WHOLE.replace(b"Host", b"X: \xff\xfe\r\nHost"),
    "TE.CL": WHOLE.replace(b"Host", b"Transfer-Encoding: chunked\r\nHost"),
    "TE.CL, odd": WHOLE.replace(b"Host", b"Transfer-Encoding: xchunked\r\nHost"),
    "TE tab": CHUNKED.replace(b": chunked", b":\tchunked"),
    "TE twice": CHUNKED.replace(b"Host", b"Transfer-Encoding: chunked\r\nHost"),
    "TE upper": CHUNKED.replace(b"chunked", b"CHUNKED"),
    "TE then bytes": CHUNKED + b"\r\n" + LIVEZ,
    "a batch": WHOLE.replace(b"/orders", b"/orders/batch").replace(b"/json", b"/x-ndjson"),
    "an order as a batch": WHOLE.replace(b"/orders", b"/orders/batch"),
    "a batch with bad lines": WHOLE.replace(b"/orders", b"/orders/batch")
    .replace(b"/json", b"/x-ndjson")
    .replace(b'{"store"', b'x\n"stre"'),
    "a chunked batch": CHUNKED.replace(b"/orders", b"/orders/batch").replace(b"/json", b"/ndjson"),
    "a packed batch": WHOLE.replace(b"/orders", b"/orders/batch")
    .replace(b"/json", b"/x-ndjson")
    .replace(b"Host", b"Content-Encoding: gzip\r\nHost"),
    "GET": LIVEZ,
    "GET with a body": LIVEZ[:-2] + b"Content-Length: %d\r\n\r\n" % len(WHOLE) + WHOLE,
    "HEAD": LIVEZ.replace(b"GET", b"HEAD"),
    "elsewhere": LIVEZ.replace(b"livez", b"nowhere"),
    "GET of orders": LIVEZ.replace(b"livez", b"api/orders"),
}


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """aiohttp logs what is not HTTP."""
    logger = logging.getLogger("aiohttp.server")
    before, logger.disabled = logger.disabled, True
    yield
    logger.disabled = before


async def compare(at: Exchange, pieces: list[bytes]) -> None:
    front = await _answers(at, pieces, in_front=True)
    framework = await _answers(at, pieces, in_front=False)
    if front != framework:
        # What aiohttp answers to a request with bytes behind it that are not HTTP depends on the packets in
        # which they arrive: together it refuses both.
        assert front == await _answers(at, [b"".join(pieces)], in_front=False), pieces


async def _answers(at: Exchange, pieces: list[bytes], *, in_front: bool) -> tuple[bytes, bool]:
    answers, closed = await at.answers(pieces, in_front=in_front)
    return without_moments(answers), closed


def recorded() -> dict[str, bytes]:
    """Every request that a real client has sent."""
    found = {}
    for path in RECORDED:
        said = json.loads(path.read_text())
        for kind in ("single", "batch", "get"):
            for number, packets in enumerate(said[kind]):
                found[f"{path.stem} {kind} {number}"] = "".join(packets).encode("latin-1")
    return found


REQUESTS = (
    VARIANTS
    | {f"unsupported {number}": data for number, data in enumerate(UNSUPPORTED)}
    | {name: data for name, data in NOT_HTTP.items() if len(data) < 2000}
    | recorded()
)


def test_there_are_some_hundred_requests() -> None:
    assert len(REQUESTS) > 250


@pytest.mark.parametrize("token", [None, TOKEN])
async def test_whole_requests_are_answered_alike(token: str | None) -> None:
    async with exchange(token=token) as at:
        for data in REQUESTS.values():
            await compare(at, [data])


@pytest.mark.parametrize("name", VARIANTS)
async def test_requests_cut_anywhere_are_answered_alike(name: str) -> None:
    data = VARIANTS[name]
    async with exchange() as at:
        for cut in range(1, len(data)):
            await compare(at, [data[:cut], data[cut:]])
        await compare(at, [data[at : at + 1] for at in range(len(data))])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_any_request_cut_anywhere_is_answered_alike(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(REQUESTS)))
    sent = REQUESTS[name]
    cuts = sorted(data.draw(st.sets(st.integers(1, max(1, len(sent) - 1)), max_size=6)))
    pieces = [sent[a:b] for a, b in zip([0, *cuts], [*cuts, len(sent)], strict=True)]
    _run(pieces)


GOOD = {
    name: data
    for name, data in VARIANTS.items()
    if name
    in {
        "plain", "chunked", "1.0 keep-alive", "a bad key", "another type", "unknown drink", "charset",
        "another origin", "a batch", "a batch with bad lines", "a chunked batch", "GET", "elsewhere",
    }
}  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.sampled_from(sorted(GOOD)), min_size=2, max_size=8),
    st.lists(st.integers(1, 400), max_size=5),
)
def test_pipelined_requests_are_answered_alike(names: list[str], cuts: list[int]) -> None:
    sent, pieces = b"".join(GOOD[name] for name in names), []
    for cut in cuts:
        pieces.append(sent[:cut])
        sent = sent[cut:]
    _run([piece for piece in [*pieces, sent] if piece], answers=len(names))


def _run(pieces: list[bytes], answers: int | None = None) -> None:
    async def main() -> None:
        async with exchange() as at:
            await compare(at, pieces)
            if answers is not None:
                front, _ = await at.answers(pieces, in_front=True)
                answered = len(re.findall(rb"HTTP/1\.[01] \d{3} ", front))
                # A refusal that comes before the rest of its body is the last answer.
                assert answered == answers or b"\r\nConnection: close\r\n" in front

    asyncio.run(main())
