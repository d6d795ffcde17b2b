"""Finds the server that has our keys now: by Sentinels, or by the nodes of a cluster.

All are asked at once, and the answer of the latest epoch holds: a Sentinel or a node that was cut off from
the others still tells what was true before.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from redis.asyncio.connection import Connection
from redis.crc import key_slot
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from coffeert.redis_bus import keys
from coffeert.redis_bus.address import RedisNode

_TIMEOUT_SECONDS: Final = 0.5
_SLOT: Final = key_slot(keys.PREFIX.encode())


class Located(msgspec.Struct, frozen=True):
    """What one node says: which server has our keys, as of `epoch`; `others` can be asked as well."""

    epoch: int
    server: RedisNode
    others: tuple[RedisNode, ...] = ()


class Locator(ABC):
    """Asks `nodes`, by connections with `options`, which server has our keys."""

    who: str
    """Whom it asks, in a sentence."""

    def __init__(self, nodes: tuple[RedisNode, ...], options: Mapping[str, Any]) -> None:
        self._nodes = nodes
        self._learnt: tuple[RedisNode, ...] = ()
        short = {"socket_timeout": _TIMEOUT_SECONDS, "socket_connect_timeout": _TIMEOUT_SECONDS}
        self._options = {**options, **short}
        self._connection_class: type[Connection] = self._options.pop("connection_class", Connection)

    async def locate(self) -> RedisNode:
        """Return where our keys are now; raises the library's `ConnectionError` if nobody says so."""
        nodes = dict.fromkeys((*self._nodes, *self._learnt))
        said = await asyncio.gather(*map(self._ask_in_time, nodes))
        located = [one for one in said if isinstance(one, Located)]
        if not located:
            by_reason: dict[str, list[str]] = {}
            for node, reason in zip(nodes, said, strict=True):
                by_reason.setdefault(str(reason).rstrip("."), []).append(str(node))
            reasons = "; ".join(f"{', '.join(who)}: {reason}" for reason, who in by_reason.items())
            raise RedisConnectionError(f"{self.who} where our keys are ({reasons})")
        latest = max(located, key=lambda one: one.epoch)
        self._learnt = latest.others
        return latest.server

    async def _ask_in_time(self, node: RedisNode) -> Located | str:
        """Return what a node says, or why it says nothing."""
        try:
            async with asyncio.timeout(2 * _TIMEOUT_SECONDS):
                return await self._ask(node)
        except TimeoutError:
            return "no answer in time"
        except (RedisError, OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            return str(error) or type(error).__name__

    @abstractmethod
    async def _ask(self, node: RedisNode) -> Located:
        """Return what a node says; raises if it does not know."""

    async def _answers(self, node: RedisNode, commands: Iterable[tuple[str, ...]]) -> list[Any]:
        connection = self._connection_class(
            **{**self._options, "host": node.host, "port": node.port}
        )
        try:
            await connection.connect()  # type: ignore[no-untyped-call] # of the library
            answers = []
            for command in commands:
                await connection.send_command(*command)
                answers.append(await connection.read_response())
            return answers
        finally:
            await connection.disconnect(nowait=True)


class SentinelLocator(Locator):
    """Finds the primary of a service (redis.io, "Guidelines for Sentinel clients").

    The address is asked for by its own command, which is right earlier in a failover than the others.
    """

    who = "no Sentinel says"

    def __init__(
        self, nodes: tuple[RedisNode, ...], service: str, options: Mapping[str, Any]
    ) -> None:
        super().__init__(nodes, options)
        self._service = service

    async def _ask(self, node: RedisNode) -> Located:
        commands = (
            ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self._service),
            ("SENTINEL", "MASTER", self._service),
        )
        address, fields = await self._answers(node, commands)
        described = dict(zip(fields[::2], fields[1::2], strict=True))
        host, port = address
        return Located(int(described[b"config-epoch"]), RedisNode(host.decode(), int(port)))


class ClusterLocator(Locator):
    """Finds the owner of the slot that all our keys are in, and learns of its replicas."""

    who = "no node of the cluster says"

    async def _ask(self, node: RedisNode) -> Located:
        info, ranges = await self._answers(node, (("CLUSTER", "INFO"), ("CLUSTER", "SLOTS")))
        state = dict(line.partition(":")[::2] for line in info.decode().splitlines())
        if state["cluster_state"] != "ok":  # or cut off, and what it says is of the past
            raise RedisConnectionError("it says that the cluster is down")
        for first, last, *servers in ranges:
            if first <= _SLOT <= last:
                owner, *replicas = (_known_as(node, server) for server in servers)
                epoch = int(state["cluster_current_epoch"])
                return Located(epoch, owner, (owner, *replicas))
        raise RedisConnectionError(f"nobody has slot {_SLOT}")


def _known_as(asked: RedisNode, server: list[Any]) -> RedisNode:
    # A node that does not know its own name says nothing, or `?`: it is the one that was asked.
    host, port = server[:2]
    return RedisNode(asked.host if host in {None, b"", b"?"} else host.decode(), port)
