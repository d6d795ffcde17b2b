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

TIMEOUT_SECONDS = 1.0
"""Seconds to connect, to send, or to wait for an answer."""

_MAX_REASON_LENGTH = 200

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
        options = {"socket_timeout": timeout, "socket_connect_timeout": timeout, **parse_url(url)}
        pool = ConnectionPool(**{**options, **_NEEDED})
        pool.connection_class(**pool.connection_kwargs)  # does not connect, but checks the options
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
    """Raise `RedisUnavailable`, in one plain sentence, in place of every error of Redis."""
    try:
        yield
    except (RedisError, OSError) as error:
        raise RedisUnavailable(f"Redis cannot be used: {_reason(error)}.") from error


def _reason(error: Exception) -> str:
    # Redis and its library put the host or the socket in the text, never the password.
    text = " ".join(str(error).split()) or type(error).__name__
    return (text if len(text) <= _MAX_REASON_LENGTH else text[:_MAX_REASON_LENGTH] + "…").rstrip(
        "."
    )
