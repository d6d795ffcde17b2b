"""A body is awaited only so long."""

from __future__ import annotations

import asyncio

import pytest

from coffeert.errors import RequestTimeout
from coffeert.server.http.body_timeout import BodyTimeout


async def test_a_body_that_stops_is_not_waited_for() -> None:
    stream = asyncio.StreamReader()
    with pytest.raises(RequestTimeout):
        await BodyTimeout(0.01).wait(stream.read(1))


async def test_what_has_arrived_is_read_whatever_the_clock() -> None:
    stream = asyncio.StreamReader()
    stream.feed_data(b"x")
    assert await BodyTimeout(1.0).wait(stream.read(1)) == b"x"
