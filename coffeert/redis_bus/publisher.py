"""Publishes passes of the aggregator: the snapshot, the keys for people, and the message."""

from __future__ import annotations

import asyncio
from importlib.resources import files
from typing import Final

import msgspec
import structlog

from coffeert.domain.orders import Order
from coffeert.domain.rollups import RollupCube
from coffeert.errors import Fenced, RedisUnavailable
from coffeert.redis_bus import keys
from coffeert.redis_bus.connection import close_client, open_client, redis_errors
from coffeert.redis_bus.plan import plan_publish
from coffeert.redis_bus.snapshot import Meta
from coffeert.wire.bus import PassMessage

log = structlog.get_logger(__name__)

MAX_CELLS: Final = 5000
"""The most cells that a message carries; past it readers load the snapshot, which is not much more."""

_TIMEOUT = 3.0  # writing the whole picture of a large menu takes a part of a second
_SCRIPT = files("coffeert.redis_bus").joinpath("publish.lua").read_text("utf-8")

_encode = msgspec.json.Encoder().encode


class RedisPublisher:
    """Brings Redis to the state after each pass, atomically, and only for the leader.

    The aggregator's `Publisher`. What may write is decided inside the script:

    - No lineage may write with a token below its fence: the highest token that it has published with,
      in a key of its own, so that it outlives the snapshot and its replacement by another lineage.
    - Same lineage as the stored pass: a token below the stored one is fenced. With an equal token, an
      earlier pass is left out, since a later one is there already; the stored pass again, unchanged, is
      written once more (a refresh, or a retry whose first answer was lost).
    - Another lineage replaces the stored one, whatever its token: tokens of two databases cannot be
      compared, and one restored from an old dump begins again with a low one. But a leader from before
      a rebuild, waking late, is another lineage too, and may never have published before, so that no
      fence tells on it. It is told apart by when its pass was made: a rebuild happens between the last
      pass of the old lineage and the first of the new one. So another lineage needs a later `data_time`
      than the stored pass, or a higher token, which a rebuild always gives and which still holds
      should the database's clock have been put back.
    - Nothing stored: whoever is not below its fence may write. Right after a FLUSHALL that may be a
      stale leader; the next publish of the real one, an interval later, replaces it by these rules.

    What is written is what the pass changed, if the pass before is stored and every other bucket and
    every key for people is in place; else everything. So what FLUSHALL, a restart, a missed publish or
    a person's DEL took away is back with the next pass, and so is what a person's SET lies in place of.
    """

    def __init__(self, url: str) -> None:
        """Prepare for the Redis at `url`; raises `ConfigError` where that is no address of one."""
        self._client = open_client(url, timeout=_TIMEOUT)
        self._script = self._client.register_script(_SCRIPT)

    async def publish(
        self, message: PassMessage, picture: RollupCube, recent: tuple[Order, ...]
    ) -> None:
        """Publish a pass: the message, and the picture that it leads to.

        The picture must not change until this returns. Raises `Fenced` where another leader has
        written, and `RedisUnavailable` where it is unknown whether anything was written; publishing
        again is harmless.
        """
        answer = await self._run(message, picture, recent, whole=False)
        if answer == "incomplete":
            answer = await self._run(message, picture, recent, whole=True)
        match answer.split():
            case ["written", *foreign]:
                if foreign:
                    log.warning("foreign values in redis replaced", keys=sorted(foreign))
            case ["superseded"]:
                return
            case ["fenced", token]:
                raise Fenced(
                    f"Another aggregator has published with fencing token {token}; "
                    f"this one has {message.token} and must not write."
                )
            case _:
                raise RedisUnavailable(f"Redis gave the publisher an unknown answer: {answer!r}.")

    async def close(self) -> None:
        """Close the connection; a later publish would open another."""
        await close_client(self._client)

    async def _run(
        self, message: PassMessage, picture: RollupCube, recent: tuple[Order, ...], *, whole: bool
    ) -> str:
        if whole:  # of a large menu takes a part of a second, in which others want their turn
            planned = asyncio.to_thread(plan_publish, message, picture, recent, whole=True)
            plan, fields = await planned
        else:
            plan, fields = plan_publish(message, picture, recent, whole=False)
        sent = message
        if message.cells is not None and len(message.cells) > MAX_CELLS:
            sent = msgspec.structs.replace(message, cells=None)
        names = [keys.SNAPSHOT, keys.TOP_DRINKS, keys.RECENT, keys.fence(message.lineage)]
        arguments = [
            _encode(plan),
            _encode(Meta.of(message)),
            keys.PASS_CHANNEL,
            _encode(sent),
            *fields,
        ]
        with redis_errors():
            answer: bytes = await self._script(names, arguments)
        return answer.decode()
