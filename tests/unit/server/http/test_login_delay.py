"""Wrong tokens slow the next try of the same address, and lock nobody out."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from coffeert.errors import TooManyRequests, Unauthorized, Unavailable
from coffeert.server.http import login_delay
from coffeert.server.http.login_delay import LoginDelay

ATTACKER, OWNER = "192.0.2.66", "192.0.2.1"


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits that were asked for, none of which is waited for."""
    waits: list[float] = []
    sleep = asyncio.sleep

    async def skip(seconds: float) -> None:
        waits.append(seconds)
        await sleep(0)

    monkeypatch.setattr(asyncio, "sleep", skip)
    return waits


async def attempt(delay: LoginDelay, address: str, *, right: bool = False) -> None:
    with suppress(Unauthorized):
        async with delay.turn(address) as wrong:
            if not right:
                wrong()
                raise Unauthorized("wrong")


async def test_each_wrong_try_makes_the_next_one_wait_longer(slept: list[float]) -> None:
    delay = LoginDelay()
    for _ in range(7):
        await attempt(delay, ATTACKER)
    assert slept == [0.25, 0.5, 1.0, 2.0, 2.0, 2.0]


async def test_others_do_not_wait(slept: list[float]) -> None:
    delay = LoginDelay()
    for _ in range(5):
        await attempt(delay, ATTACKER)
    slept.clear()
    await attempt(delay, OWNER, right=True)
    assert slept == []


async def test_a_right_token_ends_the_waits(slept: list[float]) -> None:
    delay = LoginDelay()
    for right in (False, False, True, True):
        await attempt(delay, OWNER, right=right)
    assert slept == [0.25, 0.5]


async def test_so_does_time(slept: list[float]) -> None:
    now = 0.0
    delay = LoginDelay(lambda: now)
    await attempt(delay, OWNER)
    now = 601.0
    await attempt(delay, OWNER)
    assert slept == []


@pytest.mark.parametrize(
    "other", ["2001:db8:0:1::2", "2001:db8:0:1:ffff::", "2001:db8:0:1::1%eth0"]
)
async def test_a_network_of_ipv6_is_one_address(slept: list[float], other: str) -> None:
    delay = LoginDelay()
    await attempt(delay, "2001:db8:0:1::1")
    await attempt(delay, other)
    assert slept == [0.25]
    await attempt(delay, "2001:db8:0:2::1")
    assert slept == [0.25]


async def test_tries_at_the_same_time_wait_for_each_other(slept: list[float]) -> None:
    delay = LoginDelay()
    await asyncio.gather(*(attempt(delay, ATTACKER) for _ in range(8)))
    assert len(slept) == 7


async def test_too_many_at_the_same_time_are_refused_and_let_in_later(slept: list[float]) -> None:
    delay = LoginDelay()
    tries = [attempt(delay, ATTACKER) for _ in range(12)]
    refused = await asyncio.gather(*tries, return_exceptions=True)
    assert [type(each) for each in refused if each is not None] == [
        TooManyRequests
    ] * 3  # one more has ended at once
    await attempt(delay, ATTACKER, right=True)


async def test_what_could_not_be_tried_counts_as_neither(slept: list[float]) -> None:
    delay = LoginDelay()
    await attempt(delay, ATTACKER)
    with suppress(Unavailable):
        async with delay.turn(ATTACKER):
            raise Unavailable("Redis is away", retry_after=1)
    await attempt(delay, ATTACKER)
    assert slept == [0.25, 0.25]


async def test_it_forgets_addresses_before_there_are_too_many(
    slept: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(login_delay, "_MAX_ADDRESSES", 10)
    delay = LoginDelay()
    for number in range(100):
        await attempt(delay, f"192.0.2.{number}")
        assert len(delay._attempts) <= 10
