"""Connections to Redis: short timeouts, no retries, and one kind of error."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.connection import SSLConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    MovedError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
)

from coffeert.errors import ConfigError, RedisUnavailable
from coffeert.redis_bus.address import RedisAddress, UnusableAddress, parse_address
from coffeert.redis_bus.located_connection import LocatedConnection, LocatedSSLConnection
from coffeert.redis_bus.locators import ClusterLocator, Locator, SentinelLocator

TIMEOUT_SECONDS = 1.0
"""Seconds to connect, to send, or to wait for an answer."""

FULL: Final = "its memory is full (maxmemory), and nothing may be evicted"

_MAX_REASON_LENGTH = 300
# By its text: a connection says so otherwise than a script, and Redis 7's script otherwise than Valkey's.
_NO_PERMISSION = re.compile("no permissions? |user executing the script can't ", re.IGNORECASE)

# A URL may set any option of the library except for those that our code depends on: answers as bytes,
# messages among them as in RESP 2, and errors that are raised and not retried.
_NEEDED: Final[dict[str, Any]] = {
    "decode_responses": False,
    "protocol": 2,
    "retry": Retry(NoBackoff(), 0),
    "client_name": "coffeert",
}


def open_client(url: str, *, timeout: float = TIMEOUT_SECONDS) -> Redis:
    """Return a client that connects when first used, and again when it is used after a break.

    The caller closes it with `close_client`. Raises `ConfigError` for a wrong URL, without repeating it:
    it may hold a password.
    """
    try:
        address = parse_address(url)
        options = {"socket_timeout": timeout, "socket_connect_timeout": timeout, **address.options}
        options |= _NEEDED
        if address.nodes:
            tls = options.get("connection_class") is SSLConnection
            options["connection_class"] = LocatedSSLConnection if tls else LocatedConnection
            options["locator"] = _locator(address)
        pool = ConnectionPool(**options)
        pool.connection_class(**pool.connection_kwargs)  # does not connect, but checks the options
    except (ValueError, TypeError) as error:
        reason = f" ({error})" if isinstance(error, UnusableAddress) else ""
        raise ConfigError(
            f"The Redis URL cannot be used{reason}: it must look like redis://host:6379/0, rediss://..., "
            "unix:///path, redis+sentinel://host:26379,host/service/0 or redis+cluster://host:6379,host, "
            "with special characters of a password as %40."
        ) from None
    return Redis(connection_pool=pool)


def _locator(address: RedisAddress) -> Locator:
    if address.service:
        options = {**address.sentinel_options, **_NEEDED, "client_name": None}
        return SentinelLocator(address.nodes, address.service, options)
    return ClusterLocator(address.nodes, {**address.options, **_NEEDED})


async def close_client(client: Redis) -> None:
    """Close every connection of a client, also those in use."""
    try:
        await client.connection_pool.disconnect()
    except (RedisError, OSError):  # already broken, which is as good as closed
        return


@contextmanager
def redis_errors() -> Iterator[None]:
    """Raise `RedisUnavailable`, in one plain sentence, in place of every error of Redis."""
    try:
        yield
    except (RedisError, OSError) as error:
        raise RedisUnavailable(f"Redis cannot be used: {_reason(error)}.") from error


def _reason(error: Exception) -> str:
    # Redis and its library put the host or the socket in the text, never the password.
    text = " ".join(str(error).split()) or type(error).__name__
    match error:
        case _ if _NO_PERMISSION.search(text):
            text = f"its user lacks a privilege ({text.rstrip('.')})"
        case OutOfMemoryError():
            text = FULL
        case ReadOnlyError():
            text = "it is a replica, which takes no writes"
        case MovedError():
            text = "it is a cluster, whose URL begins with redis+cluster:// or rediss+cluster://"
        case _ if text.startswith("unknown command") and "DEL" in text.upper():
            text += " (a Sentinel? Its URL begins with redis+sentinel://)"
    return (text if len(text) <= _MAX_REASON_LENGTH else text[:_MAX_REASON_LENGTH] + "…").rstrip(
        "."
    )
