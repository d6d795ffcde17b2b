"""What real clients and proxies send is answered in front of aiohttp, and shed under overload."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.integration.server.http.exchange import exchange

RECORDED = Path(__file__).parents[3] / "client_requests/recorded"

# They ask before they send a body (RFC 9110, section 10.1.1), or for another protocol (section 7.8).
# aiohttp answers both; its handlers shed load too.
THROUGH_AIOHTTP = {
    "curl_expect": "Expect",
    "caddy__curl_expect": "Expect",
    "haproxy__curl_expect": "expect",
    "java_httpclient": "Upgrade",
}
# Pages of an origin that is not allowed.
REFUSED = {"chromium_cross_origin": 403}


class Sent(NamedTuple):
    """What one client has sent: packets of two orders, of a batch and of a GET."""

    name: str
    orders: list[list[bytes]]
    batch: list[bytes]
    get: list[bytes]


def _packets(request: list[str]) -> list[bytes]:
    return [packet.encode("latin-1") for packet in request]


def _sent(path: Path) -> Sent:
    said = json.loads(path.read_text())
    return Sent(
        path.stem,
        [_packets(request) for request in said["single"]],
        _packets(said["batch"][0]),
        _packets(said["get"][0]),
    )


CLIENTS = [_sent(path) for path in sorted(RECORDED.glob("*.json"))]
in_front = pytest.mark.parametrize(
    "client",
    [client for client in CLIENTS if client.name not in {*THROUGH_AIOHTTP, *REFUSED}],
    ids=lambda client: client.name,
)
all_clients = pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)


def statuses(answers: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] ([2-5]\d\d) ", answers)]


def test_the_clients_of_the_field_are_here() -> None:
    names = " ".join(client.name for client in CLIENTS)
    for known in (
        "curl", "requests", "httpx", "aiohttp", "urllib", "node_fetch", "axios", "okhttp", "go_",
        "chromium", "nginx_default", "nginx_keepalive", "haproxy", "caddy",
    ):  # fmt: skip
        assert known in names


@in_front
async def test_orders_and_batches_take_the_short_way(client: Sent) -> None:
    async with exchange() as at:
        for packets in [*client.orders, client.batch]:
            answers, _ = await at.answers(packets, in_front=True)
            assert statuses(answers) == [200 if packets is client.batch else 201]
            together, _ = await at.answers([b"".join(packets)], in_front=True)
            assert statuses(together) == statuses(answers)
        assert at.delegated == 0


@all_clients
async def test_orders_are_shed_under_overload(client: Sent) -> None:
    async with exchange() as at:
        at.shed()
        for packets in [*client.orders, client.batch]:
            answers, _ = await at.answers(packets, in_front=True)
            assert statuses(answers) == [503]
            assert b"\r\nRetry-After: 1\r\n" in answers
        assert at.orders_stored == 0
        assert at.delegated == (3 if client.name in THROUGH_AIOHTTP else 0)


@in_front
async def test_after_an_order_or_a_refusal_anything_else_works(client: Sent) -> None:
    async with exchange() as at:
        for shed, status in ((False, 201), (True, 503)):
            if shed:
                at.shed()
            answers, closed = await at.answers([*client.orders[0], *client.get], in_front=True)
            if b"Connection: close" in answers.partition(b"\r\n\r\n")[0] or b"HTTP/1.0" in answers:
                assert statuses(answers) == [status]
                assert closed
            else:
                assert statuses(answers) == [status, 404]  # this server has no menu


@pytest.mark.parametrize("name", THROUGH_AIOHTTP)
async def test_what_aiohttp_must_answer_it_answers(name: str) -> None:
    (client,) = (client for client in CLIENTS if client.name == name)
    assert f"\r\n{THROUGH_AIOHTTP[name]}: ".encode() in client.orders[0][0]
    async with exchange() as at:
        answers, _ = await at.answers(client.orders[0], in_front=True)
        assert statuses(answers) == [201]
        assert (b"100 Continue" in answers) == ("expect" in name)
        assert at.delegated == 1


@pytest.mark.parametrize("name", REFUSED)
async def test_pages_of_other_origins_are_refused(name: str) -> None:
    (client,) = (client for client in CLIENTS if client.name == name)
    async with exchange() as at:
        answers, _ = await at.answers(client.orders[0], in_front=True)
        assert statuses(answers) == [REFUSED[name]]
