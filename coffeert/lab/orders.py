"""Orders for the generator, made and encoded before the clock starts."""

from __future__ import annotations

import random
from typing import NamedTuple

import uuid_utils.compat

from coffeert.lab.ws_frames import text_frame

STORES = ("uptown", "downtown", "central", "southend")
DRINKS = ("cappuccino", "americano", "latte", "espresso", "flat-white", "mocha", "cortado", "tea")
PROBE_STORE = "central"


class Request(NamedTuple):
    """Bytes to send, what a right answer contains, and the 16-byte ids of its orders, joined."""

    wire: bytes
    marker: bytes
    ids: bytes


class OrderMaker:
    """Makes requests from a seed; ids are new every time, or runs would only replay each other.

    Every `stride`-th order is a probe: for the drink of the next of `probes`, so that its arrival on a
    screen can be told from all others'.
    """

    def __init__(self, seed: int, *, probes: tuple[str, ...] = (), stride: int = 0) -> None:
        self._chance = random.Random(seed)
        self._probes = probes
        self._stride = stride

    def probe(self, index: int) -> str | None:
        """Return the probe drink of the order at this place, if it is one."""
        if not self._stride or index % self._stride:
            return None
        return self._probes[index // self._stride % len(self._probes)]

    def http(self, index: int) -> Request:
        """Make `POST /api/orders`."""
        order, order_id, ids = self._order(index)
        return Request(_post("/api/orders", "application/json", order), order_id, ids)

    def websocket(self, index: int) -> Request:
        """Make an order frame."""
        order, order_id, ids = self._order(index)
        frame = b'{"type":"order","ref":"%d",%s' % (index, order[1:])
        return Request(text_frame(frame), order_id, ids)

    def batch(self, index: int, lines: int) -> Request:
        """Make `POST /api/orders/batch` with so many lines."""
        made = [self._order(index * lines + line) for line in range(lines)]
        body = b"\n".join(order for order, _, _ in made) + b"\n"
        marker = b'"accepted":%d,' % lines
        wire = _post("/api/orders/batch", "application/x-ndjson", body)
        return Request(wire, marker, b"".join(ids for _, _, ids in made))

    def _order(self, index: int) -> tuple[bytes, bytes, bytes]:
        chance = self._chance
        made = uuid_utils.compat.uuid7()
        order_id = str(made).encode()
        probe = self.probe(index)
        store = PROBE_STORE if probe else STORES[int(chance.random() * len(STORES))]
        drink = probe or DRINKS[int(chance.random() * len(DRINKS))]
        order = b'{"store":"%s","drink":"%s","quantity":%d,"order_id":"%s"}' % (
            store.encode(), drink.encode(), 1 + int(chance.random() * 3), order_id,
        )  # fmt: skip
        return order, order_id, made.bytes


def _post(path: str, content_type: str, body: bytes) -> bytes:
    return (
        f"POST {path} HTTP/1.1\r\nHost: lab\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body
