"""Connections to Redis: short timeouts, no retries, and one kind of error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from coffeert.errors import ConfigError, RedisUnavailable

TIMEOUT = 1.0
"""Seconds to connect, to send, or to wait for an answer."""

_REASON_MAX = 200

# A URL may set any option of the library but those that our code depends on: bytes as answers, pushed
# messages among them as in RESP 2, and errors that are told instead of retried.
_NEEDED: Final[dict[str, Any]] = {
    "decode_responses": False,
    "protocol": 2,
    "retry": Retry(NoBackoff(), 0),
    "client_name": "coffeert",
}


def open_client(url: str, *, timeout: float = TIMEOUT) -> Redis:
    """Make a client that connects when first used, and again by itself when used after a break.

    The caller closes it with `close_client`. Raises `ConfigError` where the URL is none, without
    repeating it: it may hold a password.
    """
    try:
        options = {"socket_timeout": timeout, "socket_connect_timeout": timeout, **parse_url(url)}
        pool = ConnectionPool(**{**options, **_NEEDED})
        pool.connection_class(
            **pool.connection_kwargs
        )  # connects nothing, but looks at the options
    except (ValueError, TypeError):
        raise ConfigError(
            "The Redis URL cannot be used: it must look like redis://host:6379/0, "
            "rediss://... or unix:///path."
        ) from None
    return Redis(connection_pool=pool)


async def close_client(client: Redis) -> None:
    """Close every connection of a client, also those in use."""
    try:
        await client.connection_pool.disconnect()
    except (RedisError, OSError):  # already broken, which is as good as closed
        return


@contextmanager
def redis_errors() -> Iterator[None]:
    """Turn whatever goes wrong with Redis into `RedisUnavailable`, in one plain sentence."""
    try:
        yield
    except (RedisError, OSError) as error:
        raise RedisUnavailable(f"Redis cannot be used: {_reason(error)}.") from error


def _reason(error: Exception) -> str:
    # Redis and its library put the host or the socket in the text, never the password.
    text = " ".join(str(error).split()) or type(error).__name__
    return (text if len(text) <= _REASON_MAX else text[:_REASON_MAX] + "…").rstrip(".")
