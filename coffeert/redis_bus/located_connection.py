"""A connection to whichever server has our keys at the moment when it is made."""

from __future__ import annotations

from typing import Any, Final

from redis.asyncio.connection import Connection, SSLConnection
from redis.exceptions import (
    AskError,
    ClusterDownError,
    ReadOnlyError,
    ResponseError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as RedisConnectionError

from coffeert.redis_bus import keys
from coffeert.redis_bus.locators import Locator

_ELSEWHERE: Final = (
    ReadOnlyError,
    AskError,
    ClusterDownError,
    TryAgainError,
)  # AskError: MOVED too
_TOO_FEW_REPLICAS: Final = "NOREPLICAS"


class LocatedConnection(Connection):
    """Asks the locator whenever it connects, and ends when the server no longer takes our writes.

    The library's Sentinel and cluster clients are not used: see docs/decisions/0048.
    """

    def __init__(self, *, locator: Locator, **options: Any) -> None:
        super().__init__(**options)
        self._locator = locator

    async def _connect(self) -> None:
        server = await self._locator.locate()
        self.host, self.port = server.host, server.port
        await super()._connect()  # type: ignore[no-untyped-call] # of the library

    async def on_connect_check_health(self, check_health: bool = True) -> None:
        """Begin the session, and see by a write that changes nothing that this server takes ours.

        A replica lets one subscribe and publish, and so would go unnoticed.
        """
        await super().on_connect_check_health(check_health=check_health)
        await self.send_command("DEL", keys.NOTHING, check_health=False)
        await self.read_response()

    async def read_response(self, *arguments: Any, **options: Any) -> Any:
        """Read an answer; raises the library's `ConnectionError` if our keys are elsewhere now."""
        try:
            return await super().read_response(*arguments, **options)
        except ResponseError as error:
            if not isinstance(error, _ELSEWHERE) and not str(error).startswith(_TOO_FEW_REPLICAS):
                raise
            await self.disconnect(nowait=True)
            reason = type(error).__name__.removesuffix("Error")
            raise RedisConnectionError(
                f"{self.host}:{self.port} does not take our writes any more ({reason})"
            ) from error


class LocatedSSLConnection(LocatedConnection, SSLConnection):
    """The same by TLS."""
