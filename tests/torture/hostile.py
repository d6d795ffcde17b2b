"""What strangers may send: bodies and frames that must be refused and harm nobody."""

from __future__ import annotations

import json
from typing import Any

LATTE: dict[str, Any] = {"store": "uptown", "drink": "latte"}
_ESCAPES = (
    "\x00",
    "\x1b[2J",
    "\x1b]0;x\x07",
    "\u202e",
    "\u2066",
    "[bold]x[/bold]",
    "<b>",
    "\ud7ff",
)


def _with(**fields: Any) -> bytes:
    return json.dumps(LATTE | fields).encode()


HOSTILE_BODIES: list[bytes] = [
    b"",
    b"{",
    b"[]",
    b"null",
    b"NaN",
    b"\xff\xfe",
    b"\xef\xbb\xbf{}",
    b"[" * 5_000,
    b'{"a":' * 2_000,
    b'{"store":' + b"[" * 3_000 + b"]" * 3_000 + b"}",
    b'{"store":"uptown","drink":"latte","store":"downtown"}',
    b'{"store":"uptown","drink":"latte","quantity":NaN}',
    b'{"store":"uptown","drink":"latte","quantity":Infinity}',
    b'{"store":"uptown","drink":"latte","quantity":1e400}',
    b'{"store":"uptown","drink":"latte","quantity":' + b"9" * 5_000 + b"}",
    b'{"store":"uptown","drink":"latte","price":' + b"9" * 5_000 + b"}",
    b'{"store":"uptown","drink":"latte","price":1e-8}',
    b'{"store":"uptown","drink":"latte","price":4.355}',
    b'{"store":"uptown","drink":"latte","price":-0.01}',
    b'{"store":"\\ud800","drink":"latte"}',
    b'{"store":"upt\x80own","drink":"latte"}',
    b" " * 20_000,
    _with(quantity=0),
    _with(quantity=-10_000),
    _with(quantity=10_000),
    _with(quantity=2**63),
    _with(quantity=True),
    _with(quantity="1 or 2"),
    _with(quantity=1.5),
    _with(price="4,35"),
    _with(price="٤"),
    _with(price=True),
    _with(price=[]),
    _with(placed_at="2026-01-31T09:30:00"),
    _with(placed_at="0001-01-01T00:00:00Z"),
    _with(placed_at="9999-12-31T23:59:59-23:59"),
    _with(placed_at="yesterday"),
    _with(placed_at=0),
    _with(order_id=""),
    _with(order_id="x" * 256),
    _with(order_id=1),
    _with(unknown=1),
    _with(store="x" * 15_000),
    _with(store=None),
    *(_with(store=f"uptown{escape}") for escape in _ESCAPES),
    *(_with(drink=f"{escape}latte") for escape in _ESCAPES),
]

HOSTILE_FRAMES: list[str | bytes] = [
    b"\x00\x01",
    b"",
    "",
    "[]",
    "{}",
    '{"type":"order"}',
    '{"type":"nothing"}',
    '{"type":"order","ref":1,"store":"uptown","drink":"latte"}',
    '{"type":"order","ref":"' + "x" * 65 + '","store":"uptown","drink":"latte"}',
    '{"type":"resync","extra":1}',
    "[" * 10_000,
    '{"type":"order","ref":"1","store":"uptown","drink":"latte","quantity":NaN}',
    '{"type":"order","ref":"1","store":"\x00","drink":"latte"}',
    '{"type":"order","type":"resync","ref":"1","store":"uptown","drink":"latte"}',
    "x" * 100_000,
]
