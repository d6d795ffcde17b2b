"""How fast tokens can be tried at the login: slower with each wrong one, and never not at all."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from ipaddress import IPv6Address, ip_address
from typing import Final

from coffeert.errors import TooManyRequests

_FIRST_SECONDS: Final = 0.25
_MAX_SECONDS: Final = 2.0
_MAX_WAITING: Final = 8
_FORGET_SECONDS: Final = 600.0
_MAX_ADDRESSES: Final = 10_000


class _Attempts:
    """The wrong tries of one address since the last right one."""

    __slots__ = ("failed", "failures", "last", "lock", "waiting")

    def __init__(self, now: float) -> None:
        self.failures = 0
        self.failed = False  # this time
        self.waiting = 0
        self.last = now
        self.lock = asyncio.Lock()

    def fail(self) -> None:
        self.failures += 1
        self.failed = True


class LoginDelay:
    """Lets one try of an address at a time through, after a wait that doubles with each wrong one.

    A wrong try makes the next one wait, so abandoning the connection and trying on another gains nothing.
    Two seconds are the longest: the owner of a mistyped token, or of the address that somebody else tries
    from, still gets in. An IPv6 address counts with its whole /64, since one machine has all of that.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._attempts: dict[str, _Attempts] = {}

    @asynccontextmanager
    async def turn(self, address: str) -> AsyncIterator[Callable[[], None]]:
        """Wait for the turn of a try; the block calls what it gets if the try was wrong.

        A block that ends without that, and without an error, was right.
        Raises `TooManyRequests` if eight of this address wait already.
        """
        attempts = self._of(_network(address))
        if attempts.waiting >= _MAX_WAITING:
            raise TooManyRequests("Too many logins are tried from this address.", retry_after=2)
        attempts.waiting += 1
        try:
            async with attempts.lock:
                attempts.failed = False
                if attempts.failures:
                    exponent = min(attempts.failures - 1, 10)
                    await asyncio.sleep(min(_MAX_SECONDS, _FIRST_SECONDS * 2**exponent))
                attempts.last = self._clock()
                yield attempts.fail
                if not attempts.failed:
                    attempts.failures = 0
        finally:
            attempts.waiting -= 1

    def _of(self, network: str) -> _Attempts:
        now = self._clock()
        found = self._attempts.get(network)
        if found is None:
            if len(self._attempts) >= _MAX_ADDRESSES:
                self._forget(now)
            found = self._attempts[network] = _Attempts(now)
        elif not found.waiting and now - found.last > _FORGET_SECONDS:
            found.failures = 0
        return found

    def _forget(self, now: float) -> None:
        idle = [name for name, found in self._attempts.items() if not found.waiting]
        old = [name for name in idle if now - self._attempts[name].last > _FORGET_SECONDS]
        for name in old or idle[: _MAX_ADDRESSES // 10]:  # which are the first ones that came
            del self._attempts[name]


def _network(address: str) -> str:
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is None:
        return parsed.exploded[:19]
    return str(parsed)
