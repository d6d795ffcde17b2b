"""Bodies for a webhook: posted in order, tried again, given up, never piled up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from yarl import URL

from coffeert.cancellation import end
from coffeert.client import webhook
from coffeert.client.webhook import Webhook, parse_webhook_url
from coffeert.errors import ConfigError
from tests.integration.client.peer import serving
from tests.waiting import eventually


class Receiver:
    """Answers each request with the next status, and further ones with the last."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.bodies: list[bytes] = []

    async def handle(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.read())
        assert request.content_type == "application/json"
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        return web.Response(status=status, headers={"Location": "/elsewhere"})


@asynccontextmanager
async def posting(receiver: Receiver) -> AsyncIterator[tuple[Webhook, list[str]]]:
    """Run a webhook to a receiver; also gives the failures that it tells."""
    failures: list[str] = []
    async with serving(web.post("/hook", receiver.handle)) as url:
        hook = Webhook(URL(url) / "hook")
        hook.on_failure = failures.append
        task = asyncio.create_task(hook.run())
        yield hook, failures
        await end(task)


async def test_bodies_arrive_in_order() -> None:
    receiver = Receiver(204)
    async with posting(receiver) as (hook, failures):
        hook.post(b'"one"')
        hook.post(b'"two"')
        await eventually(lambda: receiver.bodies == [b'"one"', b'"two"'])
    assert failures == []


async def test_a_receiver_that_is_busy_is_asked_again() -> None:
    receiver = Receiver(503, 429, 200)
    async with posting(receiver) as (hook, failures):
        hook.post(b'"one"')
        await eventually(lambda: receiver.bodies == [b'"one"'] * 3)
        hook.post(b'"two"')
        await eventually(lambda: receiver.bodies[-1] == b'"two"')
    assert failures == []


@pytest.mark.parametrize("status", [400, 404, 302])
async def test_what_will_never_be_taken_is_dropped_and_told(status: int) -> None:
    receiver = Receiver(status, 200)
    async with posting(receiver) as (hook, failures):
        hook.post(b'"one"')
        hook.post(b'"two"')
        await eventually(lambda: receiver.bodies == [b'"one"', b'"two"'])
    assert failures == [f"The webhook 127.0.0.1 answered with HTTP status {status}."]


async def test_it_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "GIVE_UP_SECONDS", 0.3)
    async with posting(Receiver(503)) as (hook, failures):
        hook.post(b'"one"')
        await eventually(lambda: bool(failures))
    assert failures == ["The webhook 127.0.0.1 answered with HTTP status 503."]


async def test_what_waits_is_bounded() -> None:
    failures: list[str] = []
    hook = Webhook(URL("http://127.0.0.1:9/hook"))
    hook.on_failure = failures.append
    for _ in range(webhook.MAX_WAITING + 2):
        hook.post(b"{}")
    assert len(failures) == 2


@pytest.mark.parametrize(
    "text", ["", "x", "ftp://a/b", "http://", "http://a:0/", "http://[", "/hook"]
)
def test_what_is_no_url_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="webhook"):
        parse_webhook_url(text)


def test_hosts_of_a_private_network_are_allowed() -> None:
    assert parse_webhook_url("http://10.0.0.7:8080/hook").host == "10.0.0.7"
