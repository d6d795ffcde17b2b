"""Events for a webhook: signed, repeated until taken, and ended by a receiver that wants no more."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web
from yarl import URL

from coffeert.errors import ConfigError, SinkRefused
from coffeert.sinks.cursor import CursorFile
from coffeert.sinks.webhook import WebhookSink, parse_secret, signed_headers
from coffeert.wire.feed import OrderEvent
from coffeert.wire.orders import OrderBody
from tests.integration.client.peer import serving

SECRET = b"0123456789abcdef0123456789abcdef"
MOMENT = datetime(2026, 11, 26, 9, 30, tzinfo=UTC)


def event(number: int) -> OrderEvent:
    body = OrderBody(f"{number:032x}", "uptown", "latte", 1, "4.80", MOMENT, MOMENT)
    return OrderEvent("1.0", f"a.{number}", "/c", "coffeert.order.placed", "uptown", MOMENT, body)


async def post(tmp_path: Path, statuses: list[int]) -> tuple[list[str], str | None]:
    """Write two events; return the ids that arrived, and the cursor that is kept."""
    ids: list[str] = []

    async def handle(request: web.Request) -> web.Response:
        body = await request.read()
        message, moment = request.headers["webhook-id"], request.headers["webhook-timestamp"]
        content = f"{message}.{moment}.".encode() + body
        right = base64.b64encode(hmac.new(SECRET, content, hashlib.sha256).digest()).decode()
        assert request.headers["webhook-signature"] == f"v1,{right}"
        ids.append(message)
        return web.Response(status=statuses.pop(0))

    kept = CursorFile(tmp_path / "cursor")
    async with serving(web.post("/hook", handle)) as url:
        sink = WebhookSink(URL(url) / "hook", SECRET, kept)
        await sink.open()
        try:
            await sink.write([event(1), event(2)], "a.end")
        finally:
            await sink.close()
            cursor = kept.read()
            assert cursor != "a.end" or not statuses
    return ids, cursor


async def test_busy_receivers_get_the_same_event_again(tmp_path: Path) -> None:
    assert await post(tmp_path, [503, 200, 429, 204]) == (["a.1", "a.1", "a.2", "a.2"], "a.end")


@pytest.mark.parametrize(("status", "sentence"), [(410, "wants no more"), (400, "status 400")])
async def test_a_refusal_ends_it_behind_the_last_that_was_taken(
    tmp_path: Path, status: int, sentence: str
) -> None:
    with pytest.raises(SinkRefused, match=sentence):
        await post(tmp_path, [200, status])
    assert CursorFile(tmp_path / "cursor").read() == "a.1"


def test_the_signature_is_that_of_the_specification() -> None:
    secret = parse_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = signed_headers(
        secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("text", ["", "whsec_", "whsec_c2hvcnQ=", "whsec_%%%"])
def test_a_secret_that_is_none_is_told(text: str) -> None:
    with pytest.raises(ConfigError, match="COFFEERT_WEBHOOK_SECRET"):
        parse_secret(text)
