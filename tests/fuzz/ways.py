"""Orders on their fast path and through the framework: the same bytes must get the same answers."""

from __future__ import annotations

import asyncio
import random
import re
import time
from contextlib import suppress
from itertools import pairwise

from tests.fuzz import inputs
from tests.fuzz.target import TOKEN, Target, Totals

_HEAD = re.compile(rb"HTTP/1\.1 (\d{3})[^\r]*\r\n(?:[^\r]+\r\n)*?Content-Length: (\d+)\r\n")
_MOMENTS = re.compile(
    rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\dT[0-9:.]+Z|Date: [^\r]*"
    rb"|Content-Length: \d+"
)
_QUIET = 0.05
_PATIENCE = 2.0  # seconds, of the second look at what seems to differ


async def plain_orders(rng: random.Random, deadline: float, target: Target) -> Totals:
    """Orders that are plain or nearly so, alone and in rows, in pieces of any size."""
    tally = Totals("plain orders, both ways")
    while time.monotonic() < deadline:
        await asyncio.gather(*(_compare(rng, tally, target) for _ in range(8)))
    await target.check(tally)
    return tally


async def _compare(rng: random.Random, tally: Totals, target: Target) -> None:
    # What is no HTTP comes alone and in one piece: what else the framework answers on its connection
    # depends on where TCP has cut it.
    wild = rng.random() < 0.6
    sent = [_request(rng, wild=wild) for _ in range(1 if wild else rng.randrange(1, 4))]
    pieces = [b"".join(sent)] if wild else _cut(rng, b"".join(sent))
    tally.tried += len(sent)
    # An answer sent before the body was read closes the connection, so what follows a refusal depends on
    # where TCP has cut the request: the last look is at the same bytes in one piece.
    for quiet, cut in ((_QUIET, pieces), (_PATIENCE, pieces), (_PATIENCE, [b"".join(pieces)])):
        fast = await _answers(target.port, cut, len(sent), quiet, framework=False)
        framework = await _answers(target.port, cut, len(sent), quiet, framework=True)
        if _told(fast) == _told(framework):
            break
    else:
        tally.note("the ways differ", (pieces, fast, framework))
    for answer in (fast, framework):
        target.judge(tally, 0, answer, pieces)


def _request(rng: random.Random, *, wild: bool) -> bytes:
    content = inputs.body(rng)
    wrong = [len(content) - 1, len(content) + 1, 0, -1] if wild else []
    headers = [
        ("Host", rng.choice(("127.0.0.1", "", "x"))),
        ("Authorization", rng.choice((f"Bearer {TOKEN}",) * 9 + ("Bearer x", "Basic x"))),
        ("Content-Type", rng.choice(("application/json",) * 9 + ("Application/JSON", "text/x"))),
        ("Content-Length", str(rng.choice([len(content)] * 30 + wrong))),
    ]
    more = [
        ("Idempotency-Key", rng.choice(("x", "", '"x"'))),
        ("Origin", "http://evil.example"),
        ("User-Agent", rng.choice(("x", "x" * 1000, "\u00e9", "a\tb", ""))),
    ]
    odd = [
        ("Connection", rng.choice(("close", "keep-alive", "upgrade"))),
        ("Content-Encoding", rng.choice(("identity", "gzip"))),
        ("Transfer-Encoding", rng.choice(("identity", "chunked"))),
        ("Expect", rng.choice(("100-continue", "x"))),
        ("Content-Length", str(len(content))),
        ("X-Unknown", "\x01"),
        ("Via", "a\r\n b"),
    ]
    headers += [one for one in (more + odd if wild else more) if rng.random() < 0.04]
    rng.shuffle(headers)
    space = rng.choice((" ",) * 20 + ("", "  ", "\t"))
    lines = "".join(f"{name}:{space}{value}\r\n" for name, value in headers)
    head = f"POST /api/orders HTTP/1.1\r\n{lines}\r\n".encode()
    return (inputs.damaged(rng, head) if wild and rng.random() < 0.1 else head) + content


def _cut(rng: random.Random, data: bytes) -> list[bytes]:
    cuts = sorted(rng.randrange(len(data) + 1) for _ in range(rng.randrange(4)))
    edges = [0, *cuts, len(data)]
    return [data[a:b] for a, b in pairwise(edges) if a < b]


def _told(answers: bytes) -> bytes:
    """Blank what may differ: the moments, and whether an order was stored by the other way."""
    answers = _MOMENTS.sub(b"", answers)
    return answers.replace(
        b"200 OK\r\nIdempotent-Replayed: true\r\nContent-Type: application/json",
        b"201 Created\r\nContent-Type: application/json",
    )


async def _answers(
    port: int, pieces: list[bytes], expected: int, quiet: float, *, framework: bool
) -> bytes:
    """Send pieces and read answers until all are there, or none comes for `quiet` seconds."""
    told = b""
    with suppress(OSError):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            if framework:
                writer.write(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
                await reader.readuntil(b"ok\n")
            for piece in pieces:
                writer.write(piece)
                await asyncio.sleep(0)
            with suppress(TimeoutError):
                while _whole(told) < expected:
                    async with asyncio.timeout(quiet):
                        more = await reader.read(65_536)
                    if not more:
                        break
                    told += more
        finally:
            writer.transport.abort()
    return told


def _whole(told: bytes) -> int:
    return sum(len(told) >= head.end() + 2 + int(head[2]) for head in _HEAD.finditer(told))
