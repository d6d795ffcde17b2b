"""Requests as bytes: what the generator sends is what the recorded clients send."""

from __future__ import annotations

import json

from coffeert.lab.clients import RequestFactory

RECORDED_FROM_CHROMIUM = {
    "host", "connection", "content-length", "sec-ch-ua-platform", "user-agent", "sec-ch-ua",
    "content-type", "sec-ch-ua-mobile", "accept", "origin", "sec-fetch-site", "sec-fetch-mode",
    "sec-fetch-dest", "referer", "accept-encoding", "accept-language",
}  # fmt: skip


def _fields(wire: bytes) -> dict[str, str]:
    head, _, body = wire.partition(b"\r\n\r\n")
    lines = [line.partition(": ") for line in head.decode().split("\r\n")[1:]]
    fields = {name.lower(): value for name, _, value in lines}
    assert len(fields) == len(lines)
    assert int(fields["content-length"]) == len(body)
    return fields


def test_a_browser_head_has_the_fields_of_a_browser_and_a_new_request_id() -> None:
    factory = RequestFactory(1, host="127.0.0.1:8000", head="browser")
    first, second = (_fields(factory.http(index).wire) for index in range(2))
    assert first.keys() == RECORDED_FROM_CHROMIUM | {"x-request-id"}
    assert first["origin"] == f"http://{first['host']}"
    assert first.pop("x-request-id") != second.pop("x-request-id")
    del first["content-length"], second["content-length"]
    assert first == second


def test_a_minimal_head_has_only_what_an_order_needs() -> None:
    wire = RequestFactory(1).batch(0, lines=3).wire
    assert _fields(wire).keys() == {"host", "content-type", "content-length"}


def test_orders_differ_by_seed_in_all_but_their_ids() -> None:
    def orders(seed: int) -> list[dict[str, object]]:
        factory = RequestFactory(seed)
        found = []
        for index in range(20):
            request = factory.http(index)
            order = json.loads(request.wire.partition(b"\r\n\r\n")[2])
            assert order["order_id"].encode() == request.marker
            found.append(order | {"order_id": None})
        return found

    assert orders(1) == orders(1)
    assert orders(1) != orders(2)


def test_every_stride_th_order_is_a_probe() -> None:
    factory = RequestFactory(1, probes=("a", "b"), stride=3)
    assert [factory.probe(index) for index in range(7)] == ["a", None, None, "b", None, None, "a"]
    assert b'"drink":"b"' in factory.http(3).wire
