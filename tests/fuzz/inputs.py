"""Inputs made up from a seed: nearly right ones, mostly, since those get furthest in."""

from __future__ import annotations

import json
import random
from typing import Any
from uuid import UUID

from tests.torture.hostile import HOSTILE_BODIES, HOSTILE_FRAMES

NASTY = (
    "", " ", "\x00", "\x1b[2J", "\x1b]52;c;x\x07", "\x9b31m", "\u202e", "\u2066", "\ufeff", "\u200b",
    "[red]x[/]", "<b>x</b>", "%s%n", "'; DROP TABLE orders; --", "../../etc/passwd", "コーヒー", "☕" * 9,
    "e" + "\u0301" * 60, "\U000e0041", "\ud800", "x" * 300, "NaN", "null", "-0", "1e999", "\r\nX: y",
)  # fmt: skip
_NUMBERS = (
    0, -1, 1, 2, 99, 100, 2**31, 2**63, 2**64, -(2**63), 10**40, 0.1, 1.5, 4.355, 1e308, -0.0,
    float("nan"), float("inf"),
)  # fmt: skip
_FIELDS = (
    *("store", "drink", "quantity", "price", "placed_at", "order_id", "ref", "type", "voids"),
    *("total", "source", "receipt", "void"),
)
_GOOD = ("uptown", "latte", 3, "4.35", "LATTE", "-2", 4.1000000000000005, "till1-0042")
_TIMES = (
    "2026-01-31T09:30:00+02:00", "2026-01-31", "0000-00-00T00:00:00Z", "9999-12-31T23:59:59Z",
    "2026-02-30T00:00:00Z", "2026-01-31T09:30:00", "2026-01-31T09:30:00+99:99", "1969-12-31T23:59:59Z",
)  # fmt: skip


def value(rng: random.Random, depth: int = 0) -> Any:
    """Make up a JSON value."""
    kind = rng.randrange(9 if depth < 4 else 6)
    match kind:
        case 0:
            return rng.choice(NASTY)
        case 1:
            return rng.choice(_NUMBERS)
        case 2:
            return rng.choice((True, False, None))
        case 3:
            return rng.choice(_TIMES)
        case 4:
            return "".join(chr(rng.randrange(1, 0xD7FF)) for _ in range(rng.randrange(12)))
        case 5:
            return rng.choice((*_GOOD, str(UUID(int=rng.getrandbits(128)))))
        case 6:
            return [value(rng, depth + 1) for _ in range(rng.randrange(4))]
        case _:
            return {field(rng): value(rng, depth + 1) for _ in range(rng.randrange(4))}


def field(rng: random.Random) -> str:
    """Make up a field's name."""
    return rng.choice(_FIELDS) if rng.random() < 0.8 else str(rng.choice(NASTY))


def order(rng: random.Random, **more: Any) -> dict[str, Any]:
    """Make up an order of which at most a few fields are wrong."""
    made: dict[str, Any] = {"store": "uptown", "drink": "latte", "quantity": rng.randrange(1, 5)}
    for _ in range(rng.choice((0, 1, 1, 1, 2, 3))):
        made[field(rng)] = value(rng)
    if rng.random() < 0.1:
        made.pop(rng.choice(list(made)), None)
    return made | more


def body(rng: random.Random, **more: Any) -> bytes:
    """Make up the bytes of an order: an odd one, a damaged one, or one from the list."""
    if rng.random() < 0.05:
        return rng.choice(HOSTILE_BODIES)
    made = {"void": value(rng), **more} if rng.random() < 0.1 else order(rng, **more)
    text = json.dumps(made, ensure_ascii=rng.random() < 0.5)
    return damaged(rng, text.encode("utf-8", "surrogatepass"))


def damaged(rng: random.Random, data: bytes) -> bytes:
    """Leave bytes as they are, or cut, repeat, swap or overwrite some."""
    if rng.random() < 0.6 or not data:
        return data
    at = rng.randrange(len(data))
    match rng.randrange(5):
        case 0:
            return data[:at]
        case 1:
            return data[:at] + data[at : at + 9] * rng.randrange(2, 5) + data[at:]
        case 2:
            return data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :]
        case 3:
            return (
                data[:at] + rng.choice((b'"', b"{", b"}", b"[", b",", b"\\", b"\x00")) + data[at:]
            )
        case _:
            return data[at:] + data[:at]


def frame(rng: random.Random) -> str | bytes:
    """Make up a WebSocket message."""
    if rng.random() < 0.05:
        return rng.choice(HOSTILE_FRAMES)
    kind = rng.choice(("order", "order", "order", "void", "resync", value(rng)))
    text = body(rng, type=kind, ref=str(rng.randrange(9)) if rng.random() < 0.9 else value(rng))
    return text if rng.random() < 0.05 else text.decode("utf-8", "replace")


def raw_frame(rng: random.Random) -> bytes:
    """Make up a WebSocket frame below the level of messages: flags, opcodes and lengths at random."""
    payload = rng.randbytes(rng.randrange(140))
    first = rng.choice((0x81, 0x01, 0x80, 0x89, 0x88, 0x82, rng.randrange(256)))
    length = rng.choice((len(payload), len(payload), 126, 127, rng.randrange(128)))
    masked = 0x80 if rng.random() < 0.9 else 0
    head = bytes((first, masked | (length & 0x7F)))
    if length == 127:
        head += rng.choice((b"\x00" * 7 + b"\x05", b"\xff" * 8, rng.randbytes(8)))
    return head + rng.randbytes(4) + payload


def request(rng: random.Random, token: str) -> bytes:
    """Make up a whole HTTP request, from the request line on."""
    method = rng.choice(
        ("GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "TRACE", "G\x00T", "PRI")
    )
    paths = (
        "/api/orders", "/api/orders/batch", "/api/orders/x/void", "/api/dashboard", "/api/menu",
        "/ws/dashboard", "/readyz", "/metrics", "/openapi.json", "*", "//", "/%00", "/%ff", "/..%2f",
        "/api/dashboard?at=" + str(rng.choice((*_TIMES, "%00", "x" * 2000))).replace(" ", ""),
        "/api/report?period=" + str(rng.choice((*_TIMES, "today", "%00"))), "/api/activity",
        "/api/closings", "/api/closings/" + "9" * rng.randrange(30), "/api/closings?day=%00",
        "/api/orders?from=%ff",
        "/ws/dashboard?epoch=%ff&version=" + "9" * rng.randrange(30),
    )  # fmt: skip
    content = body(rng) if rng.random() < 0.7 else b""
    length = rng.choice((len(content), len(content), len(content), 0, 10**12, -1))
    headers = [
        ("Host", rng.choice(("127.0.0.1", "", "x" * 300, "[::", "evil.example"))),
        ("Authorization", rng.choice((f"Bearer {token}", "Bearer", "Basic x", "Bearer \x80"))),
        (
            "Content-Type",
            rng.choice(("application/json", "application/x-ndjson", "", ";;;=", "a/b")),
        ),
        ("Content-Length", str(length)),
        ("Content-Encoding", rng.choice(("identity", "gzip", "deflate", "br", "x"))),
        ("Transfer-Encoding", rng.choice(("identity", "chunked", "chunked, chunked"))),
        ("Idempotency-Key", str(rng.choice(NASTY)).replace("\r\n", " ")),
        ("Origin", rng.choice(("null", "http://[", "http://evil.example", "http://127.0.0.1"))),
        ("If-None-Match", rng.choice(('"x"', "*", "W/", '"' * 50))),
        ("Upgrade", "websocket"),
        ("Connection", rng.choice(("upgrade", "close", "keep-alive"))),
        ("Sec-WebSocket-Version", rng.choice(("13", "8", "x"))),
        ("Sec-WebSocket-Key", rng.choice(("dGhlIHNhbXBsZSBub25jZQ==", "x"))),
        ("X-" + "y" * rng.choice((1, 9000)), "z" * rng.choice((1, 9000))),
    ]
    chosen = [f"{n}: {v}" for n, v in headers if rng.random() < 0.45]
    head = "\r\n".join(
        [f"{method} {rng.choice(paths)} HTTP/{rng.choice(('1.1', '1.0', '9'))}", *chosen]
    )
    return damaged(rng, head.encode("utf-8", "surrogatepass") + b"\r\n\r\n") + content
